"""Questions about a table before its rows are read."""

import sqlite3


def columns_of(connection: sqlite3.Connection, table: str) -> set[str]:
    """The columns of `table`; none when it does not exist."""
    return {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}


def count_without_time(connection: sqlite3.Connection, table: str, column: str) -> int:
    """How many rows have no time in `column`, so that no period holds them: NULL, text and bytes,
    which sort after all numbers, or a number before 1970."""
    (found,) = connection.execute(
        f"SELECT count(*) FROM {table} WHERE {column} IS NULL OR {column} >= '' OR {column} < 0"
    ).fetchone()
    return int(found)
