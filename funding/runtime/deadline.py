"""A timeout over several steps, and HTTP answers that are whole by one.

# Facts
- A socket's timeout bounds each wait, not their sum: a server that sends a byte now and then
  holds http.client, and so urllib3 and xmlrpc, for ever.
- Both take the class of their answers from `response_class` of the connection.
- http.client believes any length: to read a chunk of "-5" bytes is a ValueError of its own, a body
  of 2 ** 64 an OverflowError, and one of 2 ** 62 a MemoryError.
"""

import http.client
import io
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Deadline:
    """One timeout that several steps share: `seconds` from now, or none at all with None."""

    def __init__(self, seconds: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = None if seconds is None else clock() + seconds

    def left(self, at_most: float | None = None) -> float | None:
        """Seconds that are left, never negative, and not more than `at_most`; None: no limit."""
        if self._end is None:
            return at_most
        left = max(0.0, self._end - self._clock())
        return left if at_most is None else min(left, at_most)

    def timeout(self, at_most: float | None = None) -> float | None:
        """As `left`, for a step that begins now; raises TimeoutError when nothing is left."""
        left = self.left(at_most)
        if left is not None and left <= 0:
            raise TimeoutError("timed out")
        return left


class _Trickle(io.RawIOBase):
    """What comes through `sock` within the timeout that it has now; `TimeoutError` after that."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._source = sock.makefile("rb", buffering=0)
        self._seconds = sock.gettimeout()
        self._deadline = Deadline(self._seconds)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._deadline.timeout())
        count = self._source.readinto(buffer)
        self._sock.settimeout(self._seconds)  # for the next answer
        return count

    def close(self) -> None:
        self._source.close()
        super().close()


class Response(http.client.HTTPResponse):
    """An answer whose head and body come within the timeout of its socket, both together."""

    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self.fp.close()
        self.fp = io.BufferedReader(_Trickle(sock))

    def read(self, amt: int | None = None) -> bytes:
        """As http.client does; raises what it says that it raises, OSError or HTTPException."""
        try:
            return super().read(amt)
        except (ValueError, OverflowError, MemoryError) as error:
            raise http.client.HTTPException(f"a length that cannot be: {error}") from error


class TcpConnection(http.client.HTTPConnection):
    """To a host and port."""

    response_class = Response


class UnixConnection(TcpConnection):
    """To the unix socket `path`."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
