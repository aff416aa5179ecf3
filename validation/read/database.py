"""The only part that opens the database: rows out as facts, and one verdict in."""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote as percent_encoded

from validation.read.audit import audit_of
from validation.read.facts import Facts, Period, Strays
from validation.read.rows import CONTROL
from validation.read.state import quotes_of, usage_of
from validation.read.tables import columns_of, timeless
from validation.read.tally import Tally

APPLICATION_ID = 0x46554E44
COLUMNS = {
    "id", "compared_at", "source", "exchange", "symbol", "field", "ws_value", "rest_value",
    "difference_pct", "skew_ms", "outcome",
}  # fmt: skip
FUTURE_SECONDS = 5.0
_STORE_SECONDS = 5.0
_NUMBERS = (
    "typeof(ws_value) IN ('real', 'integer') AND typeof(rest_value) IN ('real', 'integer')"
    f" AND source <> '{CONTROL}'"
)


class NoReport(Exception):
    """A report cannot be made; the text is the sentence to print."""


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write, in one snapshot. Raises `NoReport`, never creates a file."""
    if not path.is_file():
        raise NoReport(f"there is no database at {path}")
    address = f"file:{percent_encoded(str(path.resolve()))}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, isolation_level=None)) as connection:
            connection.execute("BEGIN")
            _recognise(connection, path)
            yield connection
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter: a schema that is no text
        raise NoReport(f"{path} cannot be read: {error}") from None


def _recognise(connection: sqlite3.Connection, path: Path) -> None:
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    columns = columns_of(connection, "comparison")
    if mark not in (0, APPLICATION_ID) or (columns and not columns >= COLUMNS):
        raise NoReport(f"{path} is a database of something else")
    if not columns:
        raise NoReport(f"{path} has no table of comparisons: it is empty, or of something else")
    if connection.execute("SELECT 1 FROM comparison LIMIT 1").fetchone() is None:
        raise NoReport(f"{path} holds no comparison yet: is the watchdog running?")


def facts(
    connection: sqlite3.Connection,
    *,
    exchange: str,
    since: float,
    until: float,
    now: float,
    minimum_symbols: int,
) -> Facts:
    """Everything the criteria ask about, between `since` and `until` (Unix seconds)."""
    ends = [
        connection.execute(
            "SELECT compared_at FROM comparison WHERE compared_at BETWEEN ? AND ?"
            f" AND exchange = ? AND {_NUMBERS} ORDER BY compared_at {direction} LIMIT 1",
            (since, until, exchange),
        ).fetchone()
        for direction in ("ASC", "DESC")
    ]
    first, last = (float(end[0]) if end else since for end in ends)
    tally = Tally(first)
    for row in _rows(connection, exchange, since, until):
        tally.add(row)
    tally.close(until)
    (future,) = connection.execute(
        "SELECT count(*) FROM comparison WHERE compared_at > ?", (max(now, until) + FUTURE_SECONDS,)
    ).fetchone()
    dates = tally.calendar
    period = Period(
        *(since, until, first, last, dates.gaps, dates.longest_gap, dates.backwards(), future, now)
    )
    return Facts(
        exchange,
        period,
        tally,
        audit_of(connection, period),
        quotes_of(connection, exchange),
        usage_of(connection, since, until),
        minimum_symbols,
        _strays(connection, exchange, since, until),
    )


def _strays(connection: sqlite3.Connection, exchange: str, since: float, until: float) -> Strays:
    others = misnamed = 0
    rows = connection.execute(
        "SELECT exchange, count(*) FROM comparison WHERE compared_at BETWEEN ? AND ?"
        " AND exchange IS NOT ? GROUP BY exchange",
        (since, until, exchange),
    )
    for name, many in rows:
        others += many
        if not isinstance(name, str) or name.strip().casefold() in ("", exchange.casefold()):
            misnamed += many
    return Strays(timeless(connection, "comparison", "compared_at"), misnamed, others - misnamed)


def _rows(
    connection: sqlite3.Connection, exchange: str, since: float, until: float
) -> Iterator[tuple[Any, ...]]:
    present = columns_of(connection, "comparison")
    late = [name if name in present else "NULL" for name in ("rest_time", "explained")]
    return connection.execute(
        "SELECT id, compared_at, source, symbol, field, ws_value, rest_value, difference_pct,"
        f" skew_ms, outcome, {', '.join(late)} FROM comparison"
        " WHERE compared_at BETWEEN ? AND ? AND exchange = ? ORDER BY compared_at",
        (since, until, exchange),
    )


def store(path: Path, *, at: float, verdict: str, since: float, until: float, text: str) -> None:
    """One short write: the verdict. Raises `sqlite3.Error`; never creates a file."""
    address = f"file:{percent_encoded(str(path.resolve()))}?mode=rw"
    opening = sqlite3.connect(address, uri=True, timeout=_STORE_SECONDS)
    with closing(opening) as connection, connection:
        connection.execute(
            "INSERT INTO validation (at, verdict, since, until, report) VALUES (?, ?, ?, ?, ?)",
            (at, verdict, since, until, text),
        )


def seconds_before(text: str) -> float | None:
    """`24h`, `90m`, `7d`, `30s` in seconds; None when it is not of that form."""
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)([smhd])", text.strip())
    if found is None:
        return None
    return float(found[1]) * {"s": 1, "m": 60, "h": 3_600, "d": 86_400}[found[2]]


def default_path(root: Path) -> Path:
    """`FUNDING_DB`, as the programs read it, or var/funding.db in the project's folder."""
    named = os.environ.get("FUNDING_DB")
    return Path(named).absolute() if named else root / "var/funding.db"
