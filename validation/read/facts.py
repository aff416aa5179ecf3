"""Everything the criteria ask about, gathered in one pass over the database."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from validation.read.audit import Audit, audit_of
from validation.read.foreign_rows import ForeignRows, foreign_rows_of
from validation.read.period import Period
from validation.read.rows import PLANTED_SOURCE, Row
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

    exchange: str
    period: Period
    tally: Tally
    audit: Audit
    quotes: Quotes
    usage: Usage
    minimum_symbols: int
    foreign_rows: ForeignRows

    @property
    def known(self) -> set[str]:
        """Symbols that the service or REST has, in the period or now."""
        return set(self.quotes.times).union(*self.tally.series.values())


def gather(
    connection: sqlite3.Connection,
    *,
    exchange: str,
    asked: tuple[float, float],
    now: float,
    minimum_symbols: int,
) -> Facts:
    """The facts of the period `asked` for: since and until, in Unix seconds."""
    since, until = asked
    first, last = connection.execute(
        "SELECT min(compared_at), max(compared_at) FROM comparison"
        f" WHERE compared_at BETWEEN ? AND ? AND exchange = ? AND {_IS_PAIR}",
        (*asked, exchange),
    ).fetchone()
    first, last = (since, since) if first is None else (float(first), float(last))
    tally = Tally(first)
    for row in _rows(connection, exchange, asked):
        tally.add(row)
    tally.close(until)
    (future,) = connection.execute(
        "SELECT count(*) FROM comparison WHERE compared_at > ?", (max(now, until) + FUTURE_SECONDS,)
    ).fetchone()
    dates = tally.calendar
    backwards = dates.backwards()
    period = Period(
        since, until, first, last, dates.gaps, dates.longest_gap, backwards, future, now
    )
    audit, quotes = audit_of(connection, period), quotes_of(connection, exchange)
    usage = usage_of(connection, since, until)
    foreign_rows = foreign_rows_of(connection, exchange, since, until)
    return Facts(exchange, period, tally, audit, quotes, usage, minimum_symbols, foreign_rows)


def _rows(
    connection: sqlite3.Connection, exchange: str, asked: tuple[float, float]
) -> Iterator[Row]:
    present = columns_of(connection, "comparison")
    # A database of an older version lacks these two.
    newer = [name if name in present else "NULL" for name in ("rest_time", "explained")]
    rows = connection.execute(
        "SELECT id, compared_at, source, symbol, field, ws_value, rest_value, difference_pct,"
        f" skew_ms, outcome, {', '.join(newer)} FROM comparison"
        " WHERE compared_at BETWEEN ? AND ? AND exchange = ? ORDER BY compared_at",
        (*asked, exchange),
    )
    return map(Row._make, rows)
