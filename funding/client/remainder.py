"""What a client could not store yet, in bounded memory."""

import threading
from collections.abc import Callable, Iterable
from typing import NamedTuple

from funding.comparison.pair import Comparison
from funding.model.event import Event
from funding.runtime.clock import Clock
from funding.runtime.logs import Throttle
from funding.store.ledger import Calls

MOST_ROWS = 10_000
"""Comparisons and events that are kept: of all symbols, those of five calls."""
MOST_CALLS = 1_440
"""Minutes with calls that are kept: a day of them."""
COMPLAINT_SECONDS = 60.0
OTHERS = 10
"""Calls that cannot be counted keep to this part of what the group has left, as if so many
processes did the same: together they stay within the budget."""

Ban = tuple[float, int, str]


class Kept(NamedTuple):
    """What is to be stored."""

    comparisons: list[Comparison]
    events: list[Event]
    calls: list[Calls]
    bans: list[tuple[str, Ban]]


class Remainder:
    """For all threads of a client; `tell` writes a warning."""

    def __init__(self, clock: Clock, tell: Callable[[str], None]) -> None:
        self._clock = clock
        self._tell = tell
        self._lock = threading.Lock()
        self._seldom = Throttle(COMPLAINT_SECONDS)
        self._comparisons: list[Comparison] = []
        self._events: list[Event] = []
        self._calls: dict[tuple[int, str, str], tuple[int, int]] = {}
        self._bans: dict[str, Ban] = {}
        self._uncounted = (0, 0)  # minute, weight of the calls in it that were not counted

    def keep(self, comparisons: Iterable[Comparison] = (), events: Iterable[Event] = ()) -> None:
        """Keep both for later; what has no room is lost, and told."""
        with self._lock:
            self._comparisons += comparisons
            self._events += events
            lost = 0
            for rows in (self._comparisons, self._events):
                excess = max(0, len(rows) - MOST_ROWS)
                del rows[:excess]
                lost += excess
        self._tell_lost(lost, 0)

    def spend(self, call: Calls, free: int) -> bool:
        """Whether `call` may be made uncounted while the group has a weight of `free` left; if
        so, it is kept to be counted later."""
        with self._lock:
            minute, own = self._uncounted
            own = own if minute == call.minute else 0
            own += call.weight or 1
            if own > free // OTHERS:
                return False
            self._uncounted = (call.minute, own)
            lost = self._count(call)
        self._tell_lost(0, lost)
        return True

    def ban(self, address: str) -> Ban | None:
        """The ban of `address` that the store does not know of."""
        with self._lock:
            return self._bans.get(address)

    def set_ban(self, address: str, ban: Ban) -> bool:
        """Keep `ban`; whether it ends later than what was known."""
        with self._lock:
            held = self._bans.get(address)
            if held is not None and ban[0] <= held[0] + 1:
                return False
            self._bans[address] = ban
            return True

    def lift_ban(self, address: str, now: float) -> None:
        """Forget a ban that has ended at `now` Unix seconds."""
        with self._lock:
            if address in self._bans and self._bans[address][0] <= now:
                del self._bans[address]

    def take(self) -> Kept:
        """All of it, to be stored; bans hold on until `stored`."""
        with self._lock:
            calls = [Calls(*key, *sums) for key, sums in self._calls.items()]
            kept = Kept(self._comparisons, self._events, calls, list(self._bans.items()))
            self._comparisons, self._events, self._calls = [], [], {}
            return kept

    def stored(self, kept: Kept) -> None:
        """The store has it."""
        with self._lock:
            for address, ban in kept.bans:
                if self._bans.get(address) == ban:
                    del self._bans[address]

    def give_back(self, kept: Kept) -> None:
        """The store did not take it."""
        with self._lock:
            lost = sum(self._count(call) for call in kept.calls)
        self._tell_lost(0, lost)
        self.keep(kept.comparisons, kept.events)

    def give_up(self, why: str) -> None:
        """It will not be stored."""
        kept = self.take()
        calls = sum(call.calls for call in kept.calls)
        rows = len(kept.comparisons) + len(kept.events)
        if calls or rows:
            self._tell(_lost(rows, calls, why))

    def complain(self, key: str, text: str) -> None:
        """Tell `text`, once a minute for each `key`."""
        with self._lock:
            due = self._seldom(key, self._clock.uptime())
        if due:
            self._tell(text)

    def _tell_lost(self, rows: int, calls: int) -> None:
        if rows or calls:
            self.complain("lost", _lost(rows, calls, "no room to keep more of them"))

    def _count(self, call: Calls) -> int:
        """Add `call`; how many old ones it pushes out."""
        key = call[:3]
        calls, weight = self._calls.get(key, (0, 0))
        self._calls[key] = (calls + call.calls, weight + call.weight)
        if len(self._calls) <= MOST_CALLS:
            return 0
        return self._calls.pop(next(iter(self._calls)))[0]


def _lost(rows: int, calls: int, why: str) -> str:
    return f"{rows} comparisons or events and {calls} REST calls are lost: {why}"
