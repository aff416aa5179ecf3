"""An HTTP server at the far end of the wire: it sends the bytes it is told to."""

import re
import socketserver
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

Turn = Callable[[Any, threading.Event], None]


def reply(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    """An answer with its length; `headers` have _ for -."""
    named = {"Content-Length": str(len(body))}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status} Reason\r\n{head}\r\n".encode() + body


def sends(*parts: bytes, close: bool = False) -> Turn:
    """Send all of it, and perhaps close the connection then."""

    def turn(connection: Any, _stopping: threading.Event) -> None:
        for part in parts:
            connection.sendall(part)
        if close:
            raise ConnectionAbortedError

    return turn


def trickles(first: bytes, slow: bytes, seconds: float = 0.05) -> Turn:
    """Send `first`, then a byte of `slow` every so many seconds."""

    def turn(connection: Any, stopping: threading.Event) -> None:
        connection.sendall(first)
        for byte in slow:
            if stopping.wait(seconds):
                raise ConnectionAbortedError
            connection.sendall(bytes([byte]))

    return turn


def hangs(_connection: Any, stopping: threading.Event) -> None:
    """Say nothing."""
    stopping.wait()
    raise ConnectionAbortedError


class Scripted:
    """Takes the `turns` in order, one a request; the last stays. `asked` has the request lines
    and headers in lower case, `posted` the bodies."""

    def __init__(self, address: Any, turns: Sequence[Turn]) -> None:
        self.address = address
        self.turns = list(turns)
        self.asked: list[str] = []
        self.posted: list[bytes] = []
        self.connections = 0

    @property
    def port(self) -> int:
        return int(self.address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        return [head.split(" ", 2)[1] for head in self.asked]

    def next(self) -> Turn:
        return self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]


@contextmanager
def scripted(*turns: Turn, unix: str | None = None) -> Iterator[Scripted]:
    """A server on a loopback port, or at the unix socket `unix`, while the block runs."""
    stopping = threading.Event()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            made.connections += 1
            with suppress(ConnectionError):
                while head := self.head():
                    made.asked.append(head)
                    made.next()(self.connection, stopping)

        def head(self) -> str:
            lines = b""
            while (line := self.rfile.readline()) not in (b"", b"\r\n"):
                lines += line
            length = re.search(rb"(?im)^content-length: *(\d+)", lines)
            made.posted.append(self.rfile.read(int(length[1])) if length else b"")
            return lines.decode()

    family = socketserver.ThreadingUnixStreamServer if unix else socketserver.ThreadingTCPServer
    server: Any = family(unix or ("127.0.0.1", 0), Handler)  # type: ignore[arg-type]
    server.daemon_threads = True
    made = Scripted(server.server_address, turns)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield made
    finally:
        stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()
