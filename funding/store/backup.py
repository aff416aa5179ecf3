"""A copy of the database of one instant, made while all programs run, and checked.

# Facts
(SQLite 3.54.1, each seen happening)
- `sqlite3_backup_step` begins again whenever another process has written since the last step,
  unless the source connection holds a read transaction: then every step reads the same snapshot.
  Writers go on meanwhile, and the WAL grows until the copy is made.
- The copy is in WAL mode too. Opening such a file read-only needs a folder in which its -shm can
  be made; a file in rollback mode is read anywhere, and is one file.
"""

import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import apsw

from funding import errors
from funding.store.database import check_ours, open_reader, translate_errors

_STEP_PAGES = 2_000
"""8 MB between two calls of `progress`."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What a backup holds."""

    tables: int
    rows: int
    size_bytes: int


def back_up(source: Path, target: Path, progress: Callable[[int, int], object]) -> Copied:
    """Copy the database at `source` to the new file `target`, readable for its owner only.

    `progress` is called with the pages copied so far and all pages. `target` gets its name when
    the copy is whole: `PRAGMA integrity_check` finds nothing, and each table has as many rows as
    the snapshot it was copied from. Raises `StoreError`s, also where `target` exists.
    """
    if target.exists() or target.is_symlink():
        raise errors.StoreError(str(target), "exists already: choose another name")
    partial = target.with_name(f".{target.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        copied = _copy(source, partial, progress)
        _sync(partial)
        os.link(partial, target)  # fails where somebody has made the file meanwhile
        _sync(target.parent)
    except OSError as error:
        problem = error.strerror or str(error)
        raise errors.StoreError(str(target), f"cannot be written ({problem})") from error
    finally:
        for left in (partial, *(Path(f"{partial}{end}") for end in ("-journal", "-wal", "-shm"))):
            left.unlink(missing_ok=True)
    return copied


def _copy(source: Path, partial: Path, progress: Callable[[int, int], object]) -> Copied:
    with translate_errors(str(source)), closing(open_reader(source)) as live:
        live.execute("BEGIN")
        expected = _counts(live)
        with translate_errors(str(partial)), closing(apsw.Connection(str(partial))) as copy:
            with copy.backup("main", live, "main") as backup:
                while not backup.done:
                    backup.step(_STEP_PAGES)
                    progress(backup.page_count - backup.remaining, backup.page_count)
            copy.pragma("journal_mode", "delete")
        live.execute("ROLLBACK")
    check(partial, expected)
    return Copied(len(expected), sum(expected.values()), partial.stat().st_size)


def check(path: Path, expected: dict[str, int] | None = None) -> dict[str, int]:
    """The rows of each table of a backup; `StoreError` where it is damaged, not ours, or has other
    numbers of rows than `expected`."""
    flags = apsw.SQLITE_OPEN_READONLY
    with translate_errors(str(path)), closing(apsw.Connection(str(path), flags=flags)) as copy:
        if check_ours(copy, str(path)) == 0:
            raise errors.StoreMissing(str(path), "has no tables")
        found = str(copy.execute("PRAGMA integrity_check(1)").get)
        if found != "ok":
            raise errors.StoreCorrupt(str(path), found)
        counts = _counts(copy)
    if expected is not None and counts != expected:
        raise errors.StoreCorrupt(str(path), "the copy has other rows than the database")
    return counts


def _counts(connection: apsw.Connection) -> dict[str, int]:
    """Rows by table."""
    names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    tables = [str(name) for (name,) in connection.execute(names).fetchall()]
    return {
        name: int(
            connection.execute(f'SELECT count(*) FROM "{name.replace(chr(34), 2 * chr(34))}"').get
        )
        for name in tables
    }


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
