"""The watchdog's thread that asks REST: a ban, or an exchange that does not answer, never delays
the local checks."""

import logging
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from funding import errors
from funding.health.facts import LastComparison
from funding.rest.client import RestClient
from funding.runtime.clock import Clock
from funding.runtime.schedule import Every
from funding.runtime.worker import Worker
from funding.store.durable import DurableConnection
from funding.store.reader import Reader
from funding.watchdog.housekeeping import Housekeeping
from funding.watchdog.rest_comparisons import NotComparable, NotReady, RestComparisons

log = logging.getLogger("compare")

POLL_SECONDS = 0.2
PLANT_SECONDS = 3_600.0
INTERVALS_SECONDS = 900.0
PRUNE_SECONDS = 600.0
CHECK_SECONDS = 3_600.0
RETRY_SECONDS = 2.0
"""When the stream has only just begun."""


class Schedule(NamedTuple):
    """Compare one symbol every `one_every` and all every `all_every` seconds (0: never).

    Unless `keep_seconds` is None there is housekeeping, too: each hour a planted pair and a search
    for damage, and in between funding intervals and the deletion of comparisons that are older.
    """

    one_every: float
    all_every: float = 0.0
    keep_seconds: float | None = None


class _Job(NamedTuple):
    every: Every
    work: Callable[[], object]
    needs_quotes: bool = True
    sets_latest: bool = False


class RestChecker(Worker):
    """Does what `schedule` asks for, in a thread of its own.

    `latest` is the result of the last attempt to compare one symbol, None before the first.
    `first_done` is set as soon as there is one, or there will never be one. `open_store` is called
    in this thread, which alone uses what it returns.
    """

    def __init__(
        self,
        open_store: Callable[[], tuple[Reader, DurableConnection, RestClient]],
        schedule: Schedule,
        *,
        exchange: str,
        clock: Clock,
    ) -> None:
        self.latest: LastComparison | None = None
        self.first_done = threading.Event()
        super().__init__("rest-check", self._work, failed=self.first_done.set)
        self._open_store = open_store
        self._schedule = schedule
        self._exchange = exchange
        self._clock = clock

    def _work(self, stopping: threading.Event) -> None:
        reader, store, rest = self._open_store()
        exchange, clock = self._exchange, self._clock
        comparisons = RestComparisons(reader, store, rest, exchange=exchange, clock=clock)
        housekeeping = Housekeeping(reader, store, rest, exchange=exchange, clock=clock)
        jobs = [
            *self._comparing(comparisons),
            *self._housekeeping(comparisons, housekeeping, stopping),
        ]
        while not stopping.wait(POLL_SECONDS):
            now = self._clock.uptime()
            for job in jobs:
                if job.every.due(now):
                    self._attempt(job, comparisons)
        reader.close()
        store.close()

    def _comparing(self, comparisons: RestComparisons) -> Iterator[_Job]:
        def compare_one() -> None:
            self._conclude(LastComparison(rows=comparisons.compare_one()))

        if self._schedule.one_every:
            yield _Job(Every(self._schedule.one_every), compare_one, sets_latest=True)
        if self._schedule.all_every:
            yield _Job(Every(self._schedule.all_every), comparisons.compare_all)

    def _housekeeping(
        self, comparisons: RestComparisons, housekeeping: Housekeeping, stopping: threading.Event
    ) -> Iterator[_Job]:
        keep_seconds = self._schedule.keep_seconds
        if keep_seconds is not None:
            prune = partial(housekeeping.prune, keep_seconds, stopping)
            yield _Job(Every(PLANT_SECONDS), comparisons.plant)
            yield _Job(Every(INTERVALS_SECONDS), housekeeping.learn_intervals)
            yield _Job(Every(PRUNE_SECONDS), prune, needs_quotes=False)
            yield _Job(Every(CHECK_SECONDS), housekeeping.check_database)

    def _attempt(self, job: _Job, comparisons: RestComparisons) -> None:
        try:
            if job.needs_quotes:
                comparisons.require_comparable()
            job.work()
        except NotReady:
            job.every.hasten(self._clock.uptime() + RETRY_SECONDS)
        except (errors.StoreError, errors.RestError, NotComparable) as error:
            log.warning("%s", error)
            if job.sets_latest:
                reachable = not isinstance(error, errors.RestUnreachable)
                self._conclude(LastComparison(problem=str(error), reachable=reachable))

    def _conclude(self, result: LastComparison) -> None:
        self.latest = result._replace(uptime=self._clock.uptime())
        self.first_done.set()
