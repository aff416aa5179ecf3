"""One client of the API: what it sends becomes requests, what is answered goes out.

Nothing here waits. One request is answered at a time, and the next one taken when that answer has
left: a client that does not read holds one answer and nobody up.
"""

import logging
import socket
from selectors import EVENT_READ, EVENT_WRITE
from time import monotonic
from typing import TYPE_CHECKING

from waitress.utilities import InternalServerError

from funding.api.server.http import ADJUSTMENTS, JsonErrorTask, Parser, Task

if TYPE_CHECKING:
    from funding.api.server.loop import Server

log = logging.getLogger("api")

_RECEIVED_BYTES = 16_384
_SEEN_REQUESTS = 1_000
_SEEN_BYTES = 1_000

_seen: dict[bytes, Parser] = {}
"""Requests as they came, in one piece each, and what they were parsed to: clients ask the same
again and again, and parsing takes as long as looking up the answer (10 of 37 µs)."""


def _remember(data: bytes, request: Parser) -> None:
    if len(data) <= _SEEN_BYTES:
        if len(_seen) >= _SEEN_REQUESTS:
            _seen.clear()
        _seen[data] = request


class Connection:
    """A client at `taken`, a socket that does not block. `server` and what is not private here is
    what waitress's tasks look for."""

    adj = ADJUSTMENTS

    def __init__(self, server: "Server", taken: socket.socket, address: tuple[str, int]) -> None:
        self.server = server
        self.socket = taken
        self.addr = address
        self.active_at = monotonic()
        self._parser: Parser | None = None
        self._received = b""
        self._unsent: list[bytes | memoryview] = []
        self._ends = False

    @property
    def busy(self) -> bool:
        """Whether the client waits for something: it has begun to ask, or not got all."""
        return bool(self._parser or self._received or self._unsent)

    def advance(self) -> int:
        """Do what can be done at once; what to wait for next, 0 when the connection has ended."""
        begun = self._parser
        try:
            if not self._unsent:
                if not self._received and not self._receive():
                    return 0
                self._take()
            if self._unsent:
                self._send()
        except BlockingIOError:
            pass  # woken for nothing, or the client is slow
        except OSError:  # the client is gone
            return 0
        if begun is None or self._parser is not begun:  # who sends a request byte by byte is silent
            self.active_at = monotonic()
        if self._unsent or (self._received and not self._ends):
            return EVENT_WRITE  # also for the next request: the others come first
        return 0 if self._ends else EVENT_READ

    def _receive(self) -> bool:
        self._received = self.socket.recv(_RECEIVED_BYTES)
        return bool(self._received)

    def _take(self) -> None:
        """Parse what has come, up to the end of one request, and answer that."""
        data, self._received = self._received, b""
        begun, self._parser = self._parser, None
        request = begun or _seen.get(data) or Parser(self.adj)
        if not request.completed:
            self._received = data[request.received(data) :]
            if not request.completed:
                self._parser = request
                return
            if request.empty:
                return
            if not (begun or self._received or request.error):
                _remember(data, request)
        self._answer(request)

    def _answer(self, request: Parser) -> None:
        task = (JsonErrorTask if request.error else Task)(self, request)
        task.close_on_finish = self.server.draining
        try:
            task.service()
        except Exception:
            log.exception("no answer to %s", getattr(request, "path", ""))
            self._unsent.clear()
            request = Parser(self.adj)
            request.error = InternalServerError("")
            task = JsonErrorTask(self, request)
            task.service()
        self._ends = task.close_on_finish

    def _send(self) -> None:
        unsent = self._unsent
        sent = self.socket.sendmsg(unsent)
        while unsent and sent >= len(unsent[0]):
            sent -= len(unsent.pop(0))
        if unsent:
            unsent[0] = memoryview(unsent[0])[sent:]

    # What waitress's tasks call

    def write_soon(self, data: bytes) -> int:
        """Keep a part of the answer."""
        self._unsent.append(data)
        return len(data)

    def check_client_disconnected(self) -> bool:
        """Never known before the answer is sent."""
        return False
