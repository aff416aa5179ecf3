"""One wanted connection, and its successor while it is being replaced. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from funding.ingest.connection_events import Disconnect, EndingKind, Order, Report
from funding.ingest.liveness import CLASSES, NO_CLASSES, ConnectionState
from funding.model.event import EventKind

_AGAIN_SECONDS = 60.0  # until the next try, when a successor lacks what its predecessor has


class _Gap(NamedTuple):
    """A symbol class that stopped on a connection; `confirmed` when its successor lacks it too."""

    connection: int
    confirmed: bool


@dataclass(slots=True)
class Slot:
    """A current connection, a successor, and what outlives both: the delays and the gaps.

    `slow` has the seconds that symbol classes may be silent, where it is not `stall_after`.
    """

    stall_after: float
    backoff: Iterator[float]
    next_attempt: float
    current: ConnectionState | None = None
    successor: ConnectionState | None = None
    gaps: dict[int, _Gap] = field(default_factory=dict)
    slow: Mapping[int, float] = field(default_factory=lambda: NO_CLASSES)

    def allowed(self, symbol_class: int) -> float:
        """Seconds for which a class may be silent."""
        return self.slow.get(symbol_class % CLASSES, self.stall_after)

    def connections(self) -> list[ConnectionState]:
        """The one or two that there are."""
        return [each for each in (self.current, self.successor) if each is not None]

    def wants_connection(self, now: float) -> bool:
        """Whether a connection is to begin: the first, or the successor of one that rotates."""
        if now < self.next_attempt or self.successor is not None:
            return False
        current = self.current
        return current is None or (current.accepted is not None and now >= current.rotate_at)

    def begin(self, connection: ConnectionState) -> None:
        """A new connection takes the free place."""
        if self.current is None:
            self.current = connection
        else:
            self.successor = connection

    def end(self, connection: ConnectionState, at: float) -> None:
        """A connection has ended; the next attempt comes after the next delay."""
        if self.current is connection:
            self.current = None
        else:
            self.successor = None
        self.next_attempt = max(self.next_attempt, at + next(self.backoff))

    def check(self, known_classes: set[int], now: float) -> list[Order]:
        """End what has failed, report what is missing, and hand over to a successor that has all
        that the current connection delivers."""
        orders: list[Order] = []
        for connection in self.connections():
            failure = connection.failure(now, self.stall_after)
            if failure is None:
                orders += self._check_classes(connection, known_classes, now)
            else:
                orders.append(self._disconnect(connection, *failure, now))
        if self.current is None and self.successor is not None:
            self.current, self.successor = self.successor, None
        return orders + self._hand_over(now)

    def _check_classes(
        self, connection: ConnectionState, known_classes: set[int], now: float
    ) -> list[Order]:
        for symbol_class in sorted(known_classes):
            if connection.lacks(symbol_class, self.allowed(symbol_class)):
                orders = self._missing(connection, symbol_class, now)
                if orders:
                    return orders
        return []

    def _missing(self, connection: ConnectionState, symbol_class: int, now: float) -> list[Order]:
        """A class has stopped on `connection`: one successor is tried, once."""
        detail = f"symbol class {symbol_class} silent for {self.allowed(symbol_class):g} s"
        if connection is self.successor:
            old = self.current
            if old is None or symbol_class not in old.flowing(now, self.stall_after, self.slow):
                return []
            old.rotate_at = now + _AGAIN_SECONDS
            detail = f"{detail}: not as good as the connection it was to replace"
            return [self._disconnect(connection, EndingKind.CLASS_SILENT, detail, now)]
        gap = self.gaps.get(symbol_class)
        if gap is None:
            self.gaps[symbol_class] = _Gap(connection.number, confirmed=False)
            connection.rotate_at = now  # by a successor: the other classes go on meanwhile
            return [Report(EventKind.CLASS_SILENT, f"{detail}: trying another connection")]
        if gap.connection != connection.number and not gap.confirmed:
            self.gaps[symbol_class] = _Gap(connection.number, confirmed=True)
            detail = f"{detail} on another connection too: not replaced again"
            return [Report(EventKind.CLASS_SILENT, detail)]
        return []

    def _hand_over(self, now: float) -> list[Order]:
        old, new = self.current, self.successor
        if old is None or new is None:
            return []
        if not old.flowing(now, self.stall_after, self.slow) <= new.classes.keys():
            return []
        self.current, self.successor = new, None
        detail = f"replaced after {now - old.attempted:.0f} s by connection {new.number}"
        return [Disconnect(old.number, EndingKind.ROTATED, detail)]

    def _disconnect(
        self, connection: ConnectionState, kind: EndingKind, detail: str, now: float
    ) -> Disconnect:
        self.end(connection, now)
        return Disconnect(connection.number, kind, detail)
