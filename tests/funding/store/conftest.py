"""A path for a database, a store as everybody but ingest has it, and one with a quote."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from funding.store.durable import DurableConnection
from funding.store.reader import Reader
from tests.support.clock import ManualClock, write
from tests.support.store import feed_of, quote, reading, received, writing


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


@pytest.fixture
def quoted(path: Path) -> Path:
    """The database at `path`, with a quote of BTCUSDT."""
    with writing(path) as writer:
        writer.write(feed_of(), received(quote("BTCUSDT")))
    return path


@pytest.fixture
def reader(quoted: Path) -> Iterator[Reader]:
    """A reader of that database."""
    with reading(quoted) as made:
        yield made
