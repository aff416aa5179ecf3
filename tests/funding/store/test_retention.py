"""Old rows go in small steps, and the space that they held goes back to the disk."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from funding.store import retention
from funding.store.database import checkpoint, open_writer, transaction
from tests.support.clock import rows

OLD, NEW = 1_000.0, 5_000.0


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[apsw.Connection]:
    with closing(open_writer(tmp_path / "funding.db")) as connection:
        yield connection


def plant(connection: apsw.Connection, count: int, detail: str = "") -> None:
    """`count` old events and signals, and a new one of each."""
    times = [OLD] * count + [NEW]
    with transaction(connection):
        connection.executemany(
            "INSERT INTO event (at, source, kind, detail) VALUES (?, 'test', 'notice', ?)",
            [(at, detail) for at in times],
        )
        connection.executemany(
            "INSERT INTO signal (at, exchange, symbol, kind, direction, detail)"
            " VALUES (?, 'binance', 'BTCUSDT', 'cross', 'up', ?)",
            [(at, detail) for at in times],
        )


def test_two_thousand_rows_of_a_table_go_at_once_and_no_new_one(
    connection: apsw.Connection, tmp_path: Path
) -> None:
    plant(connection, retention.ROWS + 10)
    assert retention.prune_events(connection, NEW) is True
    assert rows(tmp_path / "funding.db", "SELECT count(*) FROM event") == [(11,)]
    assert rows(tmp_path / "funding.db", "SELECT count(*) FROM signal") == [(11,)]
    assert retention.prune_events(connection, NEW) is False
    assert retention.prune_events(connection, NEW) is False
    assert rows(tmp_path / "funding.db", "SELECT at FROM event") == [(NEW,)]
    assert rows(tmp_path / "funding.db", "SELECT at FROM signal") == [(NEW,)]


def give_back(connection: apsw.Connection) -> list[bool]:
    """What each step of a clearing says, until there is nothing to give back."""
    said: list[bool] = []
    while not said or said[-1]:
        with transaction(connection):
            said.append(retention.return_space(connection))
        assert len(said) < 100
    return said


def test_space_of_deleted_rows_goes_back_to_the_disk_in_steps(
    connection: apsw.Connection, tmp_path: Path
) -> None:
    plant(connection, 3_000, "x" * 2_000)
    connection.execute("DELETE FROM event WHERE at = ?", (OLD,))
    connection.execute("DELETE FROM signal WHERE at = ?", (OLD,))
    checkpoint(connection)
    before = (tmp_path / "funding.db").stat().st_size
    said = give_back(connection)
    assert len(said) > 3
    assert connection.pragma("freelist_count") == retention.KEPT_PAGES
    checkpoint(connection)
    assert (tmp_path / "funding.db").stat().st_size < before / 2
    assert connection.execute("PRAGMA integrity_check").get == "ok"


def test_few_free_pages_are_kept_for_later_rows(connection: apsw.Connection) -> None:
    plant(connection, 1_000, "x" * 2_000)
    connection.execute("DELETE FROM event WHERE at = ?", (OLD,))
    free = connection.pragma("freelist_count")
    assert 0 < free < retention.KEPT_PAGES
    assert retention.return_space(connection) is False
    assert connection.pragma("freelist_count") == free


def test_file_of_an_older_version_keeps_its_size_and_asks_for_no_more_steps(
    connection: apsw.Connection,
) -> None:
    connection.pragma("journal_mode", "delete")
    connection.pragma("auto_vacuum", "none")
    connection.execute("VACUUM")
    plant(connection, 3_000, "x" * 2_000)
    connection.execute("DELETE FROM event WHERE at = ?", (OLD,))
    connection.execute("DELETE FROM signal WHERE at = ?", (OLD,))
    free = connection.pragma("freelist_count")
    assert free > retention.KEPT_PAGES
    assert retention.return_space(connection) is False
    assert connection.pragma("freelist_count") == free


def test_symbol_without_a_quote_for_a_day_goes(connection: apsw.Connection) -> None:
    connection.executemany(
        "INSERT INTO quote (exchange, symbol, mark_price, index_price, event_time, updated_at,"
        " received_uptime) VALUES (?, ?, 1, 1, 1, ?, ?)",
        [
            ("binance", "DEAD", 0.0, 100.0),
            ("binance", "ALIVE", 0.0, 101.0),
            ("binance", "BEFORE-BOOT", 1_000.0, None),
            ("kucoin", "OTHER", 0.0, 0.0),
        ],
    )
    day = retention.RETIRE_SECONDS
    assert retention.retire(connection, "binance", day + 999, day + 100.5) == ["DEAD"]
    assert retention.retire(connection, "binance", day + 1_001, day + 100.5) == ["BEFORE-BOOT"]
    left = connection.execute("SELECT symbol FROM quote ORDER BY 1").fetchall()
    assert left == [("ALIVE",), ("OTHER",)]
