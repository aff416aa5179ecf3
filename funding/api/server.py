"""The HTTP server: waitress's loop over the port and the watchdog's unix socket.

# Facts
(waitress 3.0.2 and Linux 6, each seen happening)
- `connection_limit` counts what is in the map: channels, listening sockets and their triggers.
- `channel_timeout` closes a channel when its socket can be written next: never, where the client
  does not read. TCP_USER_TIMEOUT does; accepted sockets inherit it from the listening one.
- Without a descriptor for a new client waitress accepts again at once, for ever.
- A poll goes on after a signal's handler (PEP 475), and a SystemExit raised in a handler may come
  in the middle of an accept, which resets that client: so `stop` sets a flag and pulls a trigger.
"""

import errno
import logging
import resource
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from waitress import wasyncore
from waitress.server import create_server

from funding.api.dispatcher import Channel, Dispatcher
from funding.runtime import process
from funding.runtime.deadline import Deadline
from funding.runtime.logs import Throttle

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

MAX_CLIENTS = 500
WATCHDOG_CLIENTS = 20
OTHER_DESCRIPTORS = 64
"""Left for the store, the logs and the watchdog: clients never take the last descriptor."""

IDLE_SECONDS = 30
TURN_SECONDS = 1.0
DRAIN_SECONDS = 5.0
ON_THE_WAY_SECONDS = 0.2
LOG_SECONDS = 10.0

SETTINGS: dict[str, Any] = {
    "backlog": 512,
    "channel_timeout": IDLE_SECONDS,
    "cleanup_interval": 5,
    "ident": None,
    "max_request_body_size": 0,
    "max_request_header_size": 128 * 1024,  # 2,000 symbols in one URL
    "outbuf_high_watermark": sys.maxsize,
}


class Server:
    """Answers at `listening`, and at the unix socket `watchdog_socket`, where the watchdog is
    answered even while there are too many clients. Raises OSError where it cannot listen.

    What `takes_long` to answer, by its path, has a thread of its own; `ending` ends what lasts.
    """

    def __init__(
        self,
        application: "WSGIApplication",
        listening: socket.socket,
        watchdog_socket: Path | None = None,
        takes_long: Callable[[str], bool] | None = None,
        ending: Callable[[], None] = lambda: None,
    ) -> None:
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        limit = min(MAX_CLIENTS, descriptors - OTHER_DESCRIPTORS)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, IDLE_SECONDS * 1000)
        places: list[tuple[int, dict[str, Any]]] = [(limit, {"sockets": [listening]})]
        if watchdog_socket is not None:
            # waitress removes a socket that is in the way, and nothing else.
            if process.listens(watchdog_socket):
                raise OSError(errno.EADDRINUSE, "another program listens there")
            place = {"unix_socket": str(watchdog_socket)}
            places.append((limit + WATCHDOG_CLIENTS, place))
        self._map: dict[int, Any] = {}
        self._dispatcher = Dispatcher(takes_long)
        self._servers = [
            create_server(
                application,
                map=self._map,
                _dispatcher=self._dispatcher,
                connection_limit=2 * len(places) + clients,
                **place,
                **SETTINGS,
            )
            for clients, place in places
        ]
        for server in self._servers:
            server.channel_class = Channel
        self._ending = ending
        self._stopping = False

    def stop(self) -> None:
        """Let `run` come to its end. May be called by a signal's handler, at any time."""
        if not self._stopping:
            self._stopping = True
            for server in self._servers:
                server.accepting = False
            self._servers[0].pull_trigger()

    def run(self) -> None:
        """Answer until `stop`, then those who have asked by then."""
        logger, throttled = logging.getLogger("waitress"), _throttled()
        logger.addFilter(throttled)
        try:
            while not self._stopping:
                self._turn(TURN_SECONDS)
            self._ending()
            self._drain()
        finally:
            self._dispatcher.shutdown()
            for channel in self._channels():
                channel.handle_close()
            wasyncore.close_all(self._map)
            logger.removeFilter(throttled)

    def _turn(self, timeout: float) -> None:
        wasyncore.loop(timeout, use_poll=True, map=self._map, count=1)
        self._dispatcher.run()

    def _drain(self) -> None:
        """Answer the clients that are connected: a request may be on its way."""
        on_the_way, deadline = Deadline(ON_THE_WAY_SECONDS), Deadline(DRAIN_SECONDS)
        while on_the_way.left() or (self._busy() and deadline.left()):
            self._turn(0.05)

    def _busy(self) -> bool:
        """Whether a client has begun to ask, or has not received all of its answer."""
        return any(each.request or each.requests or each.writable() for each in self._channels())

    def _channels(self) -> list[Channel]:
        return [each for each in self._map.values() if isinstance(each, Channel)]


def _throttled() -> Callable[[logging.LogRecord], bool]:
    """For waitress's log: each line once in a while, and a socket's error without a traceback."""
    throttle = Throttle(LOG_SECONDS)

    def passes(record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, OSError):
            record.msg, record.exc_info = f"{record.msg}: {error}", None
        return throttle(record.msg, monotonic())

    return passes


def listening_socket(host: str, port: int) -> socket.socket:
    """The socket on standard input where supervisord put one there, else one of our own, which
    does not listen yet. Raises OSError where it cannot be bound."""
    try:
        given = socket.socket(fileno=0)
    except OSError:
        given = None
    if given is not None:
        if given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return given
        given.detach()
    own = socket.socket()
    own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    own.bind((host, port))
    return own


def serve(server: Server) -> None:
    """Run `server` until SIGTERM or SIGINT."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: server.stop())
    server.run()
