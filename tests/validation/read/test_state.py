"""What the service holds: quotes, feed, REST usage."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.report_days import run
from tests.support.report_world import END, tamper
from validation.exchanges import BINANCE
from validation.read.state import quotes_of, usage_of


def test_stand_in_is_recognised_by_its_address(world: Path) -> None:
    tamper(world, "UPDATE feed SET address = '127.0.0.1';")
    code, report = run(world)
    assert code == 0
    assert any("a stand-in" in each for each in report["warnings"])


HOUR_MS = 3_600_000
NOW = 497_216 * HOUR_MS + 1_000  # a second after a settlement of every interval


@pytest.mark.parametrize(
    ("hours", "settlement", "kind"),
    [
        (8, NOW - 1_000 + 8 * HOUR_MS, None),
        (8, NOW - 1_000, None),
        (1, NOW - 1_000 + HOUR_MS, None),
        (None, NOW - 1_000 + 3 * HOUR_MS, "no_interval"),
        (None, NOW - 1_000 + 9 * HOUR_MS, "impossible_schedule"),
        (8, NOW - 1_000 + 4 * HOUR_MS, "impossible_schedule"),
        (4, NOW - 1_000 + 8 * HOUR_MS, "impossible_schedule"),
        (8, NOW - 1_000 - 8 * HOUR_MS, "impossible_schedule"),
        (3, NOW - 1_000 + 3 * HOUR_MS, "impossible_interval"),
        (8, None, "no_schedule"),
    ],
)
def test_next_settlement_is_on_the_grid_of_its_interval(
    world: Path, hours: int | None, settlement: int | None, kind: str | None
) -> None:
    with closing(sqlite3.connect(world)) as connection:
        connection.execute(
            "UPDATE quote SET funding_interval_hours = ?, next_funding_time = ?, event_time = ?"
            " WHERE symbol = 'BTCUSDT'",
            (hours, settlement, NOW),
        )
        quotes = quotes_of(connection, BINANCE)
    kinds = ("no_interval", "no_schedule", "impossible_interval", "impossible_schedule")
    found = {name for name in kinds if "BTCUSDT" in getattr(quotes, name)}
    assert kind in found if kind else not found


def test_what_rest_filled_in_is_no_evidence(world: Path) -> None:
    with closing(sqlite3.connect(world)) as connection:
        every = set(quotes_of(connection, BINANCE).rows)
        columns = {row[1] for row in connection.execute("PRAGMA table_info(quote)")}
        if "source" not in columns:
            connection.execute("ALTER TABLE quote ADD COLUMN source TEXT DEFAULT 'websocket'")
        connection.execute("UPDATE quote SET source = 'rest' WHERE symbol = 'BTCUSDT'")
        assert every - set(quotes_of(connection, BINANCE).rows) == {"BTCUSDT"}


def test_missing_tables_hold_nothing() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        assert quotes_of(connection, BINANCE).rows == {}
        assert usage_of(connection, "binance", 0, 1) == {}


def test_usage_is_summed_by_caller_and_route(world: Path) -> None:
    minute = int(END // 60)
    with closing(sqlite3.connect(world)) as connection:
        connection.execute(
            f"INSERT INTO rest_usage VALUES ({minute}, 'client', 'ping', 2, 4, 'binance')"
        )
        connection.execute(
            f"INSERT INTO rest_usage VALUES ({minute}, 'client', 'active', 9, 9, 'kucoin')"
        )
        used = usage_of(connection, "binance", END - 600, END)
    assert used == {("client", "ping"): (2, 4), ("watchdog", "premiumIndex"): (10, 10)}
