"""How the SQLite file is opened, upgraded and written to: policy, transactions, errors.

# Facts
(apsw 3.54.1.0 with SQLite 3.54.1, each seen happening)
- `with connection:` sends ROLLBACK after SQLite has already rolled back by itself, as it does on
  a full disk, and the error that leaves the block is then about the rollback. Hence `transaction`.
- A deferred transaction that has read and then writes after another commit fails at once with
  SQLITE_BUSY_SNAPSHOT, whatever the busy timeout is. Hence BEGIN IMMEDIATE.
- A cursor left half-read keeps its snapshot, and the WAL grows behind it. Hence `.fetchall()`.
- In WAL mode, synchronous=NORMAL survives the death of the process; a power cut may undo the last
  commits, never damage the file (sqlite.org/pragma.html#pragma_synchronous).
- `application_id` and `user_version` are read without changing the file; `journal_mode` is not.
- Closing the last connection moves what is left in a WAL into the file and deletes the WAL, even
  when nothing was written. Hence NO_CKPT_ON_CLOSE until the file is known to be ours.
- The -shm of a removed file becomes that of the next file of its name: a checkpoint of the removed
  one then discards commits to the other. Hence `moved` of `close_writer`, and `Writer` removes
  what a removed file has left behind.
- A text that is not UTF-8 any more is a UnicodeDecodeError when it is read; `quick_check` does not
  see it.
- While another process checkpoints, even a PASSIVE checkpoint fails with SQLITE_BUSY, at once.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from funding import errors
from funding.runtime import access
from funding.store import schema_repair, upgrades
from funding.store.damage import APPLICATION_ID
from funding.store.file_identity import require_file

log = logging.getLogger("ingest")

BUSY_SECONDS = 5.0
"""How long a connection waits for another process's lock, unless it says otherwise."""


def _incremental_vacuum(connection: apsw.Connection) -> None:
    # Only before anything is written to a new file: it would take the lock of another one.
    if connection.pragma("page_count") == 0:
        connection.pragma("auto_vacuum", "incremental")


def _wal(connection: apsw.Connection) -> None:
    connection.pragma("journal_mode", "wal")


def _synchronous_normal(connection: apsw.Connection) -> None:
    # Quotes are replaced within a second: a power cut may undo the last commits, and a frame does
    # not wait for the disk.
    connection.pragma("synchronous", "normal")


def _checkpoint_by_hand(connection: apsw.Connection) -> None:
    # Ingest checkpoints on a timer, between frames. This limit, 8 MiB of pages, is for when it
    # does not.
    connection.pragma("wal_autocheckpoint", 2_000)
    connection.pragma("journal_size_limit", 8 * 1024 * 1024)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)


def _busy_timeout(connection: apsw.Connection) -> None:
    connection.set_busy_timeout(int(BUSY_SECONDS * 1000))


def _defensive(connection: apsw.Connection) -> None:
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)


WRITER: tuple[Callable[[apsw.Connection], None], ...] = (
    _incremental_vacuum,
    _wal,
    _synchronous_normal,
    _checkpoint_by_hand,
)
EVERYONE: tuple[Callable[[apsw.Connection], None], ...] = (_busy_timeout, _defensive)


@contextmanager
def translate_errors(path: str) -> Iterator[None]:
    """Turn what apsw raises in the block into the error of ours that says what to do."""
    try:
        yield
    except apsw.FullError as error:
        raise errors.StoreFull(path, "no space left on the disk") from error
    except (apsw.NotADBError, apsw.CorruptError, UnicodeDecodeError) as error:
        text = f"not readable as a database ({_short(error)})"
        raise errors.StoreCorrupt(path, text) from error
    except (apsw.BusyError, apsw.LockedError) as error:
        raise errors.StoreLocked(path, "locked by another process") from error
    except apsw.CantOpenError as error:
        closed = access.closed(path, endings=access.DATABASE)
        if closed:
            raise errors.StorePermission(path, closed) from error
        raise errors.StoreMissing(path, f"cannot be opened ({_short(error)})") from error
    except apsw.ReadOnlyError as error:
        closed = access.closed(path, writing=True, endings=access.DATABASE)
        text = closed or f"cannot be written ({_short(error)})"
        raise errors.StorePermission(path, text) from error
    except apsw.ConstraintError as error:
        text = f"a trigger or a constraint of the database refuses it ({error})"
        raise errors.StoreError(path, text) from error
    except apsw.Error as error:
        raise errors.StoreError(path, f"{type(error).__name__}: {_short(error)}") from error


def _short(error: Exception) -> str:
    """What SQLite says, without the whole definition of a table that it may quote."""
    return str(error)[:300]


@contextmanager
def transaction(connection: apsw.Connection) -> Iterator[None]:
    """One immediate transaction, or a part of the one that is open. An error undoes all of it, and
    is raised as it was."""
    outermost = not connection.in_transaction
    if outermost:
        connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        if outermost:
            connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def check_ours(connection: apsw.Connection, path: str) -> int:
    """The schema version of the file, 0 when it is empty; `StoreForeign` when it is not ours. With
    tables it is at least 1, whatever somebody has set it to."""
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
    if not tables:
        return 0
    if connection.pragma("application_id") != APPLICATION_ID:
        raise errors.StoreForeign(path, "is a database, but not one of this service")
    version = int(connection.pragma("user_version"))
    if version > upgrades.VERSION:
        raise errors.StoreNewer(
            path, f"has schema version {version}, this program knows {upgrades.VERSION}: upgrade it"
        )
    return max(1, version)


def _check_current(connection: apsw.Connection, path: str) -> None:
    version = check_ours(connection, path)
    if version == 0:
        raise errors.StoreMissing(path, "has no tables yet")
    if version < upgrades.VERSION:
        raise errors.StoreOlder(
            path,
            f"has schema version {version}, this program needs {upgrades.VERSION}: ingest of the"
            " same version as this program upgrades it",
        )


def open_writer(path: Path, busy_seconds: float | None = None) -> apsw.Connection:
    """A connection that may write to our database at `path`, made or upgraded when needed: for
    ingest, which holds the lock.

    Raises `StoreForeign` before changing anything in a file that is not ours.
    """
    with translate_errors(str(path)):
        connection = open_as_it_is(
            path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE, busy_seconds
        )
        try:
            check_ours(connection, str(path))
            for setting in WRITER:
                setting(connection)
            bring_up_to_date(connection, str(path))
        except BaseException:
            connection.close()
            raise
        return connection


def bring_up_to_date(connection: apsw.Connection, path: str) -> None:
    """Upgrade our database, and make what somebody has removed of its tables: for ingest, which
    holds the lock. Takes SQLite's lock only where there is something to do."""
    if check_ours(connection, path) == upgrades.VERSION and schema_repair.is_whole(connection):
        return
    with transaction(connection):
        # The version again: another process may have upgraded it meanwhile.
        upgrades.upgrade(connection, check_ours(connection, path))
        for each in schema_repair.repair(connection):
            log.warning("%s: %s", path, each)
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)  # an upgrade may need it off


def open_reader(
    path: Path, flags: int = apsw.SQLITE_OPEN_READONLY, busy_seconds: float | None = None
) -> apsw.Connection:
    """A connection that reads our database at `path`; `StoreMissing` while it has no tables,
    `StoreOlder` where they are those of an older version."""
    connection = open_as_it_is(path, flags, busy_seconds)
    try:
        _check_current(connection, str(path))
    except BaseException:
        connection.close()
        raise
    return connection


def open_existing(path: Path, busy_seconds: float | None = None) -> apsw.Connection:
    """A connection that writes to our database at `path`, which ingest has made and upgraded;
    otherwise `StoreMissing`, and the file stays as it is."""
    connection = open_reader(path, apsw.SQLITE_OPEN_READWRITE, busy_seconds)
    try:
        for setting in WRITER:
            setting(connection)
        # Nobody but ingest checkpoints while it runs: it takes a main file that changes for one
        # that somebody has replaced. This limit, 80 MB, is for when ingest does not run.
        connection.pragma("wal_autocheckpoint", 20_000)
    except BaseException:
        connection.close()
        raise
    return connection


def open_as_it_is(
    path: Path, flags: int = apsw.SQLITE_OPEN_READONLY, busy_seconds: float | None = None
) -> apsw.Connection:
    """A connection to whatever is at `path`; `busy_seconds` is how long it waits for a lock where
    that is not the usual time."""
    require_file(path)
    connection = apsw.Connection(str(path), flags=flags)
    try:
        for setting in EVERYONE:
            setting(connection)
        if busy_seconds is not None:
            connection.set_busy_timeout(int(busy_seconds * 1000))
    except BaseException:
        connection.close()
        raise
    return connection


def checkpoint(connection: apsw.Connection) -> int:
    """Move what can be moved from the WAL without waiting; returns the WAL's size in bytes.

    0 while another process does the same, such as a person's `sqlite3`.
    """
    try:
        pages, _moved = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
    except apsw.BusyError:
        return 0
    return int(pages) * int(connection.pragma("page_size"))


def close_writer(connection: apsw.Connection, *, moved: bool = False) -> None:
    """Empty the WAL unless a reader is active, and close the file; a file that was `moved` or
    removed is only closed."""
    if moved:
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.close()
        return
    try:
        connection.set_busy_timeout(500)
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    except (apsw.BusyError, apsw.ReadOnlyError):
        pass  # a reader holds it, or we may only read: the next writer goes on from there
    finally:
        connection.close()
