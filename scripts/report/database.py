"""The only part that opens the database: rows out as facts, and one verdict in."""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote as percent_encoded

from scripts.report.facts import Audit, Facts, Incident, Period, Quotes, Usage
from scripts.report.tally import CONTROL, Row, Tally

APPLICATION_ID = 0x46554E44
COLUMNS = {
    "id", "compared_at", "source", "exchange", "symbol", "field", "ws_value", "rest_value",
    "difference_pct", "skew_ms", "outcome",
}  # fmt: skip
FUNDING_HOURS = (1, 2, 4, 8)
SHOWN_KINDS = (
    "start", "stop", "stall", "restart", "kill", "class-silent", "crash", "control-missed"
)  # fmt: skip
SHOWN = 40
FUTURE_SECONDS = 5.0
_HOUR_MS = 3_600_000
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
    except sqlite3.Error as error:
        raise NoReport(f"{path} cannot be read: {error}") from None


def _recognise(connection: sqlite3.Connection, path: Path) -> None:
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    columns = _columns(connection, "comparison")
    if mark not in (0, APPLICATION_ID) or (columns and not columns >= COLUMNS):
        raise NoReport(f"{path} is a database of something else")
    if not columns:
        raise NoReport(f"{path} has no table of comparisons: it is empty, or of something else")
    if connection.execute("SELECT 1 FROM comparison LIMIT 1").fetchone() is None:
        raise NoReport(f"{path} holds no comparison yet: is the watchdog running?")


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    """The columns of `table`, none when it does not exist."""
    return {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}


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
    (others,) = connection.execute(
        "SELECT count(*) FROM comparison WHERE compared_at BETWEEN ? AND ? AND exchange <> ?",
        (since, until, exchange),
    ).fetchone()
    period = Period(
        since, until, first, last, tally.gaps, tally.longest_gap, tally.backwards(), future
    )
    audit = _audit(connection, period, seen_before=first)
    quotes, usage = _quotes(connection, exchange), _usage(connection, since, until)
    return Facts(exchange, period, tally, audit, quotes, usage, minimum_symbols, others)


def _rows(
    connection: sqlite3.Connection, exchange: str, since: float, until: float
) -> Iterator[Row]:
    present = _columns(connection, "comparison")
    late = [name if name in present else "NULL" for name in ("rest_time", "explained")]
    return map(
        Row._make,
        connection.execute(
            "SELECT id, compared_at, source, symbol, field, ws_value, rest_value, difference_pct,"
            f" skew_ms, outcome, {', '.join(late)} FROM comparison"
            " WHERE compared_at BETWEEN ? AND ? AND exchange = ? ORDER BY compared_at",
            (since, until, exchange),
        ),
    )


def _audit(connection: sqlite3.Connection, period: Period, *, seen_before: float) -> Audit:
    """What happened. A start of ingest without a stop since the start before is a crash.

    The trail is pruned: when the period's first start has nothing before it, but pairs had been
    compared for a minute, ingest was running, and did not say goodbye either.
    """
    audit = Audit()
    if not _columns(connection, "event"):
        audit.readable = False
        return audit
    begun = connection.execute(
        "SELECT at, kind FROM event WHERE at < ? AND source = 'ingest'"
        " AND kind IN ('start', 'stop') ORDER BY at DESC, id DESC LIMIT 1",
        (period.since,),
    ).fetchone()
    running = begun is not None and begun[1] == "start"
    stopped = float(begun[0]) if begun is not None and begun[1] == "stop" else None
    unknown = begun is None
    for incident in _incidents(connection, period):
        label = f"{incident.kind} ({incident.source})"
        audit.counts[label] = audit.counts.get(label, 0) + 1
        if incident.kind == "crash":
            audit.crashes.append(incident)
        elif incident.source == "ingest" and incident.kind == "start":
            if running or (unknown and incident.at > seen_before + 60):
                audit.crashes.append(incident)
            if stopped is not None:
                _absent(audit, stopped, incident.at, period)
            running, unknown, stopped = True, False, None
        elif incident.source == "ingest" and incident.kind == "stop":
            running, unknown, stopped = False, False, incident.at
        if incident.kind in SHOWN_KINDS:
            audit.shown = [*audit.shown[1 - SHOWN :], incident]
    if stopped is not None:
        _absent(audit, stopped, period.until, period)
    return audit


def _absent(audit: Audit, begin: float, end: float, period: Period) -> None:
    """Count an absence of ingest, as far as it lies among the comparisons."""
    audit.longest_absence = max(audit.longest_absence, end - max(begin, period.first))


def _incidents(connection: sqlite3.Connection, period: Period) -> Iterator[Incident]:
    rows = connection.execute(
        "SELECT at, source, kind, detail FROM event WHERE at BETWEEN ? AND ? ORDER BY at, id",
        (period.since, period.until),
    )
    for at, source, kind, detail in rows:
        yield Incident(float(at), str(source), str(kind), str(detail)[:300])


def _quotes(connection: sqlite3.Connection, exchange: str) -> Quotes:
    symbols, intervals, schedules = set(), [], []
    if _columns(connection, "quote"):
        rows = connection.execute(
            "SELECT symbol, funding_interval_hours, next_funding_time, event_time FROM quote"
            " WHERE exchange = ?",
            (exchange,),
        )
        for symbol, hours, settlement, event_time in rows:
            symbols.add(str(symbol))
            if hours is not None and hours not in FUNDING_HOURS:
                intervals.append(str(symbol))
            elif settlement is not None and not _possible(hours, settlement, event_time):
                schedules.append(str(symbol))
    return Quotes(frozenset(symbols), intervals, schedules, _rows_per_frame(connection, exchange))


def _possible(hours: int | None, settlement: object, event_time: object) -> bool:
    """Whether the next settlement, epoch ms, is on the grid of its interval and within one.

    Of an interval not known yet no more is certain than whole hours, and eight of them at most.
    """
    if not isinstance(settlement, int) or not isinstance(event_time, int):
        return False
    if settlement % ((hours or 1) * _HOUR_MS):
        return False
    return settlement - event_time <= (hours or 8) * _HOUR_MS + 60_000


def _rows_per_frame(connection: sqlite3.Connection, exchange: str) -> float:
    if not _columns(connection, "feed") >= {"exchange", "frames", "accepted"}:
        return 0.0
    found = connection.execute(
        "SELECT accepted, frames FROM feed WHERE exchange = ?", (exchange,)
    ).fetchone()
    return float(found[0]) / float(found[1]) if found is not None and found[1] else 0.0


def _usage(connection: sqlite3.Connection, since: float, until: float) -> Usage:
    if not _columns(connection, "rest_usage"):
        return Usage({})
    rows = connection.execute(
        "SELECT caller, route, sum(calls), sum(weight) FROM rest_usage"
        " WHERE minute BETWEEN ? AND ? GROUP BY caller, route",
        (int(since // 60), int(until // 60)),
    )
    return Usage({(str(row[0]), str(row[1])): (int(row[2]), int(row[3])) for row in rows})


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
