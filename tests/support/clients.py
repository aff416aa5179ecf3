"""What the tests of the client share: clients that are closed in the end, the API's replies, a
store that is locked, and what a call may take."""

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import apsw
import msgspec

from funding.api.quotes import row
from funding.client import FundingClient
from funding.model.contract import ContractStatus
from funding.model.feed import StoredQuote
from funding.runtime.clock import SYSTEM, Clock
from harness.http_client import ask
from tests.support.api_and_ingest import World
from tests.support.clock import rows
from tests.support.http_script import reply

NOW = 1_764_725_610.0


class Clients:
    """Makes clients of `world` with a store of their own, `database`."""

    def __init__(self, world: World, database: Path) -> None:
        self._world = world
        self._database = database
        self._made: list[FundingClient] = []

    def __call__(
        self,
        mode: str | None = None,
        clock: Clock = SYSTEM,
        timeout: float = 20.0,
        exchange: str = "binance",
        **changes: object,
    ) -> FundingClient:
        """A client in `mode`, its settings with these `changes`."""
        settings = self._world.settings(**({"FUNDING_DB": self._database} | changes))
        made = FundingClient(
            mode,
            exchange=exchange,
            caller="test",
            settings=settings,
            clock=clock,
            timeout=timeout,
        )
        self._made.append(made)
        return made

    def close(self) -> None:
        """Close all, which stores what waits."""
        for each in self._made:
            each.close()

    def compared(self) -> list[tuple[Any, ...]]:
        """The stored comparisons, with what waits."""
        self.close()
        return compared(self._database)


def compared(path: Path) -> list[tuple[Any, ...]]:
    """The comparisons that are stored by now."""
    return rows(path, "SELECT source, symbol, field, ws_value, rest_value, outcome FROM comparison")


def usage(path: Path) -> tuple[int, int]:
    """Calls and weight that are counted."""
    found = rows(path, "SELECT coalesce(sum(calls), 0), coalesce(sum(weight), 0) FROM rest_usage")
    return found[0][0], found[0][1]


def validated(path: Path, verdict: str, days_ago: float, now: float | None = None) -> None:
    """A stored report."""
    at = (SYSTEM.wall() if now is None else now) - days_ago * 86_400
    connection = apsw.Connection(str(path))
    connection.execute(
        "INSERT INTO validation (at, verdict, since, until, report) VALUES (?1, ?2, 0, ?1, '{}')",
        (at, verdict),
    )
    connection.close()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process has the store's write lock while the block runs."""
    with closing(apsw.Connection(str(path))) as other:
        other.set_busy_timeout(5_000)
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def in_time(seconds: float) -> Iterator[None]:
    """The block ends by the deadline of a call, where two waits of `seconds` would not."""
    begin = time.monotonic()
    yield
    assert time.monotonic() - begin < 1.8 * seconds


def api_row(symbol: str = "BTCUSDT", *, stale: bool | None = None, age: float = 1.5) -> Any:
    """A row as the API sends it."""
    status = ContractStatus.TRADING
    quote = StoredQuote("binance", symbol, 100.5, 100.25, 0.0001, 7, 1_000, NOW, age, status)
    made = msgspec.to_builtins(row(quote, None if stale is None else 180.0))
    return made if stale is None else made | {"stale": stale}


def api_all(*quotes: Any, tag: str = 'W/"1"') -> bytes:
    """The API's reply with all quotes."""
    body = json.dumps({"data": quotes, "total": len(quotes)}).encode()
    return reply(200, body, ETag=tag)


def api_stale(symbol: str = "BTCUSDT") -> bytes:
    """The API's reply for a stale symbol."""
    last = api_row(symbol, age=200)
    return reply(503, json.dumps({"error": "stale", "symbol": symbol, "last": last}).encode())


API_QUOTE = reply(200, json.dumps(api_row()).encode())


def rest_body(world: World, symbol: str) -> bytes:
    """REST's reply for `symbol`."""
    return ask(world.exchange.port, f"/fapi/v1/premiumIndex?symbol={symbol}").body
