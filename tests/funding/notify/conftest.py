"""What the tests of the outbox share."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from funding.notify.backend import BackendClient
from funding.store.durable import DurableConnection
from funding.store.stated_waits import StatedWaits
from harness.processes import WAIT_SECONDS
from tests.support.clock import ManualClock, write
from tests.support.fake_backend import serving
from tests.support.outbox_scene import Scene


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    hand = ManualClock()
    path = tmp_path / "funding.db"
    write(path, hand.clock())
    with (
        serving() as far,
        closing(DurableConnection(path)) as connection,
        closing(BackendClient(WAIT_SECONDS, waits=StatedWaits(path, hand.clock()))) as backend,
    ):
        yield Scene(path, hand, far, connection, backend)
