"""schema.sql: its views, for people."""

import json
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from shutil import which
from typing import Any

import msgspec
import pytest

from harness.processes import WAIT_SECONDS, finished
from tests.conftest import ROOT
from tests.support.store import (
    HOUR_MS,
    NOW_MS,
    feed_of,
    plainly,
    quote,
    received,
    writing,
)


def fill_views(path: Path) -> None:
    """Two fresh quotes, two stale ones, and comparisons of today and of the day before."""
    feed, now = feed_of(), time.time()
    settles = 1_764_748_800_000
    with writing(path, feed) as writer:
        eight_hours = quote("BTCUSDT", 91_897.67414493, rate=0.0001, settles=settles)
        none = quote("XAUUSDT", 4_000.5, rate=None, settles=None)
        none = msgspec.structs.replace(none, index_price=0.0)
        for step, hours in enumerate((-8, -4, 0)):
            four_hours = quote(
                "币安人生USDT", 0.25, NOW_MS + step, -0.0002, settles + hours * HOUR_MS
            )
            writer.write(feed, received(four_hours, wall=now - 10))
        writer.write(feed, received(eight_hours, wall=now - 2))
        writer.write(feed, received(none, wall=now - 181))
        writer.write(feed, received(quote("OLDUSDT"), wall=now - 7_200))
    insert = (
        "INSERT INTO comparison (compared_at, source, exchange, symbol, field, difference_pct,"
        " outcome) VALUES (?, 'watchdog', 'binance', ?, ?, ?, ?)"
    )
    with closing(plainly(path)) as plain:
        for i in range(30):
            outcome = "match" if i < 20 else "significant"
            difference = (-1) ** i * i / 100
            values = (now - 60 * i, f"S{i}USDT", "mark_price", difference, outcome)
            plain.execute(insert, values)
        plain.execute(insert, (now - 86_500, "BEFOREUSDT", "funding_rate", 50.0, "mismatch"))


def by_program(path: Path, statement: str) -> list[dict[str, Any]]:
    """What the `sqlite3` program answers."""
    if which("sqlite3") is None:
        pytest.skip("the sqlite3 program is not installed")
    result = finished(["sqlite3", "-readonly", "-json", path, statement])
    assert result.stderr == ""
    answer: list[dict[str, Any]] = json.loads(result.stdout or "[]")
    return answer


BY_LIBRARY = """
import json, sqlite3, sys
plain = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
plain.row_factory = sqlite3.Row
print(json.dumps([dict(row) for row in plain.execute(sys.argv[2])]))
"""


def by_library(path: Path, statement: str) -> list[dict[str, Any]]:
    """What the standard library's SQLite answers, in a process of its own."""
    result = finished([sys.executable, "-c", BY_LIBRARY, path, statement])
    assert result.stderr == ""
    answer: list[dict[str, Any]] = json.loads(result.stdout)
    return answer


@pytest.mark.parametrize("answers", [by_program, by_library])
def test_the_views_read_well(answers: Any, path: Path) -> None:
    fill_views(path)
    latest = answers(path, "SELECT * FROM latest LIMIT 5")
    assert [row["symbol"] for row in latest] == ["BTCUSDT", "币安人生USDT", "XAUUSDT", "OLDUSDT"]
    assert latest[0] | {"age_seconds": 0, "updated": ""} == {
        "symbol": "BTCUSDT",
        "mark_price": 91_897.67414493,
        "index_price": 91_930.87652174,
        "basis_pct": -0.0361,
        "funding_pct": 0.01,
        "annualised_pct": None,  # its interval is not known
        "next_funding": "2025-12-03T08:00:00Z",
        "age_seconds": 0,
        "updated": "",
        "exchange": "binance",
        "status": None,
        "source": "websocket",
        "z_score": None,
        "z_reason": "no statistics yet",
        "percentile": None,
        "zone": None,
    }
    assert latest[1]["funding_pct"] == -0.02
    assert latest[1]["annualised_pct"] == -43.8  # every four hours
    assert latest[2]["funding_pct"] is latest[2]["annualised_pct"] is None
    assert latest[2]["next_funding"] is None
    assert latest[2]["index_price"] is latest[2]["basis_pct"] is None
    ages = [row["age_seconds"] for row in latest]
    assert ages == [pytest.approx(age, abs=WAIT_SECONDS) for age in (2, 10, 181, 7_200)]
    shown = time.strptime(latest[0]["updated"], "%Y-%m-%dT%H:%M:%SZ")
    assert abs(time.mktime(shown) - time.timezone - time.time()) < WAIT_SECONDS
    stale = answers(path, "SELECT * FROM stale")
    assert [row["symbol"] for row in stale] == ["OLDUSDT", "XAUUSDT"]
    worst = answers(path, "SELECT * FROM worst_differences")
    assert [row["difference_pct"] for row in worst] == [
        (-1) ** i * i / 100 for i in range(29, 9, -1)
    ]
    assert worst[0]["outcome"] == "significant"


@pytest.mark.parametrize("answers", [by_program, by_library])
def test_the_views_can_be_read_beside_a_running_writer(answers: Any, path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer:
        writer.write(feed, received(quote(), wall=time.time()))
        (row,) = answers(path, "SELECT symbol, mark_price FROM latest")
        assert row == {"symbol": "BTCUSDT", "mark_price": 91_897.67414493}
        assert answers(path, "SELECT * FROM stale") == []


def test_the_oldest_sqlite_finds_no_fault_in_tables_without_rowid() -> None:
    """3.40 finds one where the columns of the key are not the first ones."""
    with closing(sqlite3.connect(":memory:")) as made:
        made.executescript((ROOT / "schema.sql").read_text("utf-8"))
        tables = made.execute("SELECT name FROM pragma_table_list WHERE wr = 1").fetchall()
        assert len(tables) > 10
        for (name,) in tables:
            columns = made.execute("SELECT pk FROM pragma_table_info(?)", (name,)).fetchall()
            places = [place for (place,) in columns]
            keys = sorted(place for place in places if place)
            assert sorted(places[: len(keys)]) == keys, name
