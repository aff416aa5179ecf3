"""Fetches what is missing of the past, within the budget, the newest first.

A job here is a generator: each turn makes at most one call and yields how many seconds to wait
before the next turn. It may be dropped at any time: a new one goes on where it was.
"""

import logging
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from typing import TypeVar

from funding import errors
from funding.history.backfill_rules import DAY_MS, Piece, pieces
from funding.history.fetcher import Fetcher
from funding.model.settlement import Announced
from funding.runtime.clock import Clock
from funding.store.settlements import Settlements

log = logging.getLogger("history")

Job = Iterator[float]
"""A job; what it yields are seconds."""
RETRY_SECONDS = 15.0
"""After a call that failed without a stated wait."""
FEW = 50
"""So few contracts without a history are asked for one by one."""

T = TypeVar("T")


def patiently(call: Callable[[], T], about: str) -> Generator[float, None, T | None]:
    """The result of `call`, made again after every failure; None where the exchange says that the
    question is wrong. `about` is what it asks, in words."""
    while True:
        try:
            return call()
        except errors.RestRefused as error:
            log.warning("%s: %s", about, error)
            return None
        except errors.RestOverBudget as error:
            yield max(1.0, error.retry_after_seconds)
        except errors.RestError as error:
            log.warning("%s: waiting: %s", about, error)
            yield error.retry_after_seconds or RETRY_SECONDS


class Backfill:
    """Of the contracts in `table`, the last `days` days. `settled(symbols)` is called for those of
    which rates came. For one thread."""

    def __init__(
        self,
        fetcher: Fetcher,
        table: Settlements,
        *,
        days: float,
        settled: Callable[[Iterable[str]], None],
        clock: Clock,
    ) -> None:
        self._fetcher = fetcher
        self._table = table
        self._days = days
        self._settled = settled
        self._clock = clock

    def pieces(self, wanted: Iterable[Announced] | None = None) -> list[Piece]:
        """The questions that are left, of all contracts or of those `wanted`."""
        now_ms = int(self._clock.wall() * 1_000)
        contracts = self._table.announced() if wanted is None else wanted
        since_ms = now_ms - round(self._days * DAY_MS)
        return list(pieces(contracts, self._table.asked(), since_ms, now_ms))

    def run(self, wanted: Iterable[Announced] | None = None) -> Job:
        """Ask all of them."""
        for piece in self.pieces(wanted):
            yield from self.ask(piece)

    def ask(self, piece: Piece) -> Job:
        """Ask one of them."""
        newest = yield from patiently(
            lambda: self._fetcher.piece(piece), f"settled rates of {piece.symbol}"
        )
        if newest is not None:
            self._settled([piece.symbol])
        yield 0.0

    def run_at_once(self) -> Job:
        """Ask for all contracts at once, day by day, where most have no history yet.

        An eighth of the calls, so that there is something to compare a rate with within minutes. It
        proves nothing: `run` asks for each contract all the same.
        """
        asked = self._table.asked()
        names = {each.symbol for each in self._table.announced()}
        if not self._fetcher.knows_all or len(names - asked.keys()) <= FEW:
            return
        end = int(self._clock.wall() * 1_000)
        log.info("settled rates of %d contracts, day by day", len(names))
        for day in range(round(self._days)):
            until = end - day * DAY_MS
            newest = yield from patiently(
                partial(self._fetcher.of_all, until - DAY_MS, until - 1, names.__contains__),
                "settled rates of all contracts",
            )
            if not newest:
                return  # this exchange does not have it: each contract is asked for
            yield 0.0
        self._settled(names)
