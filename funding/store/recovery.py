"""A damaged database is found, and set aside under a dated name; salvage copies what it can.

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
from contextlib import closing, suppress
from pathlib import Path

import apsw

from funding import errors
from funding.store.damage import is_marked, is_ours, marker_path
from funding.store.database import (
    check_ours,
    checkpoint,
    open_as_it_is,
    translate_errors,
)
from funding.store.file_identity import identify

log = logging.getLogger("ingest")

_NAMES = "(SELECT exchange, symbol FROM quote ORDER BY exchange, symbol)"  # as the index has them


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
