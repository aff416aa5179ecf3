"""A running stand-in exchange, spoken to over real sockets."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from urllib.parse import quote

import pytest
import websocket

from harness.processes import WAIT_SECONDS, stop, until
from harness.stand_in import stand_in
from tests.conftest import RECORDED

DEADLINE = WAIT_SECONDS
TICK_MS = 60
ALL = "/market/stream?streams=!markPrice@arr@1s"
KEYS = ["e", "E", "s", "p", "ap", "P", "i", "r", "T", "st"]
Row = dict[str, Any]
T = TypeVar("T")


def cut(connection: websocket.WebSocket) -> None:
    """Closes the socket without a closing handshake."""
    connection.shutdown()  # type: ignore[no-untyped-call]


def raw_frame(connection: websocket.WebSocket) -> Any:
    """The next frame, unchecked."""
    return connection.recv_frame()  # type: ignore[no-untyped-call]


class Exchange:
    """A running stand-in: requests to it and connections with it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._open: list[websocket.WebSocket] = []

    def call(self, path: str, method: str = "GET", body: object = None) -> tuple[int, Any, Any]:
        """(status, decoded body or bytes, headers)."""
        data = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.port}{quote(path, safe='/?&=%')}"
        request = urllib.request.Request(url, data=data, method=method)
        try:
            with self._opener.open(request, timeout=DEADLINE) as reply:
                status, raw, headers = reply.status, reply.read(), reply.headers
        except urllib.error.HTTPError as error:
            with error:
                status, raw, headers = error.code, error.read(), error.headers
        try:
            return status, json.loads(raw), headers
        except ValueError:
            return status, raw, headers

    def get(self, path: str) -> Any:
        status, body, _ = self.call(path)
        assert status == 200, (path, status, body)
        return body

    def rest(self, path: str) -> Any:
        return self.get(f"/fapi/v1/{path}")

    def state(self) -> Any:
        return self.get("/sim/state")

    def faults(self, **faults: object) -> Any:
        status, body, _ = self.call("/sim/faults", "POST", faults)
        assert status == 200, body
        return body

    def clear(self, name: str = "") -> None:
        assert self.call(f"/sim/faults/{name}" if name else "/sim/faults", "DELETE")[0] == 200

    def connect(self, path: str = ALL, timeout: float = DEADLINE) -> websocket.WebSocket:
        url = f"ws://127.0.0.1:{self.port}{quote(path, safe='/?&=!@')}"
        made = websocket.create_connection(url, timeout=timeout, skip_utf8_validation=True)
        self._open.append(made)
        return made

    def close(self) -> None:
        for one in self._open:
            cut(one)
        self._open.clear()


@contextmanager
def exchange_of(*options: str) -> Iterator[Exchange]:
    """An exchange of its own; it must end cleanly, and must have printed its address alone."""
    with TemporaryDirectory() as folder, stand_in(Path(folder), *options, count=()) as made:
        exchange = Exchange(made.port)
        try:
            yield exchange
        finally:
            exchange.close()
        assert stop(made.process) == 0
        printed = (Path(folder) / "exchange.log").read_text()
        assert printed == f"stand-in exchange on {made.rest_url}\n"


def frame(connection: websocket.WebSocket) -> list[Row]:
    data = json.loads(connection.recv())["data"]
    assert isinstance(data, list)
    return data


def main_frame(connection: websocket.WebSocket) -> list[Row]:
    """The next frame of the main class."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        rows = frame(connection)
        if any(one.get("s") == "ETHUSDT" for one in rows if isinstance(one, dict)):
            return rows
    raise AssertionError("no main frame")


def undisturbed(exchange: Exchange, read: Callable[[], T]) -> T:
    """What `read` returns when no tick is left out and no frame skipped meanwhile, as happens on a
    busy machine."""

    def gaps() -> tuple[int, int]:
        state = exchange.state()
        return state["ticks_left_out"], state["frames_skipped"]

    def attempt() -> tuple[T] | None:
        before, found = gaps(), read()
        return (found,) if gaps() == before else None

    return until(attempt, "ticks without a gap")[0]


def by_symbol(rows: list[Row]) -> dict[str, Row]:
    return {row["s"]: row for row in rows}


def is_silent(connection: websocket.WebSocket, ticks: float = 3.0) -> bool:
    """Whether nothing arrives for so many ticks."""
    connection.settimeout(ticks * TICK_MS / 1000)
    try:
        raw_frame(connection)
    except websocket.WebSocketTimeoutException:
        return True
    finally:
        connection.settimeout(DEADLINE)
    return False


def closing(connection: websocket.WebSocket) -> tuple[int, str]:
    """Reads on to the close frame: (code, reason)."""
    while True:
        opcode, data = connection.recv_data()
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            return int.from_bytes(data[:2], "big"), data[2:].decode()


def lost(connection: websocket.WebSocket) -> type[BaseException]:
    """Reads on until the connection breaks without a close frame; how it broke."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        try:
            opcode, _ = connection.recv_data()
        except (OSError, websocket.WebSocketConnectionClosedException) as error:
            return type(error)
        assert opcode != websocket.ABNF.OPCODE_CLOSE
    raise AssertionError("still connected")


def recorded_reply() -> Path:
    path = RECORDED / "premiumIndex_all_2025-06-17.json"
    if not path.exists():
        pytest.skip(f"no recorded premiumIndex reply at {path}")
    return path
