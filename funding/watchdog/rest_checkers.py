"""All threads of the watchdog that ask REST: one for each exchange, so that one that is banned, or
does not answer, delays no other."""

from collections.abc import Callable
from functools import partial

from funding.exchanges.exchange import Exchange
from funding.exchanges.table import EXCHANGES
from funding.health.facts import LastComparison
from funding.rest.exchange_client import ExchangeClient
from funding.runtime.clock import Clock
from funding.runtime.deadline import Deadline
from funding.settings.service import Settings
from funding.store.durable import DurableConnection
from funding.store.reader import Reader
from funding.store.rest_usage import RestUsage
from funding.watchdog.rest_check import RestChecker, Schedule

CALLER = "watchdog"
ANSWER_SECONDS = 5.0
END_SECONDS = 2.0  # for calls under way


class RestCheckers:
    """The threads of the exchanges in `settings`, each with `schedule`; the database, which is one
    for all, is kept in order by that of the first. For the main thread."""

    def __init__(self, settings: Settings, schedule: Schedule, clock: Clock) -> None:
        alone = schedule._replace(keep_seconds=None)
        self._checkers = {
            name: RestChecker(
                partial(_open_store, settings, EXCHANGES[name], clock),
                schedule if name == settings.first else alone,
                exchange=EXCHANGES[name],
                clock=clock,
            )
            for name in settings.exchanges
        }

    def start(self) -> None:
        """Begin to ask."""
        for each in self._checkers.values():
            each.start()

    def wait_for_first(self, seconds: float) -> None:
        """Wait until each has a first result, at most so long in all."""
        deadline = Deadline(seconds)
        for each in self._checkers.values():
            each.wait_for_first(deadline.left() or 0.0)

    def check(self) -> None:
        """Raise the exception that ended one of the threads, if one did."""
        for each in self._checkers.values():
            each.check()

    def latest(self, exchange: str) -> Callable[[], LastComparison | None]:
        """What tells the last result about `exchange`."""
        return lambda: self._checkers[exchange].latest

    def exchange_offset(self, exchange: str) -> Callable[[], float | None]:
        """What tells the clock of `exchange` minus our uptime."""
        return lambda: self._checkers[exchange].exchange_offset

    def stop(self) -> None:
        """End the threads; a call that is still under way is given up with the process."""
        for each in self._checkers.values():
            each.stop()
        deadline = Deadline(END_SECONDS)
        for each in self._checkers.values():
            each.stop(deadline.left())


def _open_store(
    settings: Settings, exchange: Exchange, clock: Clock
) -> tuple[Reader, DurableConnection, ExchangeClient]:
    store = DurableConnection(settings.db)
    rest = ExchangeClient(
        exchange,
        settings.options(exchange.name),
        CALLER,
        usage=RestUsage(store, exchange.name),
        budget=settings.budget(exchange),
        clock=clock,
        timeout=ANSWER_SECONDS,
    )
    return Reader(settings.db, exchange.name, clock), store, rest
