"""Everything the criteria ask about, gathered in one pass over the database."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from validation.exchanges import BINANCE, Exchange, exchange_of
from validation.read.audit import Audit, audit_of
from validation.read.availability import Availability, availability_of
from validation.read.contracts import Contracts, contracts_of
from validation.read.foreign_rows import ForeignRows, foreign_rows_of
from validation.read.period import Period
from validation.read.roster import Roster, roster_of
from validation.read.rows import PLANTED_SOURCE, Row
from validation.read.series import Series
from validation.read.state import Quotes, Usage, quotes_of, usage_of
from validation.read.tables import columns_of
from validation.read.tally import Tally

FUTURE_SECONDS = 5.0
_IS_PAIR = (
    "typeof(ws_value) IN ('real', 'integer') AND typeof(rest_value) IN ('real', 'integer')"
    f" AND source <> '{PLANTED_SOURCE}'"
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the database says of one exchange in one period."""

    market: Exchange
    period: Period
    tally: Tally
    audit: Audit
    availability: Availability
    quotes: Quotes
    usage: Usage
    minimum_symbols: int
    foreign_rows: ForeignRows
    contracts: Contracts
    roster: Roster

    @property
    def exchange(self) -> str:
        """Its name."""
        return self.market.name

    @property
    def expected(self) -> Iterator[Series]:
        """The series of the symbols that are expected, prices first."""
        return (each for each in self.tally.all_series() if each.symbol in self.roster.expected)


def gather(
    connection: sqlite3.Connection,
    *,
    exchange: str,
    asked: tuple[float, float],
    now: float,
    minimum_symbols: int,
) -> Facts:
    """The facts of the period `asked` for: since and until, in Unix seconds. `minimum_symbols` is
    the setting, which is about Binance."""
    market, (since, until) = exchange_of(exchange), asked
    first, last = connection.execute(
        "SELECT min(compared_at), max(compared_at) FROM comparison"
        f" WHERE compared_at BETWEEN ? AND ? AND exchange = ? AND {_IS_PAIR}",
        (*asked, exchange),
    ).fetchone()
    first, last = (since, since) if first is None else (float(first), float(last))
    contracts = contracts_of(connection, market)
    tally = Tally(first, contracts.listed_after(first), market)
    for row in _rows(connection, exchange, asked):
        tally.add(row)
    tally.close(until)
    (future,) = connection.execute(
        "SELECT count(*) FROM comparison WHERE compared_at > ? AND exchange = ?",
        (max(now, until) + FUTURE_SECONDS, exchange),
    ).fetchone()
    dates = tally.calendar
    backwards = dates.backwards()
    gaps, watched = dates.gaps, dates.watched
    period = Period(
        since, until, first, last, gaps.found, gaps.longest, watched.found, backwards, future, now
    )
    audit = audit_of(connection, period, market)
    availability = availability_of(connection, period, market)
    quotes = quotes_of(connection, market)
    usage = usage_of(connection, exchange, since, until)
    foreign_rows = foreign_rows_of(connection, exchange, since, until)
    few = minimum_symbols if market is BINANCE else market.min_symbols
    roster = roster_of(market, period, tally, quotes, contracts)
    return Facts(
        market, period, tally, audit, availability, quotes, usage, few,
        foreign_rows, contracts, roster,
    )  # fmt: skip


def _rows(
    connection: sqlite3.Connection, exchange: str, asked: tuple[float, float]
) -> Iterator[Row]:
    present = columns_of(connection, "comparison")
    # A database of an older version lacks the last one.
    rest_time = "rest_time" if "rest_time" in present else "NULL"
    rows = connection.execute(
        "SELECT id, compared_at, source, symbol, field, ws_value, rest_value, difference_pct,"
        f" skew_ms, outcome, {rest_time} FROM comparison"
        " WHERE compared_at BETWEEN ? AND ? AND exchange = ? ORDER BY compared_at",
        (*asked, exchange),
    )
    return map(Row._make, rows)
