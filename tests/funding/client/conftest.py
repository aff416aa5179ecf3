"""One service for the tests of the client, and clients that are closed in the end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from funding.runtime.clock import SYSTEM
from tests.support.api_and_ingest import World, exchange_and_service
from tests.support.clients import Clients
from tests.support.clock import write
from tests.support.nats_server import NatsServer, serving
from tests.support.publisher import Publisher, publishing


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """350 symbols and more, two ticks a second."""
    folder = tmp_path_factory.mktemp("world")
    with exchange_and_service(folder, "--main", "360", "--tick", "0.5") as made:
        yield made


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A store of the client's own, so that what it writes is seen alone."""
    path = tmp_path / "own.db"
    write(path, SYSTEM)
    return path


@pytest.fixture
def make(world: World, database: Path) -> Iterator[Clients]:
    """Makes clients in any mode, with changed settings. REST has counted no call: all tests of a
    minute would share its limit."""
    world.exchange.forget_calls()
    made = Clients(world, database)
    yield made
    made.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    """A NATS server of the test's own."""
    with serving(tmp_path) as made:
        yield made


@pytest.fixture
def publisher(server: NatsServer) -> Iterator[Publisher]:
    """A taker on it."""
    with publishing(server) as made:
        yield made
