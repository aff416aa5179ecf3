"""Opens the database, read-only for the facts, and writable for one moment for the verdict."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote as percent_encoded

from validation.errors import NoReport
from validation.read import access
from validation.read.tables import columns_of

APPLICATION_ID = 0x46554E44
COLUMNS = {
    "id", "compared_at", "source", "exchange", "symbol", "field", "ws_value", "rest_value",
    "difference_pct", "skew_ms", "outcome",
}  # fmt: skip


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write, in one snapshot. Raises `NoReport`, never creates a file."""
    closed = access.closed(path)
    if closed:
        raise NoReport(f"{path}: {closed}")
    if not path.is_file():
        raise NoReport(f"there is no database at {path}")
    try:
        with closing(_connect(path, "ro")) as connection:
            connection.execute("BEGIN")
            _recognise(connection, path)
            yield connection
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter: the schema is not text
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_READONLY:
            closed = access.closed(path, writing=True)
            if closed:
                raise NoReport(f"{path}: {closed}") from None
        raise NoReport(f"{path} cannot be read: {error}") from None
    except (TypeError, ValueError, OverflowError) as error:
        # A table without STRICT may hold anything anywhere.
        raise NoReport(f"{path} holds a value that no column of its kind has: {error}") from None


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{percent_encoded(str(path.resolve()))}?mode={mode}", uri=True)


def _recognise(connection: sqlite3.Connection, path: Path) -> None:
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    columns = columns_of(connection, "comparison")
    if mark not in (0, APPLICATION_ID) or (columns and not columns >= COLUMNS):
        raise NoReport(f"{path} is the database of another program")
    if not columns:
        raise NoReport(f"{path} has no table of comparisons: it is empty, or another program's")
    if connection.execute("SELECT 1 FROM comparison LIMIT 1").fetchone() is None:
        raise NoReport(f"{path} holds no comparison yet: is the watchdog running?")


def store(
    path: Path, exchange: str, *, at: float, verdict: str, since: float, until: float, text: str
) -> None:
    """Write the verdict on `exchange`. Raises `sqlite3.Error`; never creates a file."""
    row = {"at": at, "verdict": verdict, "since": since, "until": until, "report": text}
    with closing(_connect(path, "rw")) as connection, connection:
        if "exchange" in columns_of(connection, "validation"):
            row["exchange"] = exchange
        places = ", ".join("?" * len(row))
        connection.execute(
            f"INSERT INTO validation ({', '.join(row)}) VALUES ({places})", tuple(row.values())
        )
