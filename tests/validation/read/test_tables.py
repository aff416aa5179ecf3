"""Columns of a table, and its rows without a time."""

import sqlite3
from contextlib import closing

from validation.read.tables import columns_of, count_without_time


def test_missing_table_has_no_columns() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        assert columns_of(connection, "event") == set()
        connection.execute("CREATE TABLE event (id, at)")
        assert columns_of(connection, "event") == {"id", "at"}


def test_rows_without_a_time_are_counted() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE event (at)")
        times = [0, 1.5, 2**40, None, "", "now", b"\x00", -1, float("-inf")]
        connection.executemany("INSERT INTO event VALUES (?)", [(time,) for time in times])
        assert count_without_time(connection, "event", "at") == 6
