"""One connection to any exchange, from the question how it begins to its end."""

from collections.abc import Callable

from funding.errors import ConnectFailed, ConnectionLost, RestBanned, RestError, RestRestricted
from funding.exchanges.exchange import Reply, Request, Stream, converse
from funding.exchanges.frame import Frame
from funding.ingest.connection_events import EndingKind
from funding.ingest.liveness import CLASSES
from funding.ingest.session import Session
from funding.ingest.topics import Share
from funding.ingest.websocket import WebSocket
from funding.runtime.clock import Clock


class ExchangeConnection:
    """A `receiver.Connection` over `stream`: it subscribes to the topics of its share, and keeps
    the connection alive.

    `ask` makes one REST call, in the thread of the connection. `lost`, where it is wanted, is told
    which subscriptions had no answer when the connection ended by itself.
    """

    def __init__(
        self,
        stream: Stream,
        number: int,
        share: Share,
        *,
        ask: Callable[[Request], Reply],
        clock: Clock,
        timeout: float,
        lost: Callable[[tuple[str, ...]], None] | None = None,
    ) -> None:
        self._stream = stream
        self._first_class = number * CLASSES
        self._share = share
        self._ask = ask
        self._clock = clock
        self._timeout = timeout
        self._lost = lost
        self._socket: WebSocket | None = None
        self._session: Session | None = None
        self._aborted = False

    def open(self) -> None:
        """Ask how to begin, connect and shake hands; raises `ConnectFailed`."""
        try:
            opening = converse(self._stream.open(self._share.topics), self._ask)
        except RestError as error:
            raise _failed(error) from error
        self._socket = WebSocket(opening.url, self._timeout)
        if self._aborted:
            raise ConnectFailed(EndingKind.LOST, "stopped while it was connecting")
        self._socket.open()
        self._session = Session(opening, self._clock.uptime(), self._share.suspects)

    def receive(self) -> bytes | None:
        """Send what is due; the next message, or None after a while without one."""
        socket, session = self._socket, self._session
        assert socket is not None
        assert session is not None
        try:
            now = self._clock.uptime()
            for message in session.due(now):
                socket.send(message)
            return socket.receive(session.wait(now))
        except ConnectionLost:
            if self._lost is not None and not self._aborted:
                self._lost(session.unconfirmed())
            raise

    def decode(self, payload: bytes) -> Frame:
        """The frame of a message that was received just now."""
        frame = self._stream.decode(payload, int(self._clock.wall() * 1000))
        if frame.symbol_class is not None:
            frame.symbol_class += self._first_class
        assert self._session is not None
        self._session.note(frame)
        return frame

    def unfinished(self) -> int:
        """Bytes of the message that has not come whole yet."""
        return self._socket.unfinished() if self._socket is not None else 0

    def close(self) -> None:
        """Send a close frame, and close the socket."""
        if self._socket is not None:
            self._socket.close()

    def abort(self) -> None:
        """End whatever blocks on this connection, from any thread."""
        self._aborted = True
        if self._socket is not None:
            self._socket.abort()


def _failed(error: RestError) -> ConnectFailed:
    kind = EndingKind.HANDSHAKE
    if isinstance(error, RestBanned):
        kind = EndingKind.RATE_LIMITED
    elif isinstance(error, RestRestricted):
        kind = EndingKind.RESTRICTED
    return ConnectFailed(kind, f"REST: {error}"[:200], error.retry_after_seconds)
