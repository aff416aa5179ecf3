"""What both consumers are made of: the exchange as they ask it, the senders, the run."""

import logging
import random
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from funding import errors
from funding.clock import SYSTEM
from funding.exchanges.binance_rest import Contract, Kline, OpenInterest
from funding.outbox import Outbox, Sender, Target
from funding.pool import Pool, Round
from funding.post import Backend
from funding.rest import Rest
from funding.settings import Settings
from funding.store import Alerts, Purse

log = logging.getLogger("consumer")

REST_SECONDS = 5.0
WHOLE_SECONDS = 10.0
"""For replies about all symbols: one is over a megabyte."""
TIDY_SECONDS = 3_600.0
SENT_SECONDS = 86_400.0
RETRY_SECONDS = 30.0

Progress = Callable[[int], AbstractContextManager[Callable[[], object]]]
"""Shows the progress of so many calls: within the block, call what it gives after each."""


class Exchange:
    """The exchange's REST interface, for `consumer`: alone, and in a pool of `workers`."""

    def __init__(
        self,
        settings: Settings,
        consumer: str,
        *,
        workers: int,
        stopping: threading.Event,
        progress: Progress,
    ) -> None:
        self._settings = settings
        self._consumer = consumer
        self._progress = progress
        self._purse = Purse(settings.db)
        self._pool = Pool(
            self.rest, workers, clock=SYSTEM, stopping=stopping, settle=self._purse.settle
        )
        self._alone = self.rest(WHOLE_SECONDS)

    def rest(self, timeout: float = REST_SECONDS) -> Rest:
        """Something to ask with, for one thread."""
        return Rest(
            self._settings.rest_url,
            self._consumer,
            ledger=self._purse,
            budget=self._settings.rest_weight,
            clock=SYSTEM,
            timeout=timeout,
        )

    @property
    def alone(self) -> Rest:
        """For the main thread."""
        return self._alone

    def contracts(self) -> list[Contract]:
        """All contracts."""
        try:
            return self._alone.contracts()
        finally:
            self._purse.settle()

    def candles(self, symbols: Sequence[str], seconds: float) -> Round[list[Kline]]:
        """The last two hours of each."""
        with self._progress(len(symbols)) as advance:
            return self._pool.each(
                symbols,
                lambda rest, symbol: rest.klines(symbol, "1h", 2),
                seconds=seconds,
                advance=advance,
            )

    def open_interest(self, symbols: Sequence[str], seconds: float) -> Round[OpenInterest]:
        """Of each symbol."""
        with self._progress(len(symbols)) as advance:
            return self._pool.each(
                symbols,
                lambda rest, symbol: rest.open_interest(symbol),
                seconds=seconds,
                advance=advance,
            )

    def close(self) -> None:
        """End the threads, and let go of the store."""
        self._pool.close()
        self._purse.close()


def outbox(settings: Settings, consumer: str, target: Target) -> tuple[Outbox, Alerts]:
    """The outbox of `consumer` for `target`, and the store it works on; for one thread."""
    store = Alerts(settings.db)
    backend = Backend()
    made = Outbox(
        *(consumer, target), store=store, backend=backend, clock=SYSTEM, uniform=random.uniform
    )
    return made, store


def drain(settings: Settings, consumer: str, targets: Sequence[Target]) -> None:
    """Send what the targets take now; what they do not take stays for the next run."""
    for target in targets:
        box, store = outbox(settings, consumer, target)
        while box.turn():
            pass
        if box.waiting:
            log.warning("%s: %d posts wait for the next run", target.name, box.waiting)
        store.close()


@dataclass(frozen=True, slots=True)
class Running:
    """A consumer that runs on: `turn` does its work and says in how many seconds it wants to be
    called again; `store` is tidied up each hour, of what is older than `keep_seconds`."""

    settings: Settings
    consumer: str
    targets: Sequence[Target]
    turn: Callable[[], float]
    store: Alerts

    def run(self, stopping: threading.Event) -> None:
        """Until `stopping` is set. Raises what the program cannot go on with."""
        senders = [self._sender(target, stopping) for target in self.targets]
        for sender in senders:
            sender.start()
        tidied = float("-inf")
        while not stopping.is_set():
            pause = self._attempt()
            for sender in senders:
                sender.wake()
            if SYSTEM.uptime() - tidied >= TIDY_SECONDS:
                tidied = SYSTEM.uptime()
                self._tidy()
            stopping.wait(pause)
        for sender in senders:
            sender.stop()
        for sender in senders:
            if sender.failure is not None:
                raise sender.failure

    def _attempt(self) -> float:
        try:
            return self.turn()
        except errors.RestError as error:
            log.warning("%s", error)
            return max(RETRY_SECONDS, error.retry_after_seconds)

    def _tidy(self) -> None:
        now = SYSTEM.wall()
        before = now - self.settings.comparison_days * 86_400
        lost = self.store.prune_alerts(before, now - SENT_SECONDS)
        if lost:
            log.error("%d posts were never accepted and are too old: thrown away", lost)

    def _sender(self, target: Target, stopping: threading.Event) -> Sender:
        return Sender(
            target.name, lambda: outbox(self.settings, self.consumer, target), stopping.set
        )


def stop_on_signal() -> threading.Event:
    """Set by SIGTERM and SIGINT."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return stopping
