"""The thread of one exchange in history.py: contracts, settled rates, what is missing of them."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from funding import errors
from funding.history.backfill import Backfill, Job
from funding.history.bar_refill import BarRefill
from funding.history.contracts import update_contracts
from funding.history.fetcher import Fetcher
from funding.history.gap_search import GapSearch
from funding.history.statistics import SYMBOLS_AT_ONCE, Statistics
from funding.history.watcher import SettlementWatcher
from funding.rest.exchange_client import ExchangeClient
from funding.runtime.clock import Clock
from funding.runtime.logs import ThrottledWarnings
from funding.runtime.schedule import Every
from funding.runtime.worker import Worker
from funding.store.bar_fill import BarFill
from funding.store.contracts import Contracts
from funding.store.durable import DurableConnection
from funding.store.reader import Reader
from funding.store.settlements import Settlements

log = logging.getLogger("history")

WATCH_SECONDS = 2.0
PLAN_SECONDS = 5.0
"""Where each contract has a topic of its own, their first quotes come within minutes."""
CONTRACTS_SECONDS = 900.0
AFTER_SETTLEMENT_SECONDS = 60.0
"""An interval may change within a quarter of an hour after a settlement."""
SEARCH_SECONDS = 3_600.0
TURN_SECONDS = 0.02
"""Between two turns of a job, so that ingest can write in between."""
IDLE_SECONDS = 0.5
RETRY_SECONDS = 60.0
STORE_SECONDS = 5.0
LOG_SECONDS = 60.0


class World(NamedTuple):
    """What one thread uses: `client` leaves a part of the group's allowance to all others,
    `background` more of it."""

    reader: Reader
    store: DurableConnection
    client: ExchangeClient
    background: ExchangeClient


class HistoryWorker(Worker):
    """Keeps the history of one exchange. `open_world` is called in this thread, which alone uses
    what it returns; `turned_at` is the uptime of its last turn."""

    def __init__(
        self, exchange: str, open_world: Callable[[], World], *, days: float, clock: Clock
    ) -> None:
        super().__init__(f"history-{exchange}", self._work)
        self.exchange = exchange
        self.turned_at = clock.uptime()
        self._open_world = open_world
        self._days = days
        self._clock = clock
        self._warn = ThrottledWarnings(log, LOG_SECONDS, clock.uptime)
        self._store: DurableConnection | None = None

    def stop(self, seconds: float | None = None) -> None:
        """Ask the thread to end, and to write nothing more."""
        self.stopping.set()
        if self._store is not None:
            self._store.end()
        super().stop(seconds)

    def _work(self, stopping: threading.Event) -> None:
        world = self._open_world()
        self._store = world.store
        turns: Turns | None = None
        while not stopping.is_set():
            self.turned_at = self._clock.uptime()
            try:
                turns = turns or Turns(world, self._days, self._clock)
                pause = turns.turn()
            except errors.StoreMissing:
                turns, pause = None, STORE_SECONDS  # ingest has not made it yet
            except errors.StoreError as error:
                # What was under way begins again: nothing is done twice.
                turns, pause = None, STORE_SECONDS
                if stopping.is_set():
                    break
                self._warn(type(error).__name__, f"{self.exchange}: {error}")
            stopping.wait(pause)
        world.reader.close()
        world.store.close()
        for client in (world.client, world.background):
            client.close()


class Turns:
    """What is done turn by turn; jobs that take many turns wait while a settlement is due."""

    def __init__(self, world: World, days: float, clock: Clock) -> None:
        self._world = world
        self._clock = clock
        exchange = world.reader.exchange
        table = self._table = Settlements(world.store, exchange)
        self._known = Contracts(world.store).of(exchange)
        self._statistics = Statistics(
            world.store, exchange, days=days, contracts=lambda: self._known, clock=clock
        )
        background = Fetcher(world.background, table, clock)
        settled = self._statistics.update
        self._backfill = Backfill(background, table, days=days, settled=settled, clock=clock)
        bars = BarFill(world.store, exchange)
        self._refill = BarRefill(bars, table, background, clock)
        self._search = GapSearch(world.store, table, background, self._statistics, clock)
        self._watcher = SettlementWatcher(
            Fetcher(world.client, table, clock),
            table,
            settled=settled,
            missed=lambda symbols: self._jobs.append(self._search.run(symbols)),
            clock=clock,
        )
        self._jobs: deque[Job] = deque()
        self._past: Job = iter(())  # the backfill, which is one of them while it lasts
        self._sought: set[str] = set()  # whose past it is about
        self._resume_at = self._look_at = float("-inf")
        self._warn = ThrottledWarnings(log, LOG_SECONDS, clock.uptime)
        self._contracts = Every(CONTRACTS_SECONDS)
        self._watch = Every(WATCH_SECONDS)
        self._plan = Every(PLAN_SECONDS)
        self._hourly = Every(SEARCH_SECONDS)
        self._bars = Every(CONTRACTS_SECONDS)
        self._began = False

    def turn(self) -> float:
        """Do what is due; seconds until there may be more. Raises `StoreError`s."""
        now = self._clock.uptime()
        if self._contracts.due(now):
            self._update_contracts()
        if self._watch.due(now) and now >= self._look_at:
            self._look()
        if self._plan.due(now):
            self._begin()
        if self._began and self._hourly.due(now):
            self._jobs.append(self._recompute())
        if self._began and self._bars.due(now):
            self._jobs.append(self._refill.run())
        if not self._jobs or now < self._resume_at:
            return IDLE_SECONDS
        try:
            pause = next(self._jobs[0])
        except StopIteration:
            self._jobs.popleft()
            return TURN_SECONDS
        self._resume_at = now + pause
        return TURN_SECONDS

    def _update_contracts(self) -> None:
        world = self._world
        try:
            self._known = update_contracts(
                world.reader, world.store, world.client.contracts, self._clock.wall()
            )
        except errors.RestError as error:
            log.warning("contracts: %s", error)
            wait = error.retry_after_seconds or RETRY_SECONDS
            self._contracts.hasten(self._clock.uptime() + wait)
            if not self._known:
                return
        if self._began:
            self._seek()  # what has changed meanwhile

    def _begin(self) -> None:
        """Start with the past when contracts and quotes are there, and again when more are."""
        names = {each.symbol for each in self._table.announced()}
        if names <= self._sought:
            return
        self._sought |= names
        if not self._began:
            self._began = True
            log.info("%d contracts", len(self._known))
            self._jobs.append(self._backfill.run_at_once())
        self._seek()

    def _seek(self) -> None:
        """Go on with the past of all contracts, in the order that is right by now."""
        place = self._jobs.index(self._past) if self._past in self._jobs else len(self._jobs)
        with suppress(ValueError):
            self._jobs.remove(self._past)
        self._past = self._backfill.run()
        self._jobs.insert(place, self._past)

    def _look(self) -> None:
        try:
            if self._watcher.step():
                self._contracts.hasten(self._clock.uptime() + AFTER_SETTLEMENT_SECONDS)
        except errors.RestError as error:
            self._warn(type(error).__name__, f"settled rates: {error}")
            pause = min(RETRY_SECONDS, error.retry_after_seconds or WATCH_SECONDS)
            self._look_at = self._clock.uptime() + pause

    def _recompute(self) -> Job:
        """Statistics of all that trade, and then the gaps between their settlements."""
        symbols = [each.symbol for each in self._table.announced()]
        for some in _pieces(symbols, SYMBOLS_AT_ONCE):
            self._statistics.update(some)
            yield 0.0
        yield from self._search.run(symbols)


def _pieces(names: list[str], size: int) -> Iterator[Iterable[str]]:
    return (names[start : start + size] for start in range(0, len(names), size))
