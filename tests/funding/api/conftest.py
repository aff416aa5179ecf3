"""What the tests of the HTTP server share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from funding.api.server import Server
from tests.support.api_world import BTC, CHINESE, DATED, ETH, World
from tests.support.http_server import Application, port_of, serving


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
def watchdog_socket(short_path: Path) -> Path:
    return short_path / "watchdog.sock"


@pytest.fixture
def server(application: Application, watchdog_socket: Path) -> Iterator[Server]:
    with serving(application, watchdog_socket) as running:
        yield running


@pytest.fixture
def port(server: Server) -> int:
    """Where the application is served."""
    return port_of(server)


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[World]:
    """No database yet."""
    world = World(tmp_path / "funding.db")
    yield world
    if hasattr(world, "writer"):
        world.writer.close()


@pytest.fixture
def world(bare: World) -> World:
    """Four symbols, just received over a connection."""
    bare.begin()
    bare.connect()
    bare.frame(BTC, ETH, CHINESE, DATED)
    return bare
