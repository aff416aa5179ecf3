"""Looks for gaps between settled rates, asks the exchange for them, and notes those that stay."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from funding.history import gap_rules
from funding.history.backfill import Job, patiently
from funding.history.fetcher import Fetcher
from funding.history.statistics import Statistics
from funding.model.settlement import StoredGap
from funding.runtime.clock import Clock
from funding.statistics.intervals import Gap
from funding.store.durable import DurableConnection
from funding.store.events import Events
from funding.store.settlements import Settlements

log = logging.getLogger("history")

SYMBOLS_A_TURN = 20
MANY = 5
LONGEST_AT_ONCE_MS = 2 * 86_400_000
"""Gaps of many contracts within this span are asked for by one question for all of them."""


class GapSearch:
    """Of the settled rates in `table`, by the windows of `statistics`. For one thread."""

    def __init__(
        self,
        store: DurableConnection,
        table: Settlements,
        fetcher: Fetcher,
        statistics: Statistics,
        clock: Clock,
    ) -> None:
        self._store = store
        self._table = table
        self._fetcher = fetcher
        self._statistics = statistics
        self._clock = clock

    def run(self, symbols: Iterable[str]) -> Job:
        """A job: see `backfill`. Gaps are noted, and told as events, when all were asked for."""
        known = self._table.gaps()
        asked: dict[str, list[Gap]] = {}
        for number, symbol in enumerate(symbols):
            if number % SYMBOLS_A_TURN == SYMBOLS_A_TURN - 1:
                yield 0.0
            found = self._statistics.window(symbol)
            gaps = gap_rules.to_ask(found.gaps, known.get(symbol, ()), self._clock.wall())
            if gaps:
                asked[symbol] = gaps
            done = gap_rules.filled(found.gaps, known.get(symbol, ()), found.since)
            if done:
                self._table.set_gaps(symbol, (), done)
        if asked:
            yield from self._ask(asked)
            self._note(asked, known)

    def _ask(self, asked: Mapping[str, Sequence[Gap]]) -> Job:
        questions = [gap_rules.question(symbol, gaps) for symbol, gaps in asked.items()]
        since = min(each.since_ms for each in questions)
        until = max(each.until_ms for each in questions)
        log.info("settled rates of %d contracts have gaps", len(questions))
        if self._fetcher.knows_all and len(questions) > MANY and until - since < LONGEST_AT_ONCE_MS:
            yield from patiently(
                lambda: self._fetcher.of_all(since, until, asked.__contains__),
                "gaps of all contracts",
            )
            return
        for question in questions:
            yield from patiently(
                partial(self._fetcher.fill, question), f"gaps of {question.symbol}"
            )
            yield 0.0

    def _note(
        self, asked: Mapping[str, Sequence[Gap]], known: Mapping[str, Sequence[StoredGap]]
    ) -> None:
        now = self._clock.wall()
        left: dict[str, list[Gap]] = {}
        for symbol, gaps in asked.items():
            places = {gap.after_time for gap in gaps}
            still = self._statistics.window(symbol).gaps
            left[symbol] = [gap for gap in still if gap.after_time in places]
        old = {(symbol, gap.after_time) for symbol, gaps in known.items() for gap in gaps}
        news = {
            symbol: [gap for gap in gaps if (symbol, gap.after_time) not in old]
            for symbol, gaps in left.items()
        }
        with self._store.transaction():
            for symbol, gaps in left.items():
                places = {gap.after_time for gap in gaps}
                done = [gap for gap in known.get(symbol, ()) if gap.after_time not in places]
                wanted = {gap.after_time for gap in asked[symbol]}
                done = [gap for gap in done if gap.after_time in wanted]
                self._table.set_gaps(symbol, gap_rules.stored(gaps, now), done)
            Events(self._store).add(gap_rules.missed(news, now))
        for event in gap_rules.missed(news, now):
            log.warning("%s", event.detail)
        self._statistics.update(asked)
