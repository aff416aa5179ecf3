"""What the watchdog does with REST: comparisons with the store, and housekeeping of the store."""

import logging
import threading
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from funding import errors
from funding.comparison.difference import Outcome
from funding.comparison.pair import Comparison, Pair, alarms, compare, compare_all, planted_pair
from funding.comparison.summary import summarise
from funding.exchanges.exchange import Conversation, Exchange
from funding.model.event import Event, EventKind
from funding.model.origin import not_comparable
from funding.rest.exchange_client import ExchangeClient
from funding.runtime.clock import Clock
from funding.store.comparisons import Comparisons
from funding.store.durable import DurableConnection
from funding.store.events import Events
from funding.store.feed_table import set_exchange_offset
from funding.store.reader import Reader
from funding.store.rest_usage import RestUsage
from funding.store.verdicts import prune_verdicts

log = logging.getLogger("compare")

SOURCE = "watchdog"
ANSWER_SECONDS = 2.0
"""An answer that took longer says too little of the exchange's clock."""
PRUNE_PAUSE_SECONDS = 0.05
"""Between two batches, so that ingest can write in between."""


@runtime_checkable
class ServerTime(Protocol):
    """A REST interface that tells the exchange's clock."""

    def server_time(self) -> Conversation[int]:
        """Epoch ms."""
        ...


class NotReady(Exception):
    """The stream has only just begun: a symbol that is not there yet is not missing."""


class RestJobs:
    """The jobs of RestChecker, for `exchange`, which is that of `reader`. For one thread.

    They raise `StoreError`, `RestError` and, from `require_comparable`, `NotReady`.
    """

    def __init__(
        self,
        reader: Reader,
        store: DurableConnection,
        rest: ExchangeClient,
        *,
        exchange: Exchange,
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._store = store
        self._rest = rest
        self._symbol = exchange.control_symbol
        self._settle_seconds = exchange.settle_seconds
        self._exchange = exchange.name
        self._clock = clock

    def require_comparable(self) -> None:
        """Raise `NotReady` or `StoreForeign` where a comparison would prove nothing."""
        feed = self._reader.feed()
        if feed is None or (feed.last_event_time is None and not self._reader.all()):
            raise NotReady
        text = not_comparable(feed.address, self._rest.host)
        if text:
            raise errors.StoreForeign("the database", text)
        if feed.boot_id != self._clock.boot:
            return
        if self._clock.uptime() - feed.started_uptime < self._settle_seconds:
            raise NotReady

    def compare_one(self) -> list[Comparison]:
        """Compare the control symbol."""
        rows = compare(self._pair(), SOURCE, self._exchange, self._clock.wall())
        self._record(rows)
        return rows

    def compare_all(self) -> None:
        """Compare all symbols, by one question."""
        before = self._reader.all()
        replies = self._rest.snapshot()
        after = self._reader.all()
        at = self._clock.wall()
        rows = compare_all(before, replies, after, source=SOURCE, exchange=self._exchange, at=at)
        if not rows:
            log.info("%s: not compared, since REST stands in for the stream", self._exchange)
            return
        self._record(rows)
        summary = summarise(rows)
        log.info(
            "%s: %d values, %d match, %d mismatch, %d significant (%d unexplained): %s",
            *(self._exchange, summary.total, summary.matches, summary.mismatches),
            *(summary.significant, summary.unexplained, summary.verdict),
        )

    def plant(self) -> None:
        """Compare a pair that is known to differ; it is an alarm when that is not found."""
        rows = planted_pair(self._pair(), self._exchange, self._clock.wall())
        missed = [row for row in rows if row.outcome != Outcome.SIGNIFICANT]
        events = [
            Event(
                row.compared_at,
                SOURCE,
                EventKind.CONTROL_MISSED,
                f"{row.exchange}: {row.symbol} {row.field}",
            )
            for row in missed
        ]
        self._add(rows, events)
        if missed:
            log.error("a planted difference was not flagged: %s", missed)

    def record(self, event: Event | None) -> None:
        """Store `event`, if there is one, or what has become of it since it was stored."""
        if event is not None:
            try:
                Events(self._store).update(event)
            except errors.StoreError as error:
                log.warning("event not stored: %s", error)

    @property
    def knows_the_time(self) -> bool:
        """Whether the exchange tells its clock."""
        return isinstance(self._rest.rest, ServerTime)

    def check_clock(self) -> float:
        """The exchange's clock (Unix seconds) minus our uptime; weight 1. Ingest is told the least
        that it can be, since by then the answer had come."""
        rest = self._rest.rest
        assert isinstance(rest, ServerTime)
        before = self._clock.uptime()
        exchange = self._rest.ask(rest.server_time()) / 1000
        after = self._clock.uptime()
        if after - before <= ANSWER_SECONDS:
            set_exchange_offset(self._store, self._exchange, self._clock.boot, exchange - after)
        return exchange - (before + after) / 2

    def prune(self, keep_seconds: float, stopping: threading.Event) -> None:
        """Delete the rows that are older than `keep_seconds`, in batches until `stopping`."""
        comparisons, usage = Comparisons(self._store), RestUsage(self._store)
        before = self._clock.wall() - keep_seconds
        prune_verdicts(self._store, self._clock.wall())
        while comparisons.prune(before) + usage.prune(before):
            if stopping.wait(PRUNE_PAUSE_SECONDS):
                return

    def check_database(self) -> None:
        """Read the whole database for damage."""
        damage = self._store.check()
        if damage:
            log.error("the database is damaged: %s", damage)

    def _pair(self) -> Pair:
        before = self._reader.one(self._symbol)
        reply = self._rest.one(self._symbol)
        return Pair(reply, before, self._reader.one(self._symbol))

    def _record(self, rows: Sequence[Comparison]) -> None:
        events = alarms(rows)
        for event in events:
            log.warning("significant: %s", event.detail)
        self._add(rows, events)

    def _add(self, rows: Sequence[Comparison], events: Sequence[Event]) -> None:
        with self._store.transaction():
            Comparisons(self._store).add(rows)
            Events(self._store).add(events)
