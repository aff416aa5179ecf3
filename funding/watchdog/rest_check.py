"""The watchdog's comparisons with REST, in a thread of their own: a ban, or an exchange that does
not answer, never delays the local checks."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from funding import errors
from funding.comparison.difference import Outcome
from funding.comparison.pair import Comparison, Pair, alarms, compare, compare_all, planted_pair
from funding.comparison.summary import summarise
from funding.health.checks import LastComparison
from funding.model.event import Event, EventKind
from funding.rest.client import RestClient
from funding.runtime.clock import Clock
from funding.settings.table import is_loopback
from funding.store.ledger import Ledger
from funding.store.reader import Reader

log = logging.getLogger("compare")

SOURCE = "watchdog"
SYMBOL = "BTCUSDT"
CONTROL_SECONDS = 3_600.0
INTERVALS_SECONDS = 900.0
PRUNE_SECONDS = 600.0
CHECK_SECONDS = 3_600.0
PRUNE_PAUSE_SECONDS = 0.05
"""Between two batches, so that ingest gets its turn at the store."""
DEFAULT_HOURS = 8
SETTLE_SECONDS = 5.0
"""After ingest's start: both classes of symbols have come by then, or they are missing."""
AGAIN_SECONDS = 2.0


class NotYet(Exception):
    """The stream has only just begun: a symbol that is not there yet is not missing."""


class NotComparable(Exception):
    """A comparison would say nothing of the service."""


class RestChecker(threading.Thread):
    """Compares one symbol every `one_every` and all every `all_every` seconds (0: never).

    Unless `keep_seconds` is None it also plants a control each hour, learns funding intervals,
    forgets comparisons older than that, and reads the whole database for damage. `latest` is the
    outcome of the last attempt for one symbol, None before the first; `first` is set once there is
    one, or never will be.
    `open_store` makes the parts in this thread, which alone uses them.
    """

    def __init__(
        self,
        open_store: Callable[[], tuple[Reader, Ledger, RestClient]],
        *,
        exchange: str,
        one_every: float,
        all_every: float,
        keep_seconds: float | None,
        clock: Clock,
    ) -> None:
        super().__init__(name="comparer", daemon=True)
        self._open_store = open_store
        self._exchange = exchange
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._stopping = threading.Event()
        self.latest: LastComparison | None = None
        self.first = threading.Event()
        self.failure: BaseException | None = None
        now = clock.uptime()
        jobs = [(one_every, self._one), (all_every, self._all)]
        if keep_seconds is not None:
            jobs += [
                (CONTROL_SECONDS, self._control),
                (INTERVALS_SECONDS, self._intervals),
                (PRUNE_SECONDS, self._prune),
                (CHECK_SECONDS, self._check),
            ]
        self._jobs = [_Job(now, every, job) for every, job in jobs if every]

    def stop(self) -> None:
        """End the thread after what it does now."""
        self._stopping.set()

    def run(self) -> None:
        """The thread's life; a defect is left in `failure` for the main thread to raise."""
        try:
            self._reader, self._ledger, self._rest = self._open_store()
            while not self._stopping.wait(0.2):
                self.turn(self._clock.uptime())
            self._ledger.close()
        except BaseException as error:  # noqa: BLE001 (raised again in the main thread)
            self.failure = error
            self.first.set()

    def turn(self, now: float) -> None:
        """Do what is due at `now` (uptime)."""
        for job in self._jobs:
            if now >= job.due:
                job.due = now + job.every
                self._attempt(job.work)

    def _again(self, work: Callable[[], None]) -> None:
        for job in self._jobs:
            if job.work == work:
                job.due = min(job.due, self._clock.uptime() + AGAIN_SECONDS)

    def _attempt(self, work: Callable[[], None]) -> None:
        problem, reachable = "", True
        try:
            if work != self._prune:
                self._check_store()
            work()
        except errors.StoreError as error:
            problem = str(error)
        except errors.RestUnreachable as error:
            problem, reachable = str(error), False
        except errors.RestError as error:
            problem = str(error)
        except NotYet:
            self._again(work)
        except NotComparable as error:
            problem = str(error)
        if problem:
            log.warning("%s", problem)
            if work == self._one:
                self._conclude(LastComparison(problem=problem, reachable=reachable))

    def _check_store(self) -> None:
        """Raise `NotYet` or `NotComparable` where a comparison would say nothing."""
        feed = self._reader.feed()
        if feed is None or (feed.last_event_time is None and not self._reader.all()):
            raise NotYet
        if feed.boot_id != self._clock.boot:
            return
        if self._clock.uptime() - feed.started_uptime < SETTLE_SECONDS:
            raise NotYet
        if is_loopback(feed.address) and not is_loopback(self._rest.host):
            raise NotComparable(
                f"the store holds quotes of a stand-in at {feed.address}, FUNDING_REST_URL is"
                f" {self._rest.host}"
            )

    def _conclude(self, outcome: LastComparison) -> None:
        self.latest = outcome._replace(uptime=self._clock.uptime())
        self.first.set()

    def _pair(self) -> Pair:
        before = self._reader.one(SYMBOL)
        reply = self._rest.premium_index(SYMBOL)
        return Pair(reply, before, self._reader.one(SYMBOL))

    def _one(self) -> None:
        rows = compare(self._pair(), SOURCE, self._exchange, self._clock.wall())
        self._store(rows)
        self._conclude(LastComparison(rows=rows))

    def _all(self) -> None:
        before = self._reader.all()
        replies = self._rest.premium_indices()
        after = self._reader.all()
        at = self._clock.wall()
        rows = compare_all(before, replies, after, source=SOURCE, exchange=self._exchange, at=at)
        self._store(rows)
        summary = summarise(rows)
        log.info(
            "all symbols: %d values, %d match, %d mismatch, %d significant (%d unexplained): %s",
            *(summary.total, summary.matches, summary.mismatches, summary.significant),
            *(summary.unexplained, summary.verdict),
        )

    def _control(self) -> None:
        rows = planted_pair(self._pair(), self._exchange, self._clock.wall())
        missed = [row for row in rows if row.outcome != Outcome.SIGNIFICANT]
        events = [
            Event(row.compared_at, SOURCE, EventKind.CONTROL_MISSED, f"{row.symbol} {row.field}")
            for row in missed
        ]
        self._ledger.add(rows, events)
        if missed:
            log.error("a planted difference was not flagged: %s", missed)

    def _intervals(self) -> None:
        replies = self._rest.funding_intervals()
        listed = {each.symbol: each.funding_interval_hours for each in replies}
        with_funding = [r.symbol for r in self._reader.all() if r.next_funding_time is not None]
        self._ledger.set_funding_intervals(
            self._exchange, [(symbol, listed.get(symbol, DEFAULT_HOURS)) for symbol in with_funding]
        )

    def _prune(self) -> None:
        while self._ledger.prune(self._clock.wall() - (self._keep_seconds or 0.0)):
            if self._stopping.wait(PRUNE_PAUSE_SECONDS):
                return

    def _check(self) -> None:
        found = self._ledger.check()
        if found:
            log.error("the database is damaged: %s", found)

    def _store(self, rows: Sequence[Comparison]) -> None:
        for row in rows:
            if row.outcome == Outcome.SIGNIFICANT:
                log.warning(
                    "significant: %s %s is %s, REST says %s (%+.3f %%, %s ms apart%s)",
                    *(row.symbol, row.field, row.ws_value, row.rest_value, row.difference_pct),
                    *(row.skew_ms, ", explained by lag" if row.explained else ""),
                )
        self._ledger.add(rows, alarms(rows))


@dataclass(slots=True)
class _Job:
    due: float
    every: float
    work: Callable[[], None]
