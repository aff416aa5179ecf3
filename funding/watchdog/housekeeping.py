"""Housekeeping of the store: funding intervals, old rows, and whether the file is damaged."""

import logging
import threading

from funding.rest.client import RestClient
from funding.runtime.clock import Clock
from funding.store.comparisons import Comparisons
from funding.store.durable import DurableConnection
from funding.store.quote_table import set_funding_intervals
from funding.store.reader import Reader
from funding.store.rest_usage import RestUsage

log = logging.getLogger("watchdog")

DEFAULT_HOURS = 8
"""The funding interval of symbols that the exchange does not list."""
PRUNE_PAUSE_SECONDS = 0.05
"""Between two batches, so that ingest can write in between."""


class Housekeeping:
    """For one thread. Raises `StoreError` and `RestError`."""

    def __init__(
        self,
        reader: Reader,
        store: DurableConnection,
        rest: RestClient,
        *,
        exchange: str,
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._store = store
        self._rest = rest
        self._exchange = exchange
        self._clock = clock

    def learn_intervals(self) -> None:
        """Store the funding interval of each symbol that has funding."""
        replies = self._rest.funding_intervals()
        listed = {each.symbol: each.funding_interval_hours for each in replies}
        with_funding = [q.symbol for q in self._reader.all() if q.next_funding_time is not None]
        hours = [(symbol, listed.get(symbol, DEFAULT_HOURS)) for symbol in with_funding]
        set_funding_intervals(self._store, self._exchange, hours)

    def prune(self, keep_seconds: float, stopping: threading.Event) -> None:
        """Delete the rows that are older than `keep_seconds`, in batches until `stopping`."""
        comparisons, usage = Comparisons(self._store), RestUsage(self._store)
        before = self._clock.wall() - keep_seconds
        while comparisons.prune(before) + usage.prune(before):
            if stopping.wait(PRUNE_PAUSE_SECONDS):
                return

    def check_database(self) -> None:
        """Read the whole database for damage."""
        damage = self._store.check()
        if damage:
            log.error("the database is damaged: %s", damage)
