"""A database that is damaged: set aside under a dated name, begun anew, and what must not be lost
(comparisons, events, validations, REST accounts) copied over where it can still be read.

# Facts
- A main file, its -wal and its -shm belong together: renamed together they stay one database, and
  processes that have them open go on reading the old one until they look for the name again.
- `PRAGMA quick_check` reads every page but the free ones, and says "ok" or what is wrong.
"""

from pathlib import Path

import apsw

from funding import errors
from funding.store.connection import open_reader, open_writer, told, transaction
from funding.store.damage import is_ours, marker_path

_BLOCK = 200
_HOPELESS = 50  # unreadable blocks in a row: the end of what can be read
_TABLES = ("comparison", "event", "validation")


def is_damaged(path: Path) -> bool:
    """Whether the database at `path` is ours and cannot be read.

    The quotes are always read; the whole file only where somebody left word of damage.
    """
    if not path.exists() or not is_ours(path):
        return False
    try:
        with told(str(path)):
            connection = open_reader(path)
            try:
                connection.execute("SELECT count(*), sum(mark_price) FROM quote").fetchall()
                connection.execute("SELECT * FROM feed").fetchall()
                if marker_path(path).exists():
                    if connection.execute("PRAGMA quick_check(1)").get != "ok":
                        return True
                    marker_path(path).unlink(missing_ok=True)
            finally:
                connection.close()
    except errors.StoreCorrupt:
        return True
    except errors.StoreError:
        return False
    return False


def set_aside(path: Path, stamp: str) -> Path:
    """Rename the database at `path`; the new name carries `stamp`."""
    aside = path.with_name(f"{path.stem}-damaged-{stamp}{path.suffix}")
    for suffix in ("-wal", "-shm", ""):
        source = Path(f"{path}{suffix}")
        if source.exists():
            source.rename(f"{aside}{suffix}")
    marker_path(path).unlink(missing_ok=True)
    return aside


def copy_readable(aside: Path, path: Path) -> dict[str, int]:
    """Copy what can be read from `aside` to the database at `path`; rows copied by table.

    In small transactions, so that ingest writes beside it. Raises `StoreError` when the new
    database cannot be written.
    """
    copied = dict.fromkeys(_TABLES, 0)
    try:
        old = apsw.Connection(str(aside), flags=apsw.SQLITE_OPEN_READONLY)
    except apsw.Error:
        return copied
    with told(str(path)):
        new = open_writer(path)
        try:
            for table in _TABLES:
                copied[table] = _copy(old, new, table)
        finally:
            new.close()
            old.close()
    return copied


def _copy(old: apsw.Connection, new: apsw.Connection, table: str) -> int:
    names = [row[1] for row in new.execute(f"PRAGMA table_info({table})").fetchall()]
    columns = ", ".join(str(name) for name in names if name != "id")
    first, copied, failures = 0, 0, 0
    while failures < _HOPELESS:
        try:
            rows = old.execute(
                f"SELECT id, {columns} FROM {table} WHERE id > ? AND id <= ? ORDER BY id",
                (first, first + _BLOCK),
            ).fetchall()
            failures = 0 if rows else failures + 1
        except apsw.Error:
            rows, failures = [], failures + 1
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            with transaction(new):
                new.executemany(
                    f"INSERT INTO {table} ({columns}) VALUES ({marks[3:]})", [r[1:] for r in rows]
                )
            copied += len(rows)
        first += _BLOCK
    return copied
