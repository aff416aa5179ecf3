"""The policies of all shares: each share of the topics has connections of its own. Pure.

Each share has its own delays. What the exchange asks of this address binds all of them, and so does
the bound on attempts.
"""

import itertools
from collections.abc import Callable, Iterator

from funding.ingest.connection_events import (
    ENDINGS,
    ConnectionEvent,
    EndingKind,
    Order,
)
from funding.ingest.connection_policy import ConnectionPolicy
from funding.runtime.backoff import Attempts


class ConnectionShares:
    """As one `ConnectionPolicy`, of as many shares as `resize` says; none to begin with.

    `make(number, now)` makes the policy of a share, and `number()` is that of its next connection.
    `attempts` bounds those of all shares together: the policies that `make` makes take from it.
    """

    def __init__(
        self,
        make: Callable[[Callable[[], int], float], ConnectionPolicy],
        attempts: Attempts,
    ) -> None:
        self._make = make
        self._attempts = attempts
        self._numbers = itertools.count(1)
        self._made = 0
        self._begun = 0
        self._turn = 0
        self._share_by_connection: dict[int, int] = {}
        self._leaving: list[Order] = []
        self._policies: list[ConnectionPolicy] = []

    def _new(self, share: int, now: float) -> ConnectionPolicy:
        self._begun += 1

        def number() -> int:
            self._made = next(self._numbers)
            self._share_by_connection[self._made] = share
            return self._made

        return self._make(number, now)

    def take_share(self, connection: int) -> int:
        """The share of a connection that `step` has just ordered; to be asked once."""
        return self._share_by_connection.pop(connection)

    def resize(self, count: int, now: float) -> None:
        """Have `count` shares; the connections of those that go are ended with the next step."""
        for policy in self._policies[count:]:
            self._leaving += policy.end_all("its share is not wanted any more")
        del self._policies[count:]
        self._policies += [self._new(share, now) for share in range(len(self._policies), count)]

    def restart(self, count: int, now: float) -> None:
        """Begin again with `count` shares, at once: the exchange has another address now."""
        self.resize(0, now)
        self.resize(count, now)

    def replace(self, share: int, now: float) -> None:
        """Replace the connections of a share, without a gap: it has new topics."""
        self._policies[share].replace(now)

    @property
    def attempts(self) -> int:
        """Connection attempts so far; the first of every share are one."""
        return self._made - max(0, self._begun - 1)

    def attempts_left(self, now: float) -> float:
        """Attempts that may be made at once at `now` (see `backoff.Attempts`)."""
        return self._attempts.left(now)

    def all_classes_flow(self, now: float) -> bool:
        """Whether every symbol class of every share delivers at `now`."""
        return bool(self._policies) and all(each.all_classes_flow(now) for each in self._policies)

    def is_good(self) -> bool:
        """Whether a present connection has delivered newer quotes."""
        return any(each.is_good() for each in self._policies)

    def lag(self) -> float:
        """Seconds by which the latest share is late."""
        return max((each.lag() for each in self._policies), default=0.0)

    def open_connections(self) -> int:
        """Connections that have shaken hands and have not ended."""
        return sum(each.open_connections() for each in self._policies)

    def count(self) -> int:
        """Connections that have begun and have not ended."""
        return sum(each.count() for each in self._policies)

    def handle(self, event: ConnectionEvent) -> bool:
        """Take note of what happened; False for a connection that has already ended."""
        known = any(policy.handle(event) for policy in self._policies)
        if known and isinstance(event.kind, EndingKind):
            imposed = event.retry_after_seconds or ENDINGS[event.kind].wait_seconds
            for policy in self._policies:
                policy.wait_until(event.at + imposed if imposed else 0.0)
        return known

    def accepted(
        self, connection: int, symbol_class: int, at: float, frames: int, *, newer: bool = True
    ) -> None:
        """See `ConnectionPolicy.accepted`."""
        for policy in self._policies:
            policy.accepted(connection, symbol_class, at, frames, newer=newer)

    def note_lag(self, connection: int, lag: float, at: float) -> None:
        """The stream by this connection is `lag` seconds late."""
        for policy in self._policies:
            policy.note_lag(connection, lag, at)

    def note_unfinished(self, connection: int, size: int, now: float) -> None:
        """So many bytes of a message have come by this connection, and not the whole message."""
        for policy in self._policies:
            policy.note_unfinished(connection, size, now)

    def step(self, now: float) -> list[Order]:
        """What is to be done at `now`."""
        return list(self._orders(now))

    def _orders(self, now: float) -> Iterator[Order]:
        leaving, self._leaving = self._leaving, []
        yield from leaving
        # In turn: where attempts are short, the first one would take them all.
        count, first = len(self._policies), self._turn
        for number in range(count):
            share = (first + number) % count
            before = self._made
            yield from self._policies[share].step(now)
            if self._made != before:
                self._turn = share + 1


Policy = ConnectionPolicy | ConnectionShares
"""What decides about connections: of one share, or of many."""
