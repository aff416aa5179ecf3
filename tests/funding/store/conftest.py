"""A path for a database, and a store as everybody but ingest has it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from funding.store.durable import DurableConnection
from tests.support.clock import ManualClock, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a database may be made, in a folder that is not there yet."""
    return tmp_path / "var" / "funding.db"


@pytest.fixture
def store(path: Path) -> Iterator[DurableConnection]:
    """A connection to the database at `path`, as ingest has made it."""
    write(path, ManualClock().clock())
    with closing(DurableConnection(path)) as made:
        yield made
