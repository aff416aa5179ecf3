"""A reader of Server-Sent Events over a real socket."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

from harness.http_client import connect
from harness.processes import WAIT_SECONDS


class ReadEvent(NamedTuple):
    """One event as a browser would see it."""

    name: str
    data: Any
    id: str | None


class StreamReader:
    """Reads `client`, which has asked for a stream."""

    def __init__(self, client: socket.socket) -> None:
        client.settimeout(WAIT_SECONDS)
        self._lines = client.makefile("rb")
        self.status = int(self._lines.readline().split()[1])
        heads = (line.decode().strip() for line in iter(self._lines.readline, b"\r\n"))
        self.headers = {
            name.lower(): value for name, _, value in (head.partition(": ") for head in heads)
        }
        self._body = b""

    def events(self) -> Iterator[ReadEvent]:
        """Every event until the stream ends."""
        while True:
            whole, end, rest = self._body.partition(b"\n\n")
            if end:
                self._body = rest
                if b"data:" in whole:
                    yield _event(whole.decode())
            elif not self._chunk():
                return

    def close(self) -> None:
        """Leave."""
        self._lines.close()

    def next(self, *names: str) -> ReadEvent:
        """The next event of one of these names; heartbeats are left out without one."""
        wanted = names or ("quotes", "signal")
        return next(event for event in self.events() if event.name in wanted)

    def _chunk(self) -> bool:
        size = int(self._lines.readline() or b"0", 16)
        self._body += self._lines.read(size + 2)[:size]
        return size > 0


def _event(text: str) -> ReadEvent:
    fields = dict(line.split(": ", 1) for line in text.split("\n"))
    return ReadEvent(fields["event"], json.loads(fields["data"]), fields.get("id"))


@contextmanager
def stream(
    port: int, query: str = "", *headers: str, host: str = "127.0.0.1:8888"
) -> Iterator[StreamReader]:
    """A reader of /funding/stream, which leaves in the end."""
    lines = [f"GET /funding/stream{query} HTTP/1.1", f"Host: {host}", *headers, "", ""]
    with connect(port) as client:
        client.sendall("\r\n".join(lines).encode())
        reader = StreamReader(client)
        with closing(reader):
            yield reader
