"""What of a damaged database must not be lost (comparisons, events, validations, signals, settled
rates, bars, the consumers' alerts and posts, bans of REST), copied over where it can be read.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import apsw

from funding import errors
from funding.store.damage import APPLICATION_ID
from funding.store.database import open_writer, transaction, translate_errors

log = logging.getLogger("ingest")

_BLOCK = 200
_KEYED_BLOCK = 2_000  # some 10 ms of the write lock
_HOPELESS = 10_000  # unreadable pieces of one table, after which it is given up
_LARGEST_ID = 2**62
_LARGEST_TABLE = 30_000_000  # a damaged tree may lead in a circle
_UNREADABLE = (apsw.Error, UnicodeDecodeError)
_TABLES = ("comparison", "event", "validation", "outbox", "signal")
_KEYED_TABLES = (
    *("alert", "consumer", "open_interest_edge", "universe", "rest_ban"),
    *("funding_rate", "bar"),
)
"""Tables without an id, the small ones first. `backfill` is not among them: it would say that all
settled rates are there, and the history program fetches those that are not."""


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
