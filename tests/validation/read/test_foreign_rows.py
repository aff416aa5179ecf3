"""Rows that no period or exchange claims."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.report_days import loose
from tests.support.report_world import END, tamper
from validation.read.foreign_rows import ForeignRows, foreign_rows_of


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("exchange = 'kucoin'", ForeignRows(0, 0, 1)),
        ("exchange = ' BINANCE '", ForeignRows(0, 1, 0)),
        ("exchange = ''", ForeignRows(0, 1, 0)),
        ("exchange = NULL", ForeignRows(0, 1, 0)),
        ("compared_at = NULL", ForeignRows(1, 0, 0)),
        ("compared_at = 1, exchange = 'kucoin'", ForeignRows(0, 0, 0)),
    ],
)
def test_foreign_rows_are_counted_by_kind(world: Path, change: str, expected: ForeignRows) -> None:
    tamper(world, loose("comparison", f"UPDATE comparison SET {change} WHERE id = 400"))
    with closing(sqlite3.connect(world)) as connection:
        assert foreign_rows_of(connection, "binance", END - 90_000, END) == expected
