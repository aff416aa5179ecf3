"""Fills minutes in which ingest wrote no bars, where the exchange has the past of mark prices."""

import logging
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import pairwise

from funding.history.backfill import Job, patiently
from funding.history.backfill_rules import importance
from funding.history.fetcher import Fetcher
from funding.model.bar import MINUTE
from funding.runtime.clock import Clock
from funding.store.bar_fill import BarFill
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
        self._asked: set[int] = set()  # what the exchange does not have is asked for once

    def run(self) -> Job:
        """A job: see `backfill`."""
        if not self._fetcher.knows_bars:
            return
        now, oldest = int(self._clock.wall()), self._bars.oldest()
        if oldest is None:
            return
        since = max(oldest, now - now % MINUTE - LONGEST_SECONDS)
        contracts = sorted(self._table.announced(), key=importance)
        until = now - now % MINUTE - YOUNGEST_SECONDS
        counts = self._bars.counts(since) | dict.fromkeys(self._asked, len(contracts))
        holes = list(spans(counts, since, until, len(contracts)))
        for first, last in holes:
            minutes = range(first, last + 1, MINUTE)
            log.info("bars of %d minutes are missing: asking for them", len(minutes))
            for each in contracts:
                yield from patiently(partial(self._fill, each.symbol, first, last))
                yield 0.0
            self._asked.update(minutes)

    def _fill(self, symbol: str, first: int, last: int) -> None:
        self._bars.fill(symbol, self._fetcher.mark_bars(symbol, first, last))


def spans(
    counts: Mapping[int, int], since: int, until: int, symbols: int
) -> Iterator[tuple[int, int]]:
    """The stretches of minutes from `since` to `until` (Unix seconds) of which fewer than half of
    the `symbols` have a bar, as their first and last minute."""
    missing = [at for at in range(since, until + 1, MINUTE) if counts.get(at, 0) * 2 < symbols]
    if not missing:
        return
    first = missing[0]
    for at, after in pairwise([*missing, None]):
        if at is not None and after != at + MINUTE:
            yield first, at
            first = after or at
