"""Many REST calls at once: a few threads with a `RestClient` each.

A call that our budget refuses waits for the next minute. A ban ends the round, since more calls
would prolong it; so does an exchange that does not answer, since waiting on is useless.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from funding import errors
from funding.rest.client import RestClient
from funding.runtime.clock import Clock
from funding.runtime.deadline import Deadline

log = logging.getLogger("pool")

T = TypeVar("T")


@dataclass(slots=True)
class Round(Generic[T]):
    """The result of one round: values and failures by symbol; `ended` is why it was cut short, and
    `waited` how many calls had to wait for the budget."""

    values: dict[str, T] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    ended: errors.RestError | None = None
    waited: int = 0


class Pool:
    """`workers` threads that ask REST. `make` makes the client of one thread; `release` is called
    after each round, for reserved usage; setting `stopping` ends a round early."""

    def __init__(
        self,
        make: Callable[[], RestClient],
        workers: int,
        *,
        clock: Clock,
        stopping: threading.Event,
        release: Callable[[], None],
    ) -> None:
        self._make = make
        self._workers = workers
        self._clock = clock
        self._stopping = stopping
        self._release = release
        self._mine = threading.local()
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="rest")

    def fetch_all(
        self,
        symbols: Iterable[str],
        ask: Callable[[RestClient, str], T],
        *,
        seconds: float,
        advance: Callable[[], object] = lambda: None,
    ) -> Round[T]:
        """Ask for every symbol, waiting for the budget within `seconds`; `advance` is called after
        each. An exchange that is slow is waited for, or the same symbols would always be left out.

        Raises `StoreError`s, and whatever is a defect.
        """
        deadline = Deadline(seconds, self._clock.uptime)
        active = _ActiveRound(Round[T](), deadline, most_misses=2 * self._workers)
        futures = [
            self._executor.submit(self._fetch, active, ask, symbol, advance) for symbol in symbols
        ]
        try:
            _raise_first(futures)
        finally:
            self._release()
        return active.round

    def close(self) -> None:
        """End the threads, after the calls they make now."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _fetch(
        self,
        active: "_ActiveRound[T]",
        ask: Callable[[RestClient, str], T],
        symbol: str,
        advance: Callable[[], object],
    ) -> None:
        while not (active.over or self._stopping.is_set()):
            try:
                value = ask(self._rest(), symbol)
            except errors.RestOverBudget as error:
                if not self._wait(active, error.retry_after_seconds):
                    if not self._stopping.is_set():  # not asked because of that: no failure
                        active.fail(symbol, error)
                    break
            except errors.RestError as error:
                active.fail(symbol, error)
                break
            else:
                active.succeed(symbol, value)
                break
        advance()

    def _wait(self, active: "_ActiveRound[T]", seconds: float) -> bool:
        """Whether the next minute begins within the time of the round."""
        if not active.lasts(seconds):
            return False
        active.note_wait()
        return not self._stopping.wait(seconds)

    def _rest(self) -> RestClient:
        if not hasattr(self._mine, "rest"):
            self._mine.rest = self._make()
        rest: RestClient = self._mine.rest
        return rest


class _ActiveRound(Generic[T]):
    """A round while its threads are at work; so many misses in a row end it."""

    def __init__(self, round_: Round[T], deadline: Deadline, *, most_misses: int) -> None:
        self.round = round_
        self._deadline = deadline
        self._most_misses = most_misses
        self._misses = 0
        self._lock = threading.Lock()

    @property
    def over(self) -> bool:
        """Whether no further call is to be made."""
        return self.round.ended is not None

    def lasts(self, seconds: float) -> bool:
        """Whether the round may go on for so many `seconds`."""
        return self._deadline.left(seconds) == seconds

    def succeed(self, symbol: str, value: T) -> None:
        with self._lock:
            self._misses = 0
            self.round.values[symbol] = value

    def fail(self, symbol: str, error: errors.RestError) -> None:
        with self._lock:
            self.round.failures[symbol] = str(error)
            self._misses += isinstance(error, errors.RestUnreachable)
            hopeless = isinstance(error, errors.RestBanned | errors.RestRestricted)
            if (hopeless or self._misses >= self._most_misses) and self.round.ended is None:
                self.round.ended = error

    def note_wait(self) -> None:
        with self._lock:
            if not self.round.waited:
                log.info("the REST budget of this minute is used up: waiting for the next")
            self.round.waited += 1


def _raise_first(futures: Iterable[Future[None]]) -> None:
    """Wait for all; a defect in one cancels those that have not begun."""
    failed: BaseException | None = None
    for future in futures:
        if failed is not None:
            future.cancel()
        elif (error := future.exception()) is not None:
            failed = error
    if failed is not None:
        raise failed
