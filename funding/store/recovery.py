"""A damaged database: it is set aside under a dated name, and what must not be lost
(comparisons, events, validations, signals, settled rates, bars, the consumers' alerts and posts,
bans of REST) copied over where it can still be read.

# Facts
- A main file, its -wal and its -shm belong together: renamed together they stay one database, and
  processes that have them open go on reading the old one until they look for the name again.
- `PRAGMA integrity_check` reads every page except the free ones, and says "ok" or what is wrong.
  It does not mind a text that is not UTF-8, which shows when it is read; and over a read-only
  connection it passes over CHECKs. `quick_check` does not look for rows that an index lacks: a
  write then finds the damage, and a check would not.
- A smaller file under a WAL that has all pages that are read is whole to every reader, but nothing
  can be moved into it: SQLITE_CORRUPT from a checkpoint.
"""

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import apsw

from funding import errors
from funding.store.damage import APPLICATION_ID, is_marked, is_ours, marker_path
from funding.store.database import (
    check_ours,
    checkpoint,
    open_as_it_is,
    open_writer,
    transaction,
    translate_errors,
)
from funding.store.file_identity import identify

log = logging.getLogger("ingest")

_BLOCK = 200
_KEYED_BLOCK = 2_000  # some 10 ms of the write lock
_HOPELESS = 10_000  # unreadable pieces of one table, after which it is given up
_LARGEST_ID = 2**62
_LARGEST_TABLE = 30_000_000  # a damaged tree may lead in a circle
_NAMES = "(SELECT exchange, symbol FROM quote ORDER BY exchange, symbol)"  # as the index has them
_UNREADABLE = (apsw.Error, UnicodeDecodeError)
_TABLES = ("comparison", "event", "validation", "outbox", "signal")
_KEYED_TABLES = (
    *("alert", "consumer", "open_interest_edge", "universe", "rest_ban"),
    *("funding_rate", "bar"),
)
"""Tables without an id, the small ones first. `backfill` is not among them: it would say that all
settled rates are there, and the history program fetches those that are not."""


def is_damaged(path: Path) -> bool:
    """Whether the database at `path` is ours and cannot be read, or is something else by now.

    The quotes are always read; the whole file only where a program has reported damage.
    """
    if identify(path) is None or not is_ours(path):
        return False
    shm = Path(f"{path}-shm")
    _remove_left_shm(path, shm)
    if not _is_unreadable(path):
        return False
    if not shm.exists():
        return True
    shm.unlink(missing_ok=True)  # it may describe another WAL than the one that is there
    return _is_unreadable(path)


def _remove_left_shm(path: Path, shm: Path) -> None:
    """Remove the -shm of a WAL that was removed, which whoever has it open goes on using.

    A program that opens the database meanwhile makes a WAL first and a -shm then: hence the -shm
    is looked for before the WAL. Without its -shm that program would write over the commits of the
    next one.
    """
    before = identify(shm)
    if before is None or Path(f"{path}-wal").exists():
        return
    if identify(shm) == before:
        shm.unlink(missing_ok=True)


def _is_unreadable(path: Path) -> bool:
    try:
        with translate_errors(str(path)):
            connection = open_as_it_is(path, apsw.SQLITE_OPEN_READWRITE)
            try:
                if check_ours(connection, str(path)) == 0:
                    return True  # the lock file names it, hence it had tables
                _read_through(connection, "quote", "feed", _NAMES)
                checkpoint(connection)
                if is_marked(path):
                    if connection.execute("PRAGMA integrity_check(1)").get != "ok":
                        return True
                    tables = "SELECT name FROM sqlite_schema WHERE type = 'table'"
                    _read_through(connection, *(row[0] for row in connection.execute(tables)))
                marker_path(path).unlink(missing_ok=True)
            finally:
                connection.close()
    except errors.StoreNewer:
        return False
    except (errors.StoreCorrupt, errors.StoreForeign):
        return True
    except errors.StoreError as error:
        # A page of the file is not there, or a table is not; not what only time can mend.
        return isinstance(error.__cause__, apsw.IOError | apsw.SQLError)
    except OSError as error:
        log.warning("%s cannot be removed: %s", marker_path(path), error)
    return False


def remove_sidecars(path: Path) -> None:
    """Remove what a removed database has left beside it, its mark of damage too."""
    for left in (Path(f"{path}-wal"), Path(f"{path}-shm"), marker_path(path)):
        with suppress(IsADirectoryError):
            left.unlink(missing_ok=True)


def _read_through(connection: apsw.Connection, *tables: str) -> None:
    for table in tables:
        for _row in connection.execute(f"SELECT * FROM {table}"):
            pass


def set_aside_if_damaged(path: Path) -> Path | None:
    """Rename a damaged database, so that a new one can begin; where it is now, or None."""
    if not is_damaged(path) or _is_whole_alone(path):
        return None
    aside = _free_name(path)
    for suffix in ("-wal", "-shm", ""):
        source = Path(f"{path}{suffix}")
        if source.exists():
            source.rename(f"{aside}{suffix}")
    remove_sidecars(path)
    log.error("%s is damaged: it is now %s, a new one begins", path, aside)
    return aside


def _is_whole_alone(path: Path) -> bool:
    """Whether the file itself is a whole database of ours: then the WAL beside it is of another
    one, as when a copy was put in its place, and is renamed."""
    wal = Path(f"{path}-wal")
    if not wal.exists():
        return False
    try:
        address = f"{path.absolute().as_uri()}?immutable=1"  # without a WAL
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        with closing(apsw.Connection(address, flags=flags)) as connection:
            if check_ours(connection, str(path)) == 0:
                return False
            _read_through(connection, "quote", "feed", _NAMES)
            if connection.execute("PRAGMA integrity_check(1)").get != "ok":
                return False
    except (apsw.Error, UnicodeDecodeError, errors.StoreError):
        return False
    aside = Path(f"{_free_name(path)}-wal")
    wal.rename(aside)
    remove_sidecars(path)
    log.warning("%s is of another database than %s: it is now %s", wal, path.name, aside)
    return True


def _free_name(path: Path) -> Path:
    """A dated name for a damaged database, which nobody has."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    aside = path.with_name(f"{path.stem}-damaged-{stamp}{path.suffix}")
    number = 1
    while aside.exists() or Path(f"{aside}-wal").exists():
        number += 1
        aside = path.with_name(f"{path.stem}-damaged-{stamp}-{number}{path.suffix}")
    return aside


def recover(aside: Path, path: Path) -> None:
    """Copy what can be read of a damaged database, beside the new one's first quotes."""
    try:
        copied = copy_readable(aside, path)
    except errors.StoreError as error:
        log.error("nothing more could be recovered from %s: %s", aside, error)
    else:
        log.warning("recovered from %s: %s", aside, copied)


def copy_readable(aside: Path, path: Path) -> dict[str, int]:
    """Copy what can be read from `aside` to the database at `path`; rows copied by table.

    In small transactions, so that ingest writes beside it. Raises `StoreError` when the new
    database cannot be written.
    """
    copied = dict.fromkeys((*_KEYED_TABLES, *_TABLES), 0)
    try:
        old = apsw.Connection(str(aside), flags=apsw.SQLITE_OPEN_READONLY)
        if old.pragma("application_id") != APPLICATION_ID:
            return copied  # what was written over ours is nobody's audit trail
    except apsw.Error:
        return copied
    with translate_errors(str(path)):
        new = open_writer(path)
        try:
            new.pragma("synchronous", "full")  # the copied rows were on the disk before
            for table in _KEYED_TABLES:  # first, so that no scan repeats an alert
                copied[table] = _copy_keyed(old, new, table)
            for table in _TABLES:
                copied[table] = _copy(old, new, table)
        finally:
            new.close()
            old.close()
    return copied


def _copy_keyed(old: apsw.Connection, new: apsw.Connection, table: str) -> int:
    """Copy a table up to the first page that cannot be read; a row that the new database has
    already stays as it is."""
    columns = _shared_columns(old, new, table)
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    insert = f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})"
    copied = 0
    with suppress(*_UNREADABLE):
        rows = iter(old.execute(f"SELECT {names} FROM {table} LIMIT {_LARGEST_TABLE}"))
        while block := list(_readable(islice(rows, _KEYED_BLOCK))):
            with transaction(new):
                new.executemany(insert, block)
            copied += len(block)
    return copied


def _readable(rows: Iterable[Any]) -> Iterator[Any]:
    """`rows` up to the first that cannot be read."""
    with suppress(*_UNREADABLE):
        yield from rows


def _shared_columns(old: apsw.Connection, new: apsw.Connection, table: str) -> list[str]:
    """The columns of `table` in both: the damaged file may be of an older version."""
    names = f"SELECT name FROM pragma_table_info('{table}')"
    known = [str(name) for (name,) in new.execute(names).fetchall()]
    with suppress(*_UNREADABLE):
        had = {name for (name,) in old.execute(names).fetchall()}
        return [name for name in known if name in had] or known
    return known


def _copy(old: apsw.Connection, new: apsw.Connection, table: str) -> int:
    columns = ", ".join(name for name in _shared_columns(old, new, table) if name != "id")
    marks = ", ".join("?" * len(columns.split(", ")))
    insert = f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})"
    query = f"SELECT id, {columns} FROM {table} WHERE id >= ? ORDER BY id LIMIT ?"
    first, copied, spots = 0, 0, 0
    while spots < _HOPELESS:
        rows, broken = _read(old, query, first, _BLOCK)
        if rows:
            with transaction(new):
                new.executemany(insert, [row[1:] for row in rows])
            first, copied = rows[-1][0] + 1, copied + len(rows)
        if broken:
            beyond = _next_readable(old, query, first)
            if beyond is None:
                break
            first, spots = beyond, spots + 1
        elif not rows:
            break
    return copied


def _read(old: apsw.Connection, query: str, first: int, limit: int) -> tuple[list[Any], bool]:
    """Rows with the id `first` or above, up to the first unreadable one, and whether there is
    one."""
    rows: list[Any] = []
    try:
        for row in old.execute(query, (first, limit)):
            if row[0] < first:  # a damaged tree may lead in a circle
                return rows, True
            rows.append(row)
            first = row[0] + 1
    except _UNREADABLE:
        return rows, True
    return rows, False


def _next_readable(old: apsw.Connection, query: str, first: int) -> int | None:
    """The first id above `first` from which rows can be read again, where one piece of the table is
    unreadable; with several pieces, any such id. None when no distance of a power of two leads
    beyond them."""
    low, high = first, first + 1
    while _read(old, query, high, 1)[1]:
        low, high = high, high + (high - first)
        if high > _LARGEST_ID:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        broken = _read(old, query, middle, 1)[1]
        low, high = (middle, high) if broken else (low, middle)
    return high
