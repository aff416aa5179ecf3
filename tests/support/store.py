"""A database as the tests of its room make, fill and read it."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import apsw

from funding.comparison.difference import Field, Outcome
from funding.comparison.pair import Comparison
from funding.model.alert import Alert
from funding.model.contract import Contract, ContractStatus
from funding.model.feed import Feed
from funding.model.quote import Quote
from funding.model.settlement import REGULAR, StoredSettlement
from funding.store.reader import Reader
from funding.store.writer import Writer
from harness.processes import finished
from tests.support.clock import ManualClock

HOUR_MS = 3_600_000
NOW_MS = 1_764_725_610_000


def feed_of(address: str = "fstream.example", boot: str = "this boot") -> Feed:
    """The feed row of an ingest that begins."""
    return Feed("binance", address, 17, boot, started_at=1_764_725_000.0, started_uptime=4_000.0)


def quote(
    symbol: str = "BTCUSDT",
    mark: float = 91_897.67414493,
    event_time: int = NOW_MS,
    rate: float | None = 0.00001864,
    settles: int | None = NOW_MS + HOUR_MS,
) -> Quote:
    """One quote, as the exchange sends it."""
    return Quote(symbol, mark, 91_930.87652174, rate, settles, event_time)


def received(
    *quotes: Quote, wall: float = 1_764_725_610.0, uptime: float = 5_000.0
) -> list[tuple[Quote, float, float]]:
    """`quotes` as the writer takes them, received at one moment."""
    return [(one, wall, uptime) for one in quotes]


def frames_of(
    count: int, symbols: int, first: int = 0
) -> Iterator[list[tuple[Quote, float, float]]]:
    """`count` frames of the same `symbols`, each newer than the one before."""
    for n in range(first, first + count):
        yield received(*(quote(f"S{i}USDT", 1.0 + n, NOW_MS + n) for i in range(symbols)))


@contextmanager
def writing(path: Path, feed: Feed | None = None) -> Iterator[Writer]:
    """A writer, closed at the end of the block."""
    with closing(Writer(path, feed or feed_of())) as writer:
        yield writer


@contextmanager
def reading(path: Path, hand: ManualClock | None = None) -> Iterator[Reader]:
    """A reader, closed at the end of the block."""
    with closing(Reader(path, "binance", (hand or ManualClock()).clock())) as reader:
        yield reader


def plainly(path: Path) -> apsw.Connection:
    """A connection without our settings, for use in `closing`.

    Of the same library: a second one in this process would share its locks, and drop them.
    """
    return apsw.Connection(str(path))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but SQLite's shared memory, which any reader may touch, and the lock file."""
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if not path.name.endswith(("-shm", ".lock"))
    }


def leave_open(path: Path, script: str) -> None:
    """Run SQL `script` on `path` in a process that dies without closing: its WAL stays."""
    code = "import os, sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.argv[2]);"
    finished([sys.executable, "-c", f"{code} os._exit(0)", path, script])


def comparison(
    at: float = 1_764_725_610.0, symbol: str = "BTCUSDT", rest_value: float = 2.0
) -> Comparison:
    """A significant difference."""
    return Comparison(
        compared_at=at,
        source="test",
        exchange="binance",
        symbol=symbol,
        field=Field.MARK_PRICE,
        ws_value=1.0,
        rest_value=rest_value,
        difference_pct=-50.0,
        skew_ms=12,
        outcome=Outcome.SIGNIFICANT,
        rest_time=1_764_725_610_000,
        explained=0,
    )


def contract(
    symbol: str = "BTCUSDT",
    status: ContractStatus = ContractStatus.TRADING,
    exchange: str = "binance",
    hours: int | None = 8,
    multiplier: float = 1.0,
) -> Contract:
    """One contract, as it is stored."""
    return Contract(
        exchange=exchange,
        symbol=symbol,
        status=status,
        contract_type="PERPETUAL",
        base_asset="BTC",
        quote_asset="USDT",
        multiplier=multiplier,
        delivery_time=4_133_404_800_000,
        funding_interval_hours=hours,
        interval_source="exchange",
        rate_cap=0.02,
        rate_floor=-0.02,
        checked_at=1_764_725_000.0,
    )


def settlement(
    symbol: str = "BTCUSDT",
    funding_time: int = NOW_MS,
    rate: float = 0.0001,
    exchange: str = "binance",
    hours: int | None = 8,
) -> StoredSettlement:
    """One settled rate, as it is stored."""
    return StoredSettlement(exchange, symbol, funding_time, REGULAR, rate, 91_897.5, hours, "rest")


def alert(key: str = "k", **changes: Any) -> Alert:
    """An alert, with one target's body."""
    made = Alert(
        key, "volume_alert", "BTCUSDT", "SPIKE", 1_764_725_610.0, "message", "/path", {"a": 1}
    )
    return made._replace(**changes)
