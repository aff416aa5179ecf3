"""A venue of the shared stand-in, without faults at the start of each test."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import websocket

from tests.harness.sim.exchange import Exchange

Connect = Callable[..., "Socket"]


class Socket:
    """One client of a venue."""

    def __init__(self, connection: websocket.WebSocket) -> None:
        self.connection = connection

    def send(self, message: object) -> None:
        """One JSON message."""
        self.connection.send(json.dumps(message))

    def next(self, wanted: Callable[[Any], bool] = lambda _message: True) -> Any:
        """The next message that is wanted; the connection's timeout ends a vain wait."""
        while True:
            text = self.connection.recv()
            try:
                message = json.loads(text)
            except ValueError:
                message = text
            if wanted(message):
                return message


@pytest.fixture
def connect(exchange: Exchange) -> Connect:
    """Opens a WebSocket at a path of the stand-in."""
    return lambda path: Socket(exchange.connect(path))


@pytest.fixture(autouse=True)
def no_faults(exchange: Exchange) -> Iterator[None]:
    yield
    for venue in ("kucoin", "hyperliquid", "backpack"):
        assert exchange.call(f"/sim/{venue}/faults", "DELETE")[0] == 200


def fault(exchange: Exchange, venue: str, **faults: object) -> None:
    """Put faults of a venue in force."""
    status, body, _ = exchange.call(f"/sim/{venue}/faults", "POST", faults)
    assert status == 200, body
