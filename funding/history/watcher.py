"""Fetches each settled rate soon after it was settled: the last live rate is not charged."""

import logging
from collections.abc import Callable, Iterable

from funding import errors
from funding.history.backfill_rules import Piece
from funding.history.fetcher import Fetcher
from funding.history.settlement_rules import NEAR_MS, SettlementWatch
from funding.model.settlement import Announced
from funding.runtime.clock import Clock
from funding.store.settlements import Settlements

log = logging.getLogger("history")

MANY = 5
"""So many at once are asked for by one question, where the exchange has one."""
MARGIN_MS = 60_000
"""Before the announced time: a settlement does not come earlier, and a clock may be off."""
LONGEST_SPAN_MS = 9 * 3_600_000
"""Of one question for all: what passed longer ago is asked for one by one."""
ALONE = 3
"""After so many questions for all in vain a contract is asked for alone."""


class SettlementWatcher:
    """Of the contracts in `table`. `settled(symbols)` is called for those with new rates, `missed`
    for those whose settlement is given up. Call `step` every few seconds; for one thread."""

    def __init__(
        self,
        fetcher: Fetcher,
        table: Settlements,
        *,
        settled: Callable[[Iterable[str]], None],
        missed: Callable[[Iterable[str]], None],
        clock: Clock,
    ) -> None:
        self._fetcher = fetcher
        self._table = table
        self._settled = settled
        self._missed = missed
        self._clock = clock
        self._watch: SettlementWatch | None = None

    def step(self) -> bool:
        """Look at the quotes, and ask for what has passed; whether anything new came.

        Raises `StoreError`s, and the `RestError` that ended the round.
        """
        if self._watch is None:
            last, published = self._table.last_times(), self._fetcher.published_seconds
            self._watch = SettlementWatch(last, published)
        announced = self._table.announced()
        self._watch.look(announced, self._clock.wall())
        due = self._watch.due(self._clock.wall())
        due = self._not_stored(due)
        if not due:
            return False
        if len(due) >= MANY and self._fetcher.knows_all:
            due = self._ask_at_once(due, announced)
        news: list[str] = []
        try:
            for symbol, passed in due.items():
                if self._ask(symbol, passed):
                    news.append(symbol)
        finally:
            if news:
                self._settled(news)
        return True

    def _not_stored(self, due: dict[str, int]) -> dict[str, int]:
        """Those of `due` that the backfill has not fetched meanwhile, and will not: a contract
        without a history gets it whole, at the price of its last rate."""
        assert self._watch is not None
        left = {}
        for symbol, passed in due.items():
            newest = self._table.newest(symbol)
            if newest is not None and newest > passed - NEAR_MS:
                self._watch.asked(symbol, newest, self._clock.wall())
            elif self._fetcher.knows_all or self._table.asked_of(symbol) is not None:
                left[symbol] = passed
        return left

    def _ask_at_once(self, due: dict[str, int], announced: Iterable[Announced]) -> dict[str, int]:
        """Ask for all that is `due` by one question; what is left to be asked one by one."""
        assert self._watch is not None
        now, latest = self._clock.wall(), max(due.values())
        recent = {name: at for name, at in due.items() if at > latest - LONGEST_SPAN_MS}
        since, until = min(recent.values()) - MARGIN_MS, int(now * 1_000)
        newest = self._fetcher.of_all(since, until, due.__contains__)
        intervals = {each.symbol: each.interval for each in announced}
        known = ((symbol, at, intervals.get(symbol)) for symbol, at in newest.items())
        self._table.extend(((name, at, hours) for name, at, hours in known if hours), now)
        for symbol in recent:
            if self._watch.asked(symbol, newest.get(symbol), now):
                self._missed([symbol])
        log.info("%d of %d settled rates came at once", len(newest), len(due))
        self._settled(newest)
        left = {name: at for name, at in due.items() if name not in recent}
        # Once, in case the question for all leaves some out.
        left |= {name: due[name] for name in recent if self._watch.attempts(name) == ALONE}
        return left

    def _ask(self, symbol: str, passed: int) -> bool:
        assert self._watch is not None
        now = self._clock.wall()
        piece = Piece(symbol, self._since(symbol, passed), int(now * 1_000))
        try:
            newest = self._fetcher.piece(piece)
        except errors.RestRefused as error:
            log.warning("settled rate of %s: %s", symbol, error)
            newest = None
        if self._watch.asked(symbol, newest, now):
            self._missed([symbol])
        return newest is not None

    def _since(self, symbol: str, passed: int) -> int:
        asked = self._table.asked_of(symbol)
        return passed - MARGIN_MS if asked is None else min(asked.until_ms + 1, passed)
