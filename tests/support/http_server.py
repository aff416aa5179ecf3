"""A server around an application of the test's own, and what a raw client sends and receives."""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from funding.api.dispatcher import Channel
from funding.api.server import Server
from harness.processes import WAIT_SECONDS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LARGE = 30_000_000
"""Bytes: more than the kernel keeps for a client that does not read, and than waitress keeps
by default before it waits."""


class Application:
    """Answers /N with N bytes, and counts. /stream lasts until `ended`, and so does /held,
    which holds the server's loop."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.streams: list[str] = []
        self.endless = False
        self.ended = threading.Event()

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        self.asked.append(path)
        if path == "/defect":
            raise RuntimeError("a defect")
        if path == "/later":
            start_response("200 OK", [("Content-Length", "5")])(b"par")
            raise RuntimeError("a defect")
        if path == "/stream":
            start_response("200 OK", [("Content-Type", "text/plain")])
            return self.stream()
        if path == "/held":
            assert self.ended.wait(WAIT_SECONDS)
        body = b"xx" if path == "/held" else b"x" * int(path[1:])
        length = [] if self.endless else [("Content-Length", str(len(body)))]
        start_response("200 OK", [("Content-Type", "text/plain"), *length])
        return iter([body])

    def stream(self) -> Iterator[bytes]:
        self.streams.append(threading.current_thread().name)
        yield b"begun"
        assert self.ended.wait(WAIT_SECONDS)
        yield b"ended"


@contextmanager
def serving(application: Application, watchdog_socket: Path | None = None) -> Iterator[Server]:
    """A running server of the test's own application."""
    with running_server(application, "/stream".__eq__, watchdog_socket=watchdog_socket) as server:
        try:
            yield server
        finally:
            application.ended.set()


@contextmanager
def running_server(
    application: "WSGIApplication",
    takes_long: Callable[[str], bool],
    ending: Callable[[], None] = lambda: None,
    *,
    watchdog_socket: Path | None = None,
) -> Iterator[Server]:
    """A running server."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = Server(application, listening, watchdog_socket, takes_long, ending)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.stop()
            thread.join(WAIT_SECONDS)
        assert not thread.is_alive()


def port_of(server: Server) -> int:
    return int(server._servers[0].effective_port)


def channels(server: Server) -> list[Channel]:
    """The clients that are connected."""
    return [each for each in list(server._map.values()) if isinstance(each, Channel)]


def request(path: str, *headers: str, version: str = "1.1") -> bytes:
    return "\r\n".join([f"GET {path} HTTP/{version}", "Host: x", *headers, "", ""]).encode()


def lengths(client: socket.socket, count: int) -> list[int]:
    """Those of the bodies of the next `count` answers, which may come together."""
    found = []
    with client.makefile("rb") as stream:
        for _ in range(count):
            assert stream.readline() == b"HTTP/1.1 200 OK\r\n"
            headers = dict(line.split(b": ") for line in iter(stream.readline, b"\r\n"))
            found.append(int(headers[b"Content-Length"]))
            assert stream.read(found[-1]) == b"x" * found[-1]
    return found
