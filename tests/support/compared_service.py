"""A store, a clock, and what compares the store with a scripted REST interface."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from funding.exchanges.exchange import Exchange, Options
from funding.exchanges.table import EXCHANGES
from funding.model.quote import Quote
from funding.rest.exchange_client import ExchangeClient
from funding.store.durable import DurableConnection
from funding.store.reader import Reader
from funding.store.rest_usage import RestUsage
from funding.watchdog.rest_check import RestChecker, Schedule
from funding.watchdog.rest_jobs import RestJobs
from harness.processes import WAIT_SECONDS
from tests.support.clock import ManualClock, rows, write
from tests.support.http_script import Turn, reply, sends

TIME = 1_764_725_610_000
SETTLES = TIME + 3_600_000
PREMIUM = {
    "markPrice": "100.0", "indexPrice": "100.0", "lastFundingRate": "0.0001",
    "nextFundingTime": SETTLES, "time": TIME,
}  # fmt: skip


def premium(symbol: str = "BTCUSDT", **changes: object) -> dict[str, object]:
    """A row of premiumIndex."""
    return {"symbol": symbol, **PREMIUM, **changes}


def json_reply(value: object) -> Turn:
    return sends(reply(body=json.dumps(value).encode()))


def quote(symbol: str = "BTCUSDT", mark: float = 100.0, event_time: int = TIME) -> Quote:
    return Quote(symbol, mark, 100.0, 0.0001, SETTLES, event_time)


@dataclass
class ComparedService:
    """The store at `path`, seen at the time of `hand`. REST may take `timeout` seconds."""

    path: Path
    hand: ManualClock
    timeout: float = WAIT_SECONDS
    exchange: Exchange = EXCHANGES["binance"]

    def write(self, *quotes: Quote) -> None:
        """Ingest writes a frame."""
        write(self.path, self.hand.clock(), quotes)

    def open_store(self, url: str) -> tuple[Reader, DurableConnection, ExchangeClient]:
        """What the watchdog's thread uses, with REST at `url`."""
        clock, store = self.hand.clock(), DurableConnection(self.path)
        rest = ExchangeClient(
            self.exchange,
            Options("", url, url),
            "watchdog",
            usage=RestUsage(store, self.exchange.name),
            budget=1_200,
            clock=clock,
            timeout=self.timeout,
        )
        return Reader(self.path, self.exchange.name, clock), store, rest

    @contextmanager
    def checker(self, url: str, schedule: Schedule | None = None) -> Iterator[RestChecker]:
        """A checker at work while the block runs; it compares one symbol a minute by default."""
        made = RestChecker(
            lambda: self.open_store(url),
            schedule or Schedule(one_every=60.0),
            exchange=self.exchange,
            clock=self.hand.clock(),
        )
        made.start()
        try:
            yield made
        finally:
            made.stop()
            made.join()

    @contextmanager
    def jobs(self, url: str) -> Iterator[RestJobs]:
        """The jobs of a checker, to be called one by one."""
        clock = self.hand.clock()
        with ExitStack() as stack:
            reader, store, rest = self.open_store(url)
            stack.enter_context(closing(reader))
            stack.enter_context(closing(store))
            yield RestJobs(reader, store, rest, exchange=self.exchange, clock=clock)

    def comparisons(self, where: str = "1") -> list[Any]:
        columns = "source, symbol, field, ws_value, rest_value, outcome, skew_ms, explained"
        return rows(self.path, f"SELECT {columns} FROM comparison WHERE {where} ORDER BY id")

    def events(self) -> list[tuple[str, str]]:
        found = rows(self.path, "SELECT kind, detail FROM event WHERE source = 'watchdog'")
        return [(kind, detail) for kind, detail in found]
