"""One cause is told once, and a GO is possible at the instant that is named, and not before."""

import shutil
from pathlib import Path

import pytest

from tests.support.report_days import MARK, REAL, Report, failed, run
from tests.support.report_world import END, HOUR, build, tamper
from validation.render.text import iso

UNTIL = END - 30 * HOUR
BEGIN, OVER = UNTIL - 6 * HOUR, UNTIL - 4 * HOUR
WITHIN = f"compared_at BETWEEN {BEGIN} AND {OVER}"


def happened(kind: str, at: float, seconds: float | None = None, **columns: str) -> str:
    names = "".join(f", {name}" for name in columns)
    values = "".join(f", '{value}'" for value in columns.values())
    return (
        f"INSERT INTO event (at, source, kind, detail, duration_seconds{names}) VALUES"
        f" ({at}, 'watchdog', '{kind}', '', {'NULL' if seconds is None else seconds}{values});"
    )


STALE_VALUES = f"""
CREATE TEMP TABLE kept AS SELECT symbol, field, ws_value AS value, max(compared_at) FROM comparison
    WHERE compared_at < {BEGIN} AND {REAL} GROUP BY symbol, field;
UPDATE comparison SET skew_ms = CAST(({BEGIN} - compared_at) * 1000 AS INTEGER) - 1000, ws_value =
    (SELECT value FROM kept WHERE kept.symbol = comparison.symbol AND kept.field = comparison.field)
    WHERE {WITHIN} AND {REAL};
"""
STREAM_DOWN = STALE_VALUES + happened("unhealthy", BEGIN + 180, 7_020.0, rule="data") + "".join(
    happened("connect-failed", BEGIN + 60 * turn, count="20", program="ingest")
    for turn in range(120)
)  # fmt: skip
GROUP_DOWN = f"DELETE FROM comparison WHERE {WITHIN};" + (
    happened("unobserved", BEGIN, 2 * HOUR, program="watchdog")
    + f"INSERT INTO event (at, source, kind, detail) VALUES ({OVER}, 'ingest', 'start', '');"
)
REST_DOWN = (
    f"DELETE FROM comparison WHERE compared_at BETWEEN {UNTIL - 9 * HOUR} AND {UNTIL - HOUR};"
    + happened("rest-unavailable", UNTIL - 9 * HOUR, 8 * HOUR)
)
DIFFERED = f"UPDATE comparison SET ws_value = ws_value * 1.12 WHERE {WITHIN} AND {MARK} AND {REAL}\
 AND symbol = 'BTCUSDT';"
CASES = {
    "the stream was down": (STREAM_DOWN, {"fresh data", "connection", "lag"}),
    "the watchdog, or the whole group, did not run": (
        GROUP_DOWN,
        {"watchdog there", "longest gap", "symbol × hour compared", "programs that crashed"},
    ),
    "nothing could be compared": (REST_DOWN, {"longest gap"}),
    "different things of one instant": (
        DIFFERED, {"equal at one event time", "more than lag can move"}
    ),
    "not met: programs that crashed": (
        happened("crash", BEGIN, program="funding:watchdog"), {"programs that crashed"}
    ),
    "not met: programs that hung": (
        "".join(happened("restart", BEGIN + turn * HOUR, program="api") for turn in range(5)),
        {"programs that hung"},
    ),
    "not met: programs that stopped": (
        happened("stop", BEGIN, program="api") + happened("start", OVER, program="api"),
        {"programs that stopped"},
    ),
    "not met: API answering": (
        happened("unhealthy", BEGIN, 600.0, rule="api"), {"API answering"}
    ),
}  # fmt: skip
TOLERANCE = 780.0
"""All symbols are compared every ten minutes, BTCUSDT every minute: what was seen last was seen so
long before the cause was over, at most, and so long after the instant named it is compared."""


@pytest.fixture(scope="module")
def two_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fair world that goes on for thirty hours after the report is made."""
    path = tmp_path_factory.mktemp("days") / "funding.db"
    build(path, many=13, seconds=56 * HOUR)
    return path


def at(path: Path, until: float) -> Report:
    _, report = run(path, "--no-store", "--until", iso(until))
    return report


@pytest.mark.parametrize("text", CASES)
def test_one_cause_is_told_once_and_drops_out_when_it_is_said_to(
    two_days: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("FUNDING_MIN_SYMBOLS", "12")
    path = Path(shutil.copy(two_days, tmp_path / "funding.db"))
    script, criteria = CASES[text]
    tamper(path, script, honest="UPDATE comparison" in script)
    report = at(path, UNTIL)
    assert criteria <= failed(report)
    (failure,) = report["failures"]
    assert failure["text"].endswith(text)
    assert set(failure["criteria"]) == failed(report)
    assert failure["advice"]
    possible = report["go_possible"]
    assert possible["needs"] == []
    assert possible["at"] > UNTIL
    assert failed(at(path, possible["at"] + 120)) == set()
    assert failed(at(path, possible["at"] - TOLERANCE))


@pytest.mark.parametrize("minutes", [1, 6, 9])
def test_what_needs_more_comparisons_is_said_to_come_by_itself(
    two_days: Path, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    """Ten pairs of a price, and an hour of all symbols: an installation has neither at first."""
    monkeypatch.setenv("FUNDING_MIN_SYMBOLS", "12")
    report = at(two_days, END - 56 * HOUR + minutes * 60)
    assert {"span", "symbol × hour compared"} <= failed(report)
    assert ("prices move" in failed(report)) == (minutes < 9)
    (failure,) = report["failures"]
    assert failure["text"] == "no whole day has been compared yet"
    assert set(failure["criteria"]) == failed(report)
    possible = report["go_possible"]
    assert possible["needs"] == []
    assert failed(at(two_days, possible["at"] + 120)) == set()
    assert failed(at(two_days, possible["at"] - TOLERANCE))


def test_prices_that_stand_still_from_the_first_minute_are_not_merely_too_early(
    two_days: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDING_MIN_SYMBOLS", "12")
    path = Path(shutil.copy(two_days, tmp_path / "funding.db"))
    tamper(path, f"UPDATE comparison SET ws_value = 7, rest_value = 7 WHERE {MARK} AND {REAL};")
    report = at(path, END - 56 * HOUR + 300)
    assert "prices move" in failed(report)
    assert "prices move" in report["go_possible"]["needs"]


def test_outages_of_one_cause_are_counted_and_the_last_is_told(
    two_days: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDING_MIN_SYMBOLS", "12")
    path = Path(shutil.copy(two_days, tmp_path / "funding.db"))
    again = UNTIL - 2 * HOUR
    tamper(
        path,
        happened("unhealthy", BEGIN, 7_020.0, rule="data")
        + happened("unhealthy", BEGIN + 60, 60.0, rule="data")
        + happened("unhealthy", again, 600.0, rule="data"),
        honest=False,
    )
    (failure,) = at(path, UNTIL)["failures"]
    assert (failure["times"], failure["begin"]) == (2, BEGIN)
    assert (failure["last"], failure["end"], failure["goes_on"]) == (again, again + 600, False)
