"""A NATS server of the test's own, and a taker on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.nats_server import NatsServer, serving
from tests.support.publisher import Publisher, publishing


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    with serving(tmp_path) as made:
        yield made


@pytest.fixture
def publisher(server: NatsServer) -> Iterator[Publisher]:
    with publishing(server) as made:
        yield made
