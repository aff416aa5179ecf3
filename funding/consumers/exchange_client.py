"""The exchange's REST interface as the consumers call it."""

import threading
from collections.abc import Callable, Sequence

from funding.consumers.open_interest_rules import reserved_weight
from funding.exchanges.binance.rest import Contract, Kline, OpenInterest, Ticker
from funding.rest.client import RestClient
from funding.rest.limiter import UsageStore
from funding.rest.pool import Pool, Round
from funding.runtime.clock import SYSTEM
from funding.runtime.progress import progress
from funding.settings.service import Settings
from funding.store.durable import DurableConnection
from funding.store.reservations import ReservedUsage
from funding.store.rest_usage import RestUsage

SYMBOL_SECONDS = 5.0
ALL_SYMBOLS_SECONDS = 10.0
"""For a reply about all symbols, which is over a megabyte."""


class ExchangeClient:
    """Calls for `consumer`: of all symbols in the main thread, symbol by symbol in `workers`
    threads. It never uses the share reserved by `reserved_weight`."""

    def __init__(
        self, settings: Settings, consumer: str, *, workers: int, stopping: threading.Event
    ) -> None:
        self._settings = settings
        self._consumer = consumer
        self._stopping = stopping
        self._store = DurableConnection(settings.db, rest_host=settings.rest_host)
        usage = RestUsage(self._store)
        self._reserved = ReservedUsage(usage)
        self._pool = Pool(
            lambda: self._rest(self._reserved, SYMBOL_SECONDS),
            workers,
            clock=SYSTEM,
            stopping=stopping,
            release=self._reserved.release,
        )
        # Not in blocks: one of a route for all symbols would be the whole budget of the minute.
        self._all_symbols = self._rest(usage, self._all_symbols_seconds)

    def contracts(self) -> list[Contract]:
        """All contracts."""
        return self._all_symbols.contracts()

    def tickers(self) -> list[Ticker]:
        """The 24 h volume of all symbols."""
        return self._all_symbols.tickers()

    def candles(self, symbols: Sequence[str], seconds: float) -> Round[list[Kline]]:
        """The last two hours of each, waiting for the budget at most that many seconds."""
        with progress(len(symbols)) as advance:
            return self._pool.fetch_all(
                symbols,
                lambda rest, symbol: rest.klines(symbol, "1h", 2),
                seconds=seconds,
                advance=advance,
            )

    def open_interest(
        self, symbols: Sequence[str], seconds: float
    ) -> Round[tuple[float, OpenInterest]]:
        """Of each symbol, with the Unix seconds of the reply; waits for the budget at most
        `seconds`."""

        def call(rest: RestClient, symbol: str) -> tuple[float, OpenInterest]:
            reply = rest.open_interest(symbol)
            return SYSTEM.wall(), reply

        with progress(len(symbols)) as advance:
            return self._pool.fetch_all(symbols, call, seconds=seconds, advance=advance)

    def close(self) -> None:
        """End the threads after their present calls, and let go of the store."""
        self._stopping.set()
        self._pool.close()
        try:
            self._reserved.release()
        finally:
            self._store.close()

    def _rest(self, usage: UsageStore, timeout: float | Callable[[], float]) -> RestClient:
        return RestClient(
            self._settings.rest_url,
            self._consumer,
            usage=usage,
            budget=self._settings.rest_weight - reserved_weight(self._settings.rest_weight),
            clock=SYSTEM,
            timeout=timeout,
        )

    def _all_symbols_seconds(self) -> float:
        return 0.0 if self._stopping.is_set() else ALL_SYMBOLS_SECONDS
