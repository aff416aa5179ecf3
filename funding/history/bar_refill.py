"""Fills minutes of which ingest wrote no whole bar, from mark prices that the exchange has kept."""

import logging
from functools import partial

from funding.history.backfill import Job, patiently
from funding.history.backfill_rules import importance
from funding.history.fetcher import Fetcher
from funding.model.bar import MINUTE
from funding.runtime.clock import Clock
from funding.store.bar_fill import BarFill, Hole
from funding.store.settlements import Settlements

log = logging.getLogger("history")

LONGEST_SECONDS = 6 * 3_600
"""What is older is not filled: an hour of 800 symbols is 800 calls."""
YOUNGEST_SECONDS = 300
"""Ingest may still write what is younger."""


class BarRefill:
    """Of the contracts in `table`. For one thread."""

    def __init__(self, bars: BarFill, table: Settlements, fetcher: Fetcher, clock: Clock) -> None:
        self._bars = bars
        self._table = table
        self._fetcher = fetcher
        self._clock = clock
        self._checked = 0  # until then: what the exchange does not have is asked for once

    def run(self) -> Job:
        """A job: see `backfill`. One call for each symbol that lacks any."""
        if not self._fetcher.knows_bars:
            return
        now, oldest = int(self._clock.wall()), self._bars.oldest()
        if oldest is None:
            return
        earliest = now - now % MINUTE - LONGEST_SECONDS
        since = max(oldest, self._checked + MINUTE, earliest)
        until = now - now % MINUTE - YOUNGEST_SECONDS
        if since > until:
            return
        found = self._bars.holes(since, until, earliest)
        contracts = sorted(self._table.announced(), key=importance)
        holes = [found[each.symbol] for each in contracts if each.symbol in found]
        if holes:
            log.info("bars of %d symbols have holes: asking for them", len(holes))
        for hole in holes:
            yield from patiently(partial(self._fill, hole), f"bars of {hole.symbol}")
            yield 0.0
        self._checked = until

    def _fill(self, hole: Hole) -> None:
        self._bars.fill(hole, self._fetcher.mark_bars(hole.symbol, hole.first, hole.last))
