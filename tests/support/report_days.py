"""Days that were spoilt, and the report on them: SQL that changes a fair world."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from scripts import validate_report
from tests.support.report_world import END, HOUR, tamper

Report = dict[str, Any]
MARK = "field = 'mark_price'"
RATE = "field = 'funding_rate'"
REAL = "source <> 'control'"
COLUMNS = (
    "compared_at, source, exchange, symbol, field, ws_value, rest_value, difference_pct, skew_ms,"
    " outcome, rest_time, explained"
)
LATER = f"compared_at > {END - 12 * HOUR}"
ONE_HOUR = f"compared_at BETWEEN {END - 6 * HOUR} AND {END - 5 * HOUR}"


# REST answers with what it said the time before.
PREVIOUS = """
CREATE TEMP TABLE previous AS SELECT id, lag(rest_value, 1, rest_value) OVER
    (PARTITION BY symbol, field ORDER BY compared_at) AS value FROM comparison
    WHERE source <> 'control';
CREATE UNIQUE INDEX temp.by_id ON previous (id);
UPDATE comparison SET rest_value = (SELECT value FROM previous WHERE id = comparison.id)
    WHERE source <> 'control';
"""


class Sabotage(NamedTuple):
    """What is broken, and the criteria that say so; `honest` stores what the values deserve."""

    script: str
    lines: set[str]
    honest: bool = True


def run(path: Path, *arguments: str, now: float = END) -> tuple[int, Report]:
    """The exit code and the report as data."""
    out = path.with_suffix(".json")
    out.unlink(missing_ok=True)
    options = ["--db", str(path), "--format", "json", "--out", str(out), *arguments]
    code = validate_report.main(options, clock=lambda: now)
    return code, json.loads(out.read_text("utf-8")) if out.exists() else {}


def failed(report: Report) -> set[str]:
    return {each["name"] for each in report["criteria"] if not each["passed"]}


def assert_no_go(world: Path, sabotage: Sabotage) -> None:
    """Spoil `world`: the verdict is NO-GO, and each of the criteria named fails."""
    tamper(world, sabotage.script, honest=sabotage.honest)
    code, report = run(world, "--no-store")
    assert (code, report["verdict"]) == (1, "NO-GO")
    assert sabotage.lines <= failed(report)


def loose(table: str, script: str) -> str:
    """`table` as a table whose columns take anything, and then `script`."""
    return f"""
DROP VIEW IF EXISTS worst_differences; DROP VIEW IF EXISTS availability;
DROP VIEW IF EXISTS restarts; DROP VIEW IF EXISTS rest_saved; DROP VIEW IF EXISTS events;
CREATE TABLE loose AS SELECT * FROM {table};
DROP TABLE {table};
ALTER TABLE loose RENAME TO {table};
{script};
"""


def event(
    hours_ago: float, source: str, kind: str, detail: str = "", program: str | None = None
) -> str:
    at, about = END - hours_ago * HOUR, f"'{program}'" if program else "NULL"
    return (
        "INSERT INTO event (at, source, kind, detail, program)"
        f" VALUES ({at}, '{source}', '{kind}', '{detail}', {about});"
    )


def drift(percent: float, rest: str = "") -> str:
    return (
        f"UPDATE comparison SET ws_value = ws_value * {1 + percent / 100}"
        f" WHERE {MARK} AND {REAL} AND symbol = 'SOLUSDT' {rest};"
    )


def delisted(symbol: str, at: float) -> str:
    """From `at` on neither side has `symbol`, but our last quote of it is kept."""
    before = (
        "SELECT ws_value FROM comparison AS old WHERE old.symbol = comparison.symbol AND"
        f" old.field = comparison.field AND old.compared_at < {at} ORDER BY id DESC LIMIT 1"
    )
    return f"""
UPDATE comparison SET ws_value = coalesce(({before}), ws_value), rest_value = NULL,
    skew_ms = NULL, rest_time = NULL, explained = 0
    WHERE symbol = '{symbol}' AND compared_at >= {at};
UPDATE quote SET updated_at = {at} - 30, event_time = ({at} - 30) * 1000,
    funding_interval_hours = 8,
    next_funding_time = CAST(({at} - 30) / 28800 + 1 AS INTEGER) * 28800000
    WHERE symbol = '{symbol}';
"""


def settled(symbol: str, at: float) -> str:
    """From `at` on the contract is delisted as the exchange does it: its price stands still on
    both sides, and its next settlement is 0."""
    last = (
        f"SELECT rest_value FROM comparison WHERE symbol = '{symbol}' AND field = '%s'"
        " ORDER BY id DESC LIMIT 1"
    )
    return f"""
CREATE TEMP TABLE kept AS SELECT field, rest_value, min(id) FROM comparison
    WHERE symbol = '{symbol}' AND compared_at >= {at} AND rest_value IS NOT NULL GROUP BY field;
UPDATE comparison SET ws_value = (SELECT rest_value FROM kept WHERE kept.field = comparison.field),
    rest_value = (SELECT rest_value FROM kept WHERE kept.field = comparison.field)
    WHERE symbol = '{symbol}' AND compared_at >= {at} AND field <> 'funding_rate';
DROP TABLE kept;
UPDATE comparison SET ws_value = NULL, rest_value = NULL
    WHERE symbol = '{symbol}' AND compared_at >= {at} AND {RATE};
UPDATE quote SET funding_rate = NULL, next_funding_time = NULL,
    mark_price = ({last % "mark_price"}), index_price = ({last % "index_price"})
    WHERE symbol = '{symbol}';
"""
