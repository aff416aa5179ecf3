"""One server for all tests of this room that leave it as it is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from funding.nats.connection import Connection
from tests.support.nats_server import NatsServer, connected, serving


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """A server that nobody stops: each test has names of its own on it."""
    with serving(tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.fixture
def connection(shared_server: NatsServer) -> Iterator[Connection]:
    """A connection to it."""
    with connected(shared_server) as made:
        yield made


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    """A server of the test's own."""
    with serving(tmp_path) as made:
        yield made
