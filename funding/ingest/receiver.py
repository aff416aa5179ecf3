"""One connection's thread: connect, receive, decode, hand over, until it ends.

It decides nothing: the policy says when to connect and when a connection must be replaced.
"""

import threading
from collections.abc import Callable
from typing import Protocol

from funding.errors import FeedConnectionError, FrameError
from funding.exchanges.frame import Frame
from funding.ingest.connection_events import ConnectionEvent, ConnectionEventKind, EndingKind
from funding.ingest.inbox import Inbox
from funding.runtime.clock import Clock
from funding.runtime.worker import Worker


class Connection(Protocol):
    """What a receiver needs of `websocket.WebSocket`."""

    def open(self) -> None: ...
    def receive(self) -> bytes | None: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...
    def unfinished(self) -> int: ...


class Receiver(Worker):
    """Connection `number`, from its one attempt to its end; every outcome is a `ConnectionEvent`.

    A documented error ends the connection. Any other is a defect, which `check` raises in the
    writer's thread. `told_to_wait` is called with the seconds that the exchange asks for when it
    refuses, and with its words.
    """

    def __init__(
        self,
        number: int,
        *,
        connection: Connection,
        decode: Callable[[bytes], Frame],
        inbox: Inbox,
        clock: Clock,
        told_to_wait: Callable[[float, str], None] = lambda _seconds, _words: None,
    ) -> None:
        super().__init__(f"connection-{number}", self._receive_all, failed=inbox.wake)
        self._number = number
        self._connection = connection
        self._decode = decode
        self._inbox = inbox
        self._clock = clock
        self._told_to_wait = told_to_wait

    def stop(self, seconds: float | None = None) -> None:
        """End this connection, whatever it is waiting for; from any thread."""
        self.stopping.set()
        self._connection.abort()
        super().stop(seconds)

    def unfinished(self) -> int:
        """Bytes of the message that has not come whole yet."""
        return self._connection.unfinished()

    def _receive_all(self, stopping: threading.Event) -> None:
        try:
            self._connection.open()
            self._report(ConnectionEventKind.OPENED)
            try:
                while not stopping.is_set():
                    self._receive()
            finally:
                self._connection.close()
        except FeedConnectionError as error:
            if error.retry_after_seconds:
                self._told_to_wait(error.retry_after_seconds, str(error))
            if not stopping.is_set():
                self._report(EndingKind(error.kind), str(error), error.retry_after_seconds)

    def _receive(self) -> None:
        message = self._connection.receive()
        if message is None:
            return
        wall, uptime = self._clock.wall(), self._clock.uptime()
        try:
            frame = self._decode(message)
        except FrameError as error:
            self._inbox.count_malformed(str(error))
        else:
            self._inbox.offer(self._number, frame, wall, uptime)

    def _report(
        self,
        kind: ConnectionEventKind | EndingKind,
        detail: str = "",
        retry_after_seconds: float = 0.0,
    ) -> None:
        now = self._clock.uptime()
        event = ConnectionEvent(self._number, kind, now, detail, retry_after_seconds)
        self._inbox.put(event)
