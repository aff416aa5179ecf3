"""Many REST calls at once: a few threads, one `Rest` each, one purse for all.

A call that our budget refuses waits for the next minute; a ban, or an exchange that is away, ends
the round, since going on would prolong the one and wait for nothing in the other.
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

log = logging.getLogger("pool")

T = TypeVar("T")


@dataclass(slots=True)
class Round(Generic[T]):
    """What one round brought: values and failures by symbol; `ended` is why it was cut short, and
    `waited` how many calls had to wait for the budget."""

    values: dict[str, T] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    ended: errors.RestError | None = None
    waited: int = 0


class Pool:
    """`workers` threads that ask REST. `make` makes what one of them asks with, `settle` is called
    after each round; setting `stopping` ends a round early."""

    def __init__(
        self,
        make: Callable[[], RestClient],
        workers: int,
        *,
        clock: Clock,
        stopping: threading.Event,
        settle: Callable[[], None],
    ) -> None:
        self._make = make
        self._workers = workers
        self._clock = clock
        self._stopping = stopping
        self._settle = settle
        self._mine = threading.local()
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="rest")

    def each(
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
        running = _Running(Round[T](), self._clock.uptime() + seconds, 2 * self._workers)
        futures = [
            self._executor.submit(self._one, running, ask, symbol, advance) for symbol in symbols
        ]
        try:
            _raise_first(futures)
        finally:
            self._settle()
        return running.round

    def close(self) -> None:
        """End the threads, after the calls they make now."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _one(
        self,
        running: "_Running[T]",
        ask: Callable[[RestClient, str], T],
        symbol: str,
        advance: Callable[[], object],
    ) -> None:
        while not (running.over or self._stopping.is_set()):
            try:
                value = ask(self._rest(), symbol)
            except errors.RestOverBudget as error:
                if not self._wait(running, error.retry_after_seconds):
                    if not self._stopping.is_set():  # who was not asked for that has not failed
                        running.fail(symbol, error)
                    break
            except errors.RestError as error:
                running.fail(symbol, error)
                break
            else:
                running.succeed(symbol, value)
                break
        advance()

    def _wait(self, running: "_Running[T]", seconds: float) -> bool:
        """Whether the next minute begins within the time of the round."""
        if self._clock.uptime() + seconds > running.end:
            return False
        running.note_wait()
        return not self._stopping.wait(seconds)

    def _rest(self) -> RestClient:
        if not hasattr(self._mine, "rest"):
            self._mine.rest = self._make()
        rest: RestClient = self._mine.rest
        return rest


class _Running(Generic[T]):
    """A round while its threads are at work."""

    def __init__(self, round_: Round[T], end: float, patience: int) -> None:
        self.round = round_
        self.end = end
        self._patience = patience
        self._missed = 0
        self._lock = threading.Lock()

    @property
    def over(self) -> bool:
        """Whether no further call is to be made."""
        return self.round.ended is not None

    def succeed(self, symbol: str, value: T) -> None:
        with self._lock:
            self._missed = 0
            self.round.values[symbol] = value

    def fail(self, symbol: str, error: errors.RestError) -> None:
        with self._lock:
            self.round.failures[symbol] = str(error)
            self._missed += isinstance(error, errors.RestUnreachable)
            hopeless = isinstance(error, errors.RestBanned | errors.RestRestricted)
            if (hopeless or self._missed >= self._patience) and self.round.ended is None:
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
