"""Which connections should there be? Events and time in, orders out.

No I/O and no clock: `now` is uptime in seconds. There are `connections` slots. Each wants one live
connection, and has a second one, the successor, while the first is being replaced: the exchange
ends each connection after 24 h.
"""

import itertools
from collections.abc import Callable, Mapping

from funding.ingest.connection_events import (
    ENDINGS,
    Connect,
    ConnectionEvent,
    ConnectionEventKind,
    Disconnect,
    EndingKind,
    Order,
)
from funding.ingest.connection_slot import Slot
from funding.ingest.liveness import NO_CLASSES, ConnectionState
from funding.runtime.backoff import Attempts, delays


class ConnectionPolicy:
    """Report what happened, then ask `step` for orders, several times a second.

    `uniform(a, b)` draws a random number; delays and rotations are jittered by it. The first
    attempt is made `wait` seconds after `now`. `number()` gives the next connection its number;
    `slow` has the seconds that symbol classes may be silent, where it is not `stall_after`.
    `attempts` bounds the attempts of several policies together, and while `has_room()` is False
    no connection begins.
    """

    def __init__(
        self,
        *,
        connections: int,
        stall_after: float,
        rotate_after: float,
        backoff_max: float,
        uniform: Callable[[float, float], float],
        now: float,
        attempts: Attempts | None = None,
        wait: float = 0.0,
        number: Callable[[], int] | None = None,
        slow: Mapping[int, float] = NO_CLASSES,
        has_room: Callable[[], bool] = lambda: True,
    ) -> None:
        self._has_room = has_room
        self._stall_after = stall_after
        self._rotate_after = rotate_after
        self._backoff_max = backoff_max
        self._uniform = uniform
        self._attempts = attempts or Attempts(now)
        self._known_classes: set[int] = set()
        self._newer = float("-inf")
        self._begun = 0
        self._number = number or itertools.count(1).__next__
        self._slow = slow
        self._slots = [
            Slot(stall_after, delays(backoff_max, uniform), now + wait, slow=slow)
            for _ in range(connections)
        ]

    @property
    def attempts(self) -> int:
        """Connection attempts so far."""
        return self._begun

    def attempts_left(self, now: float) -> float:
        """Attempts that may be made at once at `now` (see `backoff.Attempts`)."""
        return self._attempts.left(now)

    def all_classes_flow(self, now: float) -> bool:
        """Whether every symbol class that has been seen delivers at `now`, on some connection."""
        flowing = {
            symbol_class
            for slot in self._slots
            for connection in slot.connections()
            for symbol_class in connection.flowing(now, self._stall_after, self._slow)
        }
        return bool(self._known_classes) and self._known_classes <= flowing

    def is_good(self) -> bool:
        """Whether a present connection has delivered newer quotes."""
        return any(each.good for slot in self._slots for each in slot.connections())

    def lag(self) -> float:
        """Seconds by which the stream is late: the least of all present connections."""
        lags = [each.lag for slot in self._slots for each in slot.connections()]
        return min((lag for lag in lags if lag is not None), default=0.0)

    def open_connections(self) -> int:
        """Connections that have shaken hands and have not ended."""
        return sum(each.opened is not None for slot in self._slots for each in slot.connections())

    def count(self) -> int:
        """Connections that have begun and have not ended."""
        return sum(len(slot.connections()) for slot in self._slots)

    def handle(self, event: ConnectionEvent) -> bool:
        """Take note of what happened; False for a connection that has already ended."""
        slot, connection = self._find(event.connection)
        if slot is None or connection is None:
            return False
        if event.kind == ConnectionEventKind.OPENED:
            connection.opened = event.at
        elif event.kind == ConnectionEventKind.ENDING:
            connection.rotate_at = event.at
        elif isinstance(event.kind, EndingKind):
            slot.end(connection, event.at)
            imposed = event.retry_after_seconds or ENDINGS[event.kind].wait_seconds
            if imposed:
                self.wait_until(event.at + imposed)
        return True

    def accepted(
        self, connection: int, symbol_class: int, at: float, frames: int, *, newer: bool = True
    ) -> None:
        """The connection delivered `frames` frames with newer quotes of the class, the last `at`.

        `newer` is whether no other connection had delivered them before: a frozen exchange sends
        its last frame to each new connection, and that is not a recovery.
        """
        slot, state = self._find(connection)
        if slot is None or state is None:
            return
        if state.accept(symbol_class, at, frames):
            self._known_classes.add(symbol_class)
        if state is slot.current:
            slot.gaps.pop(symbol_class, None)
        if newer:
            self._newer = at
        # A spare, or a successor, may always be the second to deliver.
        state.good = state.good or at - self._newer <= self._stall_after
        if newer or len(self._slots) > 1:  # a spare may always be the second to deliver
            slot.backoff = delays(self._backoff_max, self._uniform)

    def note_lag(self, connection: int, lag: float, at: float) -> None:
        """The stream by this connection is `lag` seconds late."""
        _, state = self._find(connection)
        if state is not None:
            state.note_lag(lag, at)

    def note_unfinished(self, connection: int, size: int, now: float) -> None:
        """So many bytes of a message have come by this connection, and not the whole message."""
        _, state = self._find(connection)
        if state is not None:
            state.note_unfinished(size, now)

    def step(self, now: float) -> list[Order]:
        """What is to be done at `now`."""
        orders: list[Order] = []
        for slot in self._slots:
            orders += slot.check(self._known_classes, now)
            if slot.wants_connection(now) and self._has_room() and self._attempts.take(now):
                self._begun += 1
                number = self._number()
                slot.begin(ConnectionState(number, now, now + self._span(now)))
                orders.append(Connect(number))
        return orders

    def wait_until(self, at: float) -> None:
        """No attempt before `at`: the exchange counts them by address."""
        for slot in self._slots:
            slot.next_attempt = max(slot.next_attempt, at)

    def replace(self, now: float) -> None:
        """Replace each connection by a successor, which has all that it delivers."""
        for slot in self._slots:
            if slot.current is not None:
                slot.current.rotate_at = min(slot.current.rotate_at, now)

    def end_all(self, detail: str) -> list[Order]:
        """End all connections for good."""
        found = [each.number for slot in self._slots for each in slot.connections()]
        self._slots.clear()
        return [Disconnect(number, EndingKind.ROTATED, detail) for number in found]

    def _find(self, number: int) -> tuple[Slot | None, ConnectionState | None]:
        for slot in self._slots:
            for connection in slot.connections():
                if connection.number == number:
                    return slot, connection
        return None, None

    def _span(self, now: float) -> float:
        """Seconds until a connection begun at `now` is rotated; with a spare, half a span apart."""
        span = self._rotate_after
        others = [each.rotate_at for slot in self._slots for each in slot.connections()]
        if any(abs(now + span - rotate_at) < span / 4 for rotate_at in others):
            span /= 2
        return span - self._uniform(0.0, min(300.0, 0.1 * span))
