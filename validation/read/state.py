"""What the service holds now: its quotes, its feed, and how often it asked REST."""

import sqlite3
from dataclasses import dataclass, field

from validation.exchanges import Exchange
from validation.read.tables import columns_of
from validation.rules import HOUR_MS

Usage = dict[tuple[str, str], tuple[int, int]]
"""(caller, route) → REST calls and weight in the period."""
_LATE_MS = 120_000
"""So long after a settlement the next one may still be unknown."""
_QUOTE = (
    "symbol, mark_price, index_price, funding_rate, next_funding_time, funding_interval_hours,"
    " event_time, updated_at"
)


@dataclass(frozen=True, slots=True)
class Feed:
    """The stream, as ingest saw it last."""

    connected: bool
    heartbeat_at: float  # Unix seconds, 0 when unknown
    rows_per_frame: float  # a message never has more rows than there are symbols
    stand_in: bool = False  # it comes from a loopback address


@dataclass(frozen=True, slots=True)
class StoredQuote:
    """One row of `quote`; `at` is the older of its event time and its receipt, Unix seconds."""

    mark: float
    index: float
    rate: float | None
    settles: bool  # a next settlement is scheduled
    at: float
    hours: int | None = None  # between two settlements


@dataclass(slots=True)
class Quotes:
    """The quotes the service holds, and the symbols whose funding schedule cannot be true."""

    feed: Feed | None = None
    rows: dict[str, StoredQuote] = field(default_factory=dict)
    impossible_interval: set[str] = field(default_factory=set)
    impossible_schedule: set[str] = field(default_factory=set)
    no_interval: set[str] = field(default_factory=set)
    no_schedule: set[str] = field(default_factory=set)


def quotes_of(connection: sqlite3.Connection, exchange: Exchange) -> Quotes:
    """All quotes of `exchange`, and its feed."""
    quotes = Quotes(_feed(connection, exchange.name))
    columns = columns_of(connection, "quote")
    if not columns:
        return quotes
    # What REST filled in says nothing of the stream.
    streamed = " AND source <> 'rest'" if "source" in columns else ""
    select = f"SELECT {_QUOTE} FROM quote WHERE exchange = ?{streamed}"
    rows = connection.execute(select, (exchange.name,))
    for name, mark, index, rate, settlement, hours, event_time, updated_at in rows:
        symbol, at = str(name), min(_number(event_time) / 1000, _number(updated_at))
        rate = _number(rate) if rate is not None else None
        settles = settlement is not None
        quotes.rows[symbol] = StoredQuote(_number(mark), _number(index), rate, settles, at, hours)
        if hours is None:
            quotes.no_interval.add(symbol)
        elif hours not in exchange.hours:
            quotes.impossible_interval.add(symbol)
        if not settles:
            quotes.no_schedule.add(symbol)
        elif hours in (None, *exchange.hours) and not _possible(
            hours, settlement, event_time, on_grid=exchange.on_grid
        ):
            quotes.impossible_schedule.add(symbol)
    return quotes


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _possible(hours: int | None, settlement: object, event_time: object, *, on_grid: bool) -> bool:
    """Whether the next settlement, epoch ms, is within one interval and `on_grid`: at a multiple of
    it, or else at a whole hour.

    While the interval is unknown, no more is certain than whole hours, and eight of them at most.
    """
    if not isinstance(settlement, int) or not isinstance(event_time, int):
        return False
    if settlement % ((hours if hours and on_grid else 1) * HOUR_MS):
        return False
    return -_LATE_MS <= settlement - event_time <= (hours or 8) * HOUR_MS + 60_000


def _feed(connection: sqlite3.Connection, exchange: str) -> Feed | None:
    wanted = ("connected", "heartbeat_at", "accepted", "frames")
    columns = columns_of(connection, "feed")
    if not columns >= {"exchange", *wanted}:
        return None
    address = "address" if "address" in columns else "NULL"
    row = connection.execute(
        f"SELECT {', '.join(wanted)}, {address} FROM feed WHERE exchange = ?", (exchange,)
    ).fetchone()
    if row is None:
        return None
    connected, heartbeat, accepted, frames = map(_number, row[:4])
    host = str(row[4])
    stand_in = host in ("localhost", "::1") or host.startswith("127.")
    return Feed(connected == 1, heartbeat, accepted / frames if frames else 0.0, stand_in)


def usage_of(connection: sqlite3.Connection, exchange: str, since: float, until: float) -> Usage:
    """The calls of the period to REST of `exchange`, from every caller."""
    columns = columns_of(connection, "rest_usage")
    if not columns:
        return {}
    # A database of an older version has those of one exchange alone.
    own = " AND exchange = ?3" if "exchange" in columns else ""
    rows = connection.execute(
        "SELECT caller, route, sum(calls), sum(weight) FROM rest_usage"
        f" WHERE minute BETWEEN ?1 AND ?2{own} GROUP BY caller, route",
        (int(since // 60), int(until // 60), exchange)[: 3 if own else 2],
    )
    return {(str(row[0]), str(row[1])): (int(row[2]), int(row[3])) for row in rows}
