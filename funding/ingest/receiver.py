"""One connection's thread: connect, receive, decode, hand over, until it ends.

It decides nothing: when to connect, and when a connection has had its time, is `continuity`'s.
"""

import threading
from collections.abc import Callable
from typing import Protocol

from funding.errors import FeedConnectionError, FrameError
from funding.exchanges.frame import Frame
from funding.ingest.connection_events import ConnectionEvent
from funding.ingest.inbox import Inbox
from funding.runtime.clock import Clock


class Connection(Protocol):
    """What a link needs of `wire.Wire`."""

    def open(self) -> None: ...
    def receive(self) -> bytes | None: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...


class Receiver(threading.Thread):
    """Connection `number`, from its one attempt to its end; every outcome is a `Note`.

    A documented error ends the connection; any other is a defect, and is raised in the writer's
    thread by `Handoff.fail`.
    """

    def __init__(
        self,
        number: int,
        *,
        connection: Connection,
        decode: Callable[[bytes, float], Frame],
        handoff: Inbox,
        clock: Clock,
    ) -> None:
        super().__init__(name=f"link-{number}", daemon=True)
        self._number = number
        self._connection = connection
        self._decode = decode
        self._handoff = handoff
        self._clock = clock
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End this connection, whatever it is waiting for; from any thread."""
        self._stopping.set()
        self._connection.abort()

    def run(self) -> None:
        """The thread's life."""
        try:
            self._connection.open()
            self._handoff.note(ConnectionEvent(self._number, "opened", self._clock.uptime()))
            try:
                while not self._stopping.is_set():
                    self._turn()
            finally:
                self._connection.close()
        except FeedConnectionError as error:
            self._over(error.kind, str(error), error.retry_after_seconds)
        except BaseException as error:  # noqa: BLE001 (raised again in the writer's thread)
            self._handoff.fail(error)
        else:
            self._over("stopped", "stopped", 0.0)

    def _turn(self) -> None:
        message = self._connection.receive()
        if message is None:
            return
        wall, uptime = self._clock.wall(), self._clock.uptime()
        try:
            frame = self._decode(message, wall)
        except FrameError as error:
            self._handoff.malformed(str(error))
        else:
            self._handoff.offer(self._number, frame, wall, uptime)

    def _over(self, kind: str, detail: str, retry_after: float) -> None:
        if not self._stopping.is_set():
            now = self._clock.uptime()
            self._handoff.note(ConnectionEvent(self._number, kind, now, detail, retry_after))
