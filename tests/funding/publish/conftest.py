"""A NATS server of the test's own, and a store as ingest has made it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from funding.nats.connection import Connection
from funding.store.durable import DurableConnection
from tests.support.clock import ManualClock, write
from tests.support.nats_server import NatsServer, connected, serving


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is."""
    return tmp_path / "var" / "funding.db"


@pytest.fixture
def store(path: Path) -> Iterator[DurableConnection]:
    """A connection to the database at `path`, as ingest has made it."""
    write(path, ManualClock().clock())
    with closing(DurableConnection(path)) as made:
        yield made


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    """A server of the test's own."""
    with serving(tmp_path) as made:
        yield made


@pytest.fixture
def connection(server: NatsServer) -> Iterator[Connection]:
    """A connection to it."""
    with connected(server) as made:
        yield made
