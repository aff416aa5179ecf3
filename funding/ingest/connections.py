"""The threads of the connections: begun, stopped, and forgotten when they have ended."""

from collections.abc import Callable
from typing import Protocol

from funding.ingest.connection_shares import Policy
from funding.ingest.inbox import Inbox

MAX_THREADS = 30


class ConnectionThread(Protocol):
    """What is needed of a `receiver.Receiver`."""

    def stop(self) -> None: ...
    def join(self, timeout: float | None = None) -> None: ...
    def is_alive(self) -> bool: ...
    def check(self) -> None: ...
    def unfinished(self) -> int: ...


class Connections:
    """The threads by number; `connect(n)` begins connection n, which leaves frames in `inbox`."""

    def __init__(self, connect: Callable[[int], ConnectionThread], inbox: Inbox) -> None:
        self._connect = connect
        self._inbox = inbox
        self._threads: dict[int, ConnectionThread] = {}
        self._ending: dict[int, ConnectionThread] = {}

    def begin(self, number: int) -> None:
        """Begin this connection."""
        self._threads[number] = self._connect(number)

    def stop(self, number: int) -> None:
        """End this connection."""
        self._threads[number].stop()

    def ended(self, number: int) -> None:
        """The connection is over; its thread may take a moment."""
        self._ending[number] = self._threads.pop(number)

    def note_unfinished(self, policy: Policy, now: float) -> None:
        """Tell the policy how much of a message each connection has received."""
        for number, thread in self._threads.items():
            policy.note_unfinished(number, thread.unfinished(), now)

    def check(self) -> None:
        """Raise the defect that ended a thread."""
        for thread in (*self._threads.values(), *self._ending.values()):
            thread.check()

    def forget_ended(self) -> None:
        """Let go of the threads that have ended."""
        for number in [n for n, thread in self._ending.items() if not thread.is_alive()]:
            self._ending.pop(number).check()
            self._inbox.forget(number)  # not before: a last frame of it would be remembered
        if len(self._ending) > MAX_THREADS:
            raise RuntimeError(f"{len(self._ending)} connections were stopped and have not ended")

    def stop_all(self) -> None:
        """End all connections, and wait a moment for their threads."""
        for thread in self._threads.values():
            thread.stop()
        for thread in self._threads.values():
            thread.join(1.0)
        self.check()
        self._threads.clear()
