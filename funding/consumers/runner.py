"""What both consumers are made of: the exchange as they ask it, the senders, the run."""

import logging
import random
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from funding import errors
from funding.consumers.open_interest_rules import spare
from funding.exchanges.binance.rest import Contract, Kline, OpenInterest
from funding.notify.backend import BackendClient
from funding.notify.sender import SEND_SECONDS, Outbox, Sender, Target
from funding.rest.client import RestClient
from funding.rest.limiter import UsageStore
from funding.rest.pool import Pool, Round
from funding.runtime.clock import SYSTEM
from funding.settings.service import Settings
from funding.store.durable import DurableConnection
from funding.store.outbox import OutboxStore
from funding.store.reservations import ReservedUsage
from funding.store.rest_usage import RestUsage

log = logging.getLogger("consumer")

REST_SECONDS = 5.0
WHOLE_SECONDS = 10.0
"""For replies about all symbols: one is over a megabyte."""
TIDY_SECONDS = 3_600.0
SENT_SECONDS = 86_400.0
RETRY_SECONDS = 30.0
END_SECONDS = 3.0
"""For what is being sent when the program ends: what is not marked then is sent again. Beside one
call of the exchange it is within the time that supervisord gives."""

Progress = Callable[[int], AbstractContextManager[Callable[[], object]]]
"""Shows the progress of so many calls: within the block, call what it gives after each."""


class ExchangeClient:
    """The exchange's REST interface, for `consumer`: alone, and in a pool of `workers`. It leaves
    the others what is to `spare`, in every minute."""

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
        self._stopping = stopping
        self._progress = progress
        self._store = DurableConnection(settings.db)
        usage = RestUsage(self._store)
        self._reserved = ReservedUsage(usage)
        self._pool = Pool(
            lambda: self._rest(self._reserved, REST_SECONDS),
            workers,
            clock=SYSTEM,
            stopping=stopping,
            release=self._reserved.release,
        )
        # Not in blocks: one of a route for all symbols would be the whole budget of the minute.
        self._alone = self._rest(usage, self._whole_seconds)

    def _rest(self, usage: UsageStore, timeout: float | Callable[[], float]) -> RestClient:
        return RestClient(
            self._settings.rest_url,
            self._consumer,
            usage=usage,
            budget=self._settings.rest_weight - spare(self._settings.rest_weight),
            clock=SYSTEM,
            timeout=timeout,
        )

    def _whole_seconds(self) -> float:
        return 0.0 if self._stopping.is_set() else WHOLE_SECONDS

    @property
    def alone(self) -> RestClient:
        """For the main thread."""
        return self._alone

    def contracts(self) -> list[Contract]:
        """All contracts."""
        return self._alone.contracts()

    def candles(self, symbols: Sequence[str], seconds: float) -> Round[list[Kline]]:
        """The last two hours of each."""
        with self._progress(len(symbols)) as advance:
            return self._pool.fetch_all(
                symbols,
                lambda rest, symbol: rest.klines(symbol, "1h", 2),
                seconds=seconds,
                advance=advance,
            )

    def open_interest(
        self, symbols: Sequence[str], seconds: float
    ) -> Round[tuple[float, OpenInterest]]:
        """Of each symbol, with the Unix seconds at which the answer came."""

        def ask(rest: RestClient, symbol: str) -> tuple[float, OpenInterest]:
            reply = rest.open_interest(symbol)
            return SYSTEM.wall(), reply

        with self._progress(len(symbols)) as advance:
            return self._pool.fetch_all(symbols, ask, seconds=seconds, advance=advance)

    def close(self) -> None:
        """End the threads, after what they ask now, and let go of the store."""
        self._stopping.set()
        self._pool.close()
        try:
            self._reserved.release()
        finally:
            self._store.close()


def outbox(settings: Settings, consumer: str, target: Target) -> tuple[Outbox, DurableConnection]:
    """The outbox of `consumer` for `target`, and the store it works on; for one thread."""
    store = DurableConnection(settings.db)
    made = Outbox(
        *(consumer, target),
        store=OutboxStore(store),
        backend=BackendClient(SEND_SECONDS),
        clock=SYSTEM,
        uniform=random.uniform,
    )
    return made, store


@dataclass(frozen=True, slots=True)
class ConsumerLoop:
    """A consumer that runs on, or once: `turn` does its work and says in how many seconds it wants
    to be called again; `store` is tidied up each hour."""

    settings: Settings
    consumer: str
    targets: Sequence[Target]
    turn: Callable[[], float]
    store: OutboxStore

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
            sender.join(END_SECONDS / len(senders))
            if sender.failure is not None:
                raise sender.failure

    def once(self, stopping: threading.Event, work: Callable[[], object]) -> None:
        """Do `work`, and send what the targets take now, until `stopping` is set, whatever the
        exchange does; what they do not take stays for the next run."""
        try:
            work()
        finally:
            for target in self.targets:
                box, store = outbox(self.settings, self.consumer, target)
                while not stopping.is_set() and box.turn():
                    pass
                if box.waiting:
                    log.warning("%s: %d posts wait for the next run", target.name, box.waiting)
                store.close()

    def _attempt(self) -> float:
        try:
            return self.turn()
        except errors.RestError as error:
            log.warning("%s", error)
            return max(RETRY_SECONDS, error.retry_after_seconds)

    def _tidy(self) -> None:
        now = SYSTEM.wall()
        before = now - self.settings.comparison_days * 86_400
        lost = self.store.prune(before, now - SENT_SECONDS)
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
