"""The differences as data: figures that can be checked by hand."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.report_days import REAL, run
from tests.support.report_world import END, HOUR, build, tamper


def both(field: str, value: str) -> str:
    """Both sides say `value`, an SQL expression of either's."""
    ours, theirs = value.replace("?", "ws_value"), value.replace("?", "rest_value")
    return (
        f"UPDATE comparison SET ws_value = {ours}, rest_value = {theirs} WHERE {field} AND {REAL};"
    )


def test_figures_of_a_day_made_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "funding.db"
    build(path, many=12, seconds=HOUR)
    rows = [
        (END - 200 + index, "hand", "binance", "AUSDT", "mark_price", 100 + index / 100, 100.0)
        for index in range(101)
    ]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM comparison")
        connection.executemany(
            "INSERT INTO comparison (compared_at, source, exchange, symbol, field, ws_value,"
            " rest_value, skew_ms, outcome) VALUES (?, ?, ?, ?, ?, ?, ?, 2000, 'match')",
            rows,
        )
    tamper(path, "")
    _, report = run(path)
    found = report["differences"]["all"]["both"]
    assert found["comparisons"] == 101
    assert found["average"] == pytest.approx(0.5)
    assert found["median"] == pytest.approx(0.5)
    assert found["p95"] == pytest.approx(0.95)
    assert found["p99"] == pytest.approx(0.99)
    assert found["maximum"] == pytest.approx(1.0)
    assert sum(found["buckets"]) == 101
    assert report["differences"]["aligned"]["both"]["comparisons"] == 0
    assert report["totals"]["by_source"]["hand"] == report["totals"]["all"]
    assert report["totals"]["all"]["total"] == 101
    assert [each["ws_value"] for each in report["worst"]][:2] == [101.0, 100.99]
    assert len(report["worst"]) == 20
