"""The load: `python -m harness.bench.load PORT CONNECTIONS SECONDS [--fresh] [--etag]`.

Targets come on stdin. One thread, raw sockets: each connection asks, waits for the whole answer,
asks again. `--fresh` opens a connection for each question, `--etag` sends back the last ETag and
times only the 304s. Prints {"ms": [...], "errors": n, "seconds": s, "cpu": share of a core}.
"""

import argparse
import json
import re
import selectors
import socket
import sys
import time
from itertools import cycle

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ETAG = re.compile(rb"\r\netag: *([^\r]+)", re.IGNORECASE)
_TIMEOUT_SECONDS = 5.0


class Connection:
    """One connection, and the answer that it waits for."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connection = self._connected()
        self.began = 0.0
        self.received = bytearray()
        self.needed = -1

    def _connected(self) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self.port), _TIMEOUT_SECONDS)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def reconnect(self) -> None:
        """Replace the connection by a new one."""
        self.connection.close()
        self.connection = self._connected()

    def ask(self, request: bytes) -> None:
        """Send one request."""
        self.received.clear()
        self.needed = -1
        self.began = time.perf_counter()
        self.connection.sendall(request)

    def done(self) -> bool:
        """Take what is there; whether the answer is whole. ConnectionError when it will not be."""
        part = self.connection.recv(1 << 20)
        if not part:
            raise ConnectionError
        self.received += part
        if self.needed < 0:
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return False
            length = _LENGTH.search(self.received, 0, end)
            self.needed = end + 4 + (int(length[1]) if length else 0)
        return len(self.received) >= self.needed

    @property
    def status(self) -> bytes:
        """Of the answer."""
        return bytes(self.received[9:12])


class Load:
    """Asks until the time is over."""

    def __init__(self, port: int, targets: list[str], fresh: bool, etag: bool) -> None:
        self.port, self.targets = port, cycle(targets)
        self.fresh, self.etag = fresh, etag
        self.tag = b""
        self.times: list[float] = []
        self.errors = 0

    def run(self, connections: int, seconds: float) -> None:
        """From the first question to the last answer."""
        end = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            for _ in range(connections):
                one = Connection(self.port)
                selector.register(one.connection, selectors.EVENT_READ, one)
                one.ask(self.request())
            while time.monotonic() < end or not (self.times or self.errors):
                ready = selector.select(_TIMEOUT_SECONDS)
                if not ready:
                    self.errors += connections
                    break
                for key, _ in ready:
                    self.advance(key.data, selector)
            for key in list(selector.get_map().values()):
                key.data.connection.close()

    def advance(self, one: Connection, selector: selectors.BaseSelector) -> None:
        """Handle what one connection received."""
        try:
            if not one.done():
                return
            self.count(one)
            again = self.fresh
        except OSError:
            self.errors += 1
            again = True
        if again:
            selector.unregister(one.connection)
            began = time.perf_counter()
            one.reconnect()
            selector.register(one.connection, selectors.EVENT_READ, one)
            one.ask(self.request())
            one.began = began
        else:
            one.ask(self.request())

    def count(self, one: Connection) -> None:
        """Count one answer."""
        took = (time.perf_counter() - one.began) * 1000
        if one.status == b"304" or (one.status == b"200" and not self.etag):
            self.times.append(took)
        elif one.status != b"200":
            self.errors += 1
        if self.etag and one.status == b"200":
            found = _ETAG.search(one.received)
            self.tag = bytes(found[1]) if found else b""

    def request(self) -> bytes:
        """The next question."""
        head = f"GET {next(self.targets)} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n".encode()
        tag = b"If-None-Match: %b\r\n" % self.tag if self.tag else b""
        return head + tag + b"\r\n"


def main() -> None:
    """One run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("connections", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--etag", action="store_true")
    given = parser.parse_args()
    load = Load(given.port, json.load(sys.stdin), given.fresh, given.etag)
    began, cpu = time.monotonic(), time.process_time()
    load.run(given.connections, given.seconds)
    elapsed = time.monotonic() - began
    result = {"ms": load.times, "errors": load.errors, "seconds": elapsed}
    print(json.dumps(result | {"cpu": (time.process_time() - cpu) / elapsed}))


if __name__ == "__main__":
    main()
