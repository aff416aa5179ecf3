"""The loop over all clients of one API process.

# Facts
- `select` goes on waiting after a handler of a signal has returned (PEP 475). Hence the pair of
  sockets.
- A SystemExit raised by a signal's handler may be raised in the midst of an accept: that client is
  reset. Hence the handler only leaves word.
"""

import logging
import selectors
import socket
from selectors import EVENT_READ
from time import monotonic
from typing import TYPE_CHECKING

from funding.api.server.connection import Connection
from funding.api.server.http import ADJUSTMENTS
from funding.runtime.logs import Throttle

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

log = logging.getLogger("api")

MAX_CLIENTS = 500
IDLE_SECONDS = 30.0
SWEEP_SECONDS = 5.0
TURN_SECONDS = 1.0
ON_THE_WAY_SECONDS = 0.2
DRAIN_SECONDS = 5.0
TELL_SECONDS = 10.0


class Server:
    """Answers the clients of `port`, a listening socket, and at the unix socket `own`, one request
    after the other in one thread: to hand one to another thread takes longer than the answer."""

    adj = ADJUSTMENTS
    server_name = "localhost"

    def __init__(
        self, application: "WSGIApplication", port: socket.socket, own: socket.socket | None
    ) -> None:
        self.application = application
        self.effective_port: int = port.getsockname()[1]
        self.draining = False
        self._port = port
        self._clients: set[Connection] = set()
        self._selector = selectors.DefaultSelector()
        self._seldom = Throttle(TELL_SECONDS)
        self._sweep_at = 0.0
        self._wake, self._woken = socket.socketpair()
        self._listening = [port] if own is None else [port, own]
        self._resting: set[socket.socket] = set()
        for each in (*self._listening, self._woken):
            each.setblocking(False)
            self._selector.register(each, EVENT_READ)

    def stop(self) -> None:
        """Let `run` come to its end. May be called by a signal's handler, at any time."""
        if not self.draining:
            self.draining = True
            self._wake.send(b"\0")

    def run(self) -> None:
        """Answer until `stop`, then those who have asked by then."""
        try:
            while not self.draining:
                self._turn(TURN_SECONDS)
            self._drain()
        finally:
            for client in list(self._clients):
                self._end(client)
            for each in (self._selector, self._wake, self._woken):
                each.close()

    def _drain(self) -> None:
        """Take no more clients, and answer those that were taken: their requests may be on the
        way."""
        for each in (*self._listening, self._woken):
            if each in self._selector.get_map():
                self._selector.unregister(each)
        began = monotonic()
        while (passed := monotonic() - began) < DRAIN_SECONDS:
            if passed > ON_THE_WAY_SECONDS and not any(each.busy for each in self._clients):
                return
            self._turn(0.05)

    def _turn(self, timeout: float) -> None:
        for key, _ in self._selector.select(timeout):
            if isinstance(key.data, Connection):
                self._advance(key.data, key.events)
            elif key.fileobj is not self._woken:
                self._accept(key.fileobj)  # type: ignore[arg-type]
        if monotonic() > self._sweep_at:
            self._sweep()

    def _advance(self, client: Connection, awaited: int) -> None:
        try:
            wanted = client.advance()
        except Exception:
            log.exception("a connection ends")
            wanted = 0
        if wanted == awaited:
            return
        if wanted:
            self._selector.modify(client.socket, wanted, client)
        else:
            self._end(client)

    def _accept(self, listening: socket.socket) -> None:
        try:
            taken, address = listening.accept()
            taken.setblocking(False)
            if taken.family == socket.AF_INET:
                taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except (BlockingIOError, ConnectionError):  # another process was faster, or the client left
            return
        except OSError as error:  # no more descriptors, say
            self._rest(listening, f"no client can be taken: {error}")
            return
        client = Connection(self, taken, address or ("localhost", 0))
        self._clients.add(client)
        self._selector.register(taken, EVENT_READ, client)
        if len(self._clients) >= MAX_CLIENTS:
            self._rest(self._port, f"{MAX_CLIENTS} clients: no more are taken")

    def _end(self, client: Connection) -> None:
        self._selector.unregister(client.socket)
        client.socket.close()
        self._clients.discard(client)
        self._go_on()

    def _rest(self, listening: socket.socket, why: str) -> None:
        """Take no clients there for a while. The watchdog, who asks at the own socket, is taken
        even where there are too many."""
        if self._seldom(why, monotonic()):
            log.warning("%s", why)
        if listening not in self._resting:
            self._resting.add(listening)
            self._selector.unregister(listening)

    def _go_on(self) -> None:
        """Take clients again, but at the port only while there are not too many."""
        full = {self._port} if len(self._clients) >= MAX_CLIENTS else set()
        for each in self._resting - full if self._resting and not self.draining else ():
            self._resting.discard(each)
            self._selector.register(each, EVENT_READ)

    def _sweep(self) -> None:
        """End what has been silent for long."""
        now = monotonic()
        self._sweep_at = now + SWEEP_SECONDS
        self._go_on()
        for client in [one for one in self._clients if one.active_at < now - IDLE_SECONDS]:
            self._end(client)
