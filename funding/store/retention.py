"""What is deleted from the database, in steps that hold the write lock for some 20 ms at most, and
the disk space that this returns. Each function runs within a transaction of its caller.

# Facts
(SQLite 3.54.1)
- Pages that a DELETE frees stay in the file, for later rows. `PRAGMA incremental_vacuum(n)` gives n
  of them back where the file was made with auto_vacuum = incremental; elsewhere it does nothing,
  and only `VACUUM` changes that (sqlite.org/pragma.html#pragma_auto_vacuum).
- It does its work while it is stepped: `.fetchall()`, or it frees one page.
"""

import apsw

ROWS = 2_000
"""Of each table at once."""
KEPT_PAGES = 1_000
"""Free pages (4 MB) that are kept for the rows of the next hour."""
RETURNED_PAGES = 200
"""At once."""
RETIRE_SECONDS = 86_400.0
"""A symbol without a quote for so long is dead."""

_RETIRE = """
DELETE FROM quote WHERE exchange = ?1
AND coalesce(?3 - received_uptime, abs(?2 - updated_at)) > ?4 RETURNING symbol
"""


def prune_events(connection: apsw.Connection, before: float) -> bool:
    """Delete events and signals older than `before` Unix seconds; whether some may be left, which
    are for the next call."""
    left = False
    for table in ("event", "signal"):
        oldest = f"SELECT id FROM {table} WHERE at < ? ORDER BY at LIMIT {ROWS}"
        connection.execute(f"DELETE FROM {table} WHERE id IN ({oldest})", (before,))
        left = left or connection.changes() == ROWS
    return left


def retire(connection: apsw.Connection, exchange: str, wall: float, uptime: float) -> list[str]:
    """Delete the symbols of `exchange` without a quote for `RETIRE_SECONDS`; their names."""
    bindings = (exchange, wall, uptime, RETIRE_SECONDS)
    return [str(symbol) for (symbol,) in connection.execute(_RETIRE, bindings).fetchall()]


def return_space(connection: apsw.Connection) -> bool:
    """Give some free pages back to the disk; whether there are more of them for the next call."""
    surplus = int(connection.pragma("freelist_count")) - KEPT_PAGES
    if surplus <= 0 or connection.pragma("auto_vacuum") == 0:
        return False
    connection.execute(f"PRAGMA incremental_vacuum({min(surplus, RETURNED_PAGES)})").fetchall()
    return surplus > RETURNED_PAGES
