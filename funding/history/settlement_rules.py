"""Which settlements have passed and are not known yet, and when to ask for them. No clock.

# Facts
- Binance publishes a rate within seconds; once it settled 24 minutes late, and once not at all.
- The next funding time can move back and forth while it lies ahead (an interval changes within 15
  minutes after a settlement). Once it has passed, there was a settlement.
"""

from collections.abc import Iterable

from funding.model.settlement import Announced

HOUR_MS = 3_600_000
NEAR_MS = HOUR_MS // 2
"""A settlement within this of the time that was announced is the announced one."""
PAUSES = (15.0, 30.0, 60.0, 180.0, 300.0, 600.0)
"""Between two questions about a settlement that is not published yet; the last one repeats."""
GIVE_UP_MS = HOUR_MS
"""From then on it is missed, and the hourly search for gaps asks for it."""


class _Due:
    __slots__ = ("asked", "at", "passed_ms")

    def __init__(self, passed_ms: int, at: float) -> None:
        self.passed_ms = passed_ms
        self.at = at  # Unix seconds, when to ask
        self.asked = 0


class SettlementWatch:
    """Of the symbols of one exchange. Call `look` every few seconds.

    `settled` are the newest settlements that are known, by symbol; a rate is asked for from
    `published_seconds` after its time on. Times in `_ms` are epoch ms, others Unix seconds.
    """

    def __init__(self, settled: dict[str, int], published_seconds: float) -> None:
        self._published_seconds = published_seconds
        self._settled = dict(settled)
        self._next: dict[str, int] = {}
        self._due: dict[str, _Due] = {}

    def look(self, announced: Iterable[Announced], now: float) -> None:
        """What the quotes say at `now`. A time counts as passed when `now` is beyond it, however
        long nobody looked, and whether or not the quote names another one meanwhile."""
        now_ms = int(now * 1_000)
        for each in announced:
            symbol, next_time = each.symbol, each.next_time
            before = self._next.get(symbol)
            if before is None and each.interval:
                # Nobody looked before: what passed last can be worked out.
                before = next_time - each.interval * HOUR_MS
            for passed in (before, next_time):
                if passed is not None and passed <= now_ms:
                    self._note(symbol, passed, now)
            self._next[symbol] = next_time

    def due(self, now: float) -> dict[str, int]:
        """The settlements to ask for at `now`, epoch ms as they were announced, by symbol."""
        return {symbol: each.passed_ms for symbol, each in self._due.items() if each.at <= now}

    def asked(self, symbol: str, newest_ms: int | None, now: float) -> bool:
        """The answer about `symbol` had `newest_ms` as its newest settlement; whether what was due
        is now given up as missed."""
        if newest_ms is not None:
            self._settled[symbol] = max(newest_ms, self._settled.get(symbol, 0))
        due = self._due.get(symbol)
        if due is None:
            return False
        if self._is_settled(symbol, due.passed_ms):
            del self._due[symbol]
            return False
        due.at = now + PAUSES[min(due.asked, len(PAUSES) - 1)]
        due.asked += 1
        if now * 1_000 < due.passed_ms + GIVE_UP_MS:
            return False
        del self._due[symbol]
        self._settled[symbol] = due.passed_ms  # as far as this watch goes
        return True

    def attempts(self, symbol: str) -> int:
        """How often what is due of `symbol` was asked for in vain."""
        due = self._due.get(symbol)
        return due.asked if due is not None else 0

    def _note(self, symbol: str, passed_ms: int, now: float) -> None:
        known = self._due.get(symbol)
        if self._is_settled(symbol, passed_ms) or (known and known.passed_ms >= passed_ms):
            return
        self._due[symbol] = _Due(passed_ms, max(now, passed_ms / 1_000 + self._published_seconds))

    def _is_settled(self, symbol: str, passed_ms: int) -> bool:
        return self._settled.get(symbol, 0) > passed_ms - NEAR_MS
