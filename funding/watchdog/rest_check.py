"""The watchdog's thread that asks REST: a ban, or an exchange that does not answer, never delays
the local checks."""

import logging
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from funding import errors
from funding.exchanges.exchange import Exchange
from funding.health.facts import LastComparison
from funding.rest.exchange_client import ExchangeClient
from funding.runtime.clock import Clock
from funding.runtime.schedule import Every
from funding.runtime.worker import Worker
from funding.store.durable import DurableConnection
from funding.store.reader import Reader
from funding.watchdog.rest_jobs import NotReady, RestJobs
from funding.watchdog.rest_outages import RestOutages

log = logging.getLogger("compare")

POLL_SECONDS = 0.2
PLANT_SECONDS = 3_600.0
CLOCK_SECONDS = 300.0
FIRST_CLOCK_SECONDS = 10.0  # after the first comparison
PRUNE_SECONDS = 600.0
CHECK_SECONDS = 3_600.0
AGAIN_SECONDS = 60.0
USUAL_SECONDS, LONGEST_SECONDS = 1_000.0, 4_000.0
"""Of comparisons of all symbols: with longer intervals the report proves less, or nothing."""
RETRY_SECONDS = 2.0
"""When the stream has only just begun."""


class Schedule(NamedTuple):
    """Compare one symbol every `one_every` and all every `all_every` seconds (0: never); with
    `plants`, each hour a pair that is known to differ.

    Unless `keep_seconds` is None there is housekeeping of the database, too: each hour a search for
    damage, and in between the deletion of comparisons that are older.
    """

    one_every: float
    all_every: float = 0.0
    keep_seconds: float | None = None
    plants: bool = False

    @property
    def unproven(self) -> str:
        """What the validation report cannot prove with this schedule, in words; "" for nothing."""
        name, every = "FUNDING_COMPARE_ALL_INTERVAL", self.all_every
        if 0 < every <= USUAL_SECONDS:
            return ""
        if not 0 < every <= LONGEST_SECONDS:
            return f"{name}={every:g}: the validation report cannot say GO (at most 3600 can)"
        text = f"{name}={every:g}: between two comparisons of all symbols the validation report"
        return f"{text} proves one symbol alone"


class Job(NamedTuple):
    """What is due every so often; `sets_latest` where its outcome is `latest`. Where REST fails it
    is due again after `again` seconds, if that is sooner. `compares` names what it compares."""

    every: Every
    work: Callable[[], object]
    needs_quotes: bool = True
    sets_latest: bool = False
    again: float = float("inf")
    compares: str = ""


class RestChecker(Worker):
    """Does what `schedule` asks for, in a thread of its own.

    `latest` is the result of the last attempt to compare one symbol, None before the first.
    `exchange_offset` is the exchange's clock minus our uptime, None before it was asked.
    `open_store` is called in this thread, which alone uses what it returns.
    """

    def __init__(
        self,
        open_store: Callable[[], tuple[Reader, DurableConnection, ExchangeClient]],
        schedule: Schedule,
        *,
        exchange: Exchange,
        clock: Clock,
    ) -> None:
        self.latest: LastComparison | None = None
        self.exchange_offset: float | None = None
        self._first_done = threading.Event()
        super().__init__(f"rest-{exchange.name}", self._work, failed=self._first_done.set)
        self._open_store = open_store
        self._schedule = schedule
        self._exchange = exchange
        self._clock = clock
        self._outages = RestOutages(exchange.name, clock)

    def wait_for_first(self, seconds: float) -> None:
        """Wait until there is a first result; when `seconds` are over, that is the result."""
        if not self._first_done.wait(seconds):
            problem = f"no answer within {seconds:.0f} s"
            self.latest = LastComparison(problem=problem, reachable=False)
        self.check()

    def _work(self, stopping: threading.Event) -> None:
        reader, store, rest = self._open_store()
        jobs = RestJobs(reader, store, rest, exchange=self._exchange, clock=self._clock)
        scheduled = list(self._scheduled(jobs, stopping))
        while not stopping.wait(POLL_SECONDS):
            now = self._clock.uptime()
            for job in scheduled:
                if job.every.due(now):
                    self._attempt(job, jobs)
        for each in (reader, store, rest):
            each.close()

    def _scheduled(self, jobs: RestJobs, stopping: threading.Event) -> Iterator[Job]:
        def compare_one() -> None:
            self._conclude(LastComparison(rows=jobs.compare_one()))

        def check_clock() -> None:
            self.exchange_offset = jobs.check_clock()

        one_every, all_every, keep_seconds, plants = self._schedule
        if one_every:
            yield Job(Every(one_every), compare_one, sets_latest=True, compares="one")
        if all_every:
            yield Job(Every(all_every), jobs.compare_all, again=AGAIN_SECONDS, compares="all")
        if plants:
            yield Job(Every(PLANT_SECONDS), jobs.plant)
            clock = Every(CLOCK_SECONDS, first=self._clock.uptime() + FIRST_CLOCK_SECONDS)
            if jobs.knows_the_time:
                yield Job(clock, check_clock, needs_quotes=False)
        if keep_seconds is not None:
            prune = partial(jobs.prune, keep_seconds, stopping)
            yield Job(Every(PRUNE_SECONDS), prune, needs_quotes=False)
            yield Job(Every(CHECK_SECONDS), jobs.check_database)

    def _attempt(self, job: Job, jobs: RestJobs) -> None:
        try:
            if job.needs_quotes:
                jobs.require_comparable()
            job.work()
        except NotReady:
            job.every.hasten(self._clock.uptime() + RETRY_SECONDS)
        except (errors.StoreError, errors.RestError) as error:
            log.warning("%s: %s", self._exchange.name, error)
            job.every.hasten(self._clock.uptime() + job.again)
            if job.sets_latest:
                reachable = not isinstance(error, errors.RestUnreachable)
                self._conclude(LastComparison(problem=str(error), reachable=reachable))
            if job.compares and isinstance(error, errors.RestError):
                jobs.record(self._outages.failed(job.compares, error))
        else:
            if job.compares:
                jobs.record(self._outages.answered(job.compares))

    def _conclude(self, result: LastComparison) -> None:
        self.latest = result._replace(uptime=self._clock.uptime())
        self._first_done.set()
