"""HTTP to a loopback port: one request on a connection of its own, or raw sockets."""

import http.client
import json
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from harness.processes import WAIT_SECONDS


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; the names of `headers` are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which must be strict JSON."""
        return json.loads(self.body, parse_constant=_no_constant)


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def ask(
    port: int, target: str, method: str = "GET", *, seconds: float = WAIT_SECONDS, **headers: str
) -> Answer:
    """The answer of 127.0.0.1:`port`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, target, headers=named)
        with connection.getresponse() as response:
            return Answer(response.status, _lower(response), response.read())
    finally:
        connection.close()


def serves(port: int, target: str = "/funding/BTCUSDT") -> Answer | None:
    """The answer, if it is a 200; None also while nothing listens."""
    with suppress(OSError, http.client.HTTPException):
        answer = ask(port, target, seconds=2)
        return answer if answer.status == 200 else None
    return None


def connect(port: int) -> socket.socket:
    """A raw connection to 127.0.0.1:`port`."""
    return socket.create_connection(("127.0.0.1", port), timeout=WAIT_SECONDS)


def receive(connection: socket.socket, method: str = "GET") -> Answer:
    """The next answer on a raw connection."""
    with http.client.HTTPResponse(connection, method=method) as response:
        response.begin()
        return Answer(response.status, _lower(response), response.read())


def to_the_end(connection: socket.socket) -> bytes:
    """All that comes until the other side closes; with unread input it does so by a reset."""
    received = b""
    with suppress(ConnectionResetError):
        while part := connection.recv(65_536):
            received += part
    return received


def _lower(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}
