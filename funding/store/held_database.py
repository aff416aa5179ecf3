"""The database that ingest writes to: held under its lock, watched, and left when it is lost."""

import logging
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import apsw

from funding import errors
from funding.store.damage import is_marked, marker_path, report_damage
from funding.store.database import (
    bring_up_to_date,
    checkpoint,
    close_writer,
    open_existing,
    open_reader,
    open_writer,
    transaction,
    translate_errors,
)
from funding.store.file_identity import DatabaseFiles, identify_all
from funding.store.ingest_lock import IngestLock
from funding.store.recovery import remove_sidecars, set_aside_if_damaged

log = logging.getLogger("ingest")

BUSY_SECONDS = 0.5
"""How long a batch waits for another program's lock, so that ingest goes on receiving."""


class HeldDatabase:
    """Opened by the ingest of `exchange`; a second one is refused at once, with `StoreInUse`.

    For one thread. Raises `StoreError`s: after `StoreLocked` it may be used again, after another
    a new one begins with what is there. `set_aside` is where a damaged database is now. Only who
    owns the database (see `IngestLock`) makes, mends and checkpoints it. `connection` is another
    one after `check_place` has found other content.
    """

    def __init__(self, path: Path, exchange: str) -> None:
        self._path = path
        self._name = str(path)
        self._marker = str(marker_path(path))
        self._files: DatabaseFiles | None = None
        self._written = 0, 0
        self._lock = IngestLock(path, exchange)
        self.set_aside: Path | None = None
        try:
            if self._lock.owns:
                real = path.resolve()  # what lies beside it is named after it, and not after a link
                self.set_aside = set_aside_if_damaged(real)
                if not path.exists():
                    remove_sidecars(real)
                self._lock.hold_file()
            self._open()
        except BaseException:
            self._lock.close()
            raise

    def _open(self) -> None:
        if self._lock.owns:
            self.connection = open_writer(self._path, BUSY_SECONDS)
            self._lock.name_file()
        else:
            self.connection = self._opened_beside()
        self._waits = False
        self._data_version = -1
        with self.translating():
            self._schema = _schema(self.connection)
            if self._lock.owns:
                # The header, which says whose file it is, belongs into the main file at once.
                checkpoint(self.connection)

    def _opened_beside(self) -> apsw.Connection:
        """A connection to what the owner has made; `StoreLocked` while it has not."""
        try:
            with self.translating():
                return open_existing(self._path, BUSY_SECONDS)
        except errors.StoreMissing as error:
            text = f"another ingest has yet to prepare it: {error.detail}"
            raise errors.StoreLocked(self._name, text) from error

    def begun(self) -> None:
        """The first transaction is over: from now on it is watched whose file this is."""
        self._files, self._written = identify_all(self._name), _last_written(self._name)

    @contextmanager
    def translating(self) -> Iterator[None]:
        """Errors of SQLite within are raised as `StoreError`s."""
        with translate_errors(self._name):
            yield

    @contextmanager
    def changing(self) -> Iterator[apsw.Connection]:
        """One transaction."""
        with translate_errors(self._name), transaction(self.connection):
            yield self.connection

    def wrote(self) -> None:
        """A transaction that began with `check_place` is over: it may have moved the WAL."""
        self._written = _last_written(self._name)

    def others_wrote(self) -> bool:
        """Whether another program has written since the last call; the first time True."""
        with self.translating():
            version = int(self.connection.pragma("data_version"))
        before, self._data_version = self._data_version, version
        return version != before

    def wait_for_the_disk(self, wanted: bool) -> None:
        """Set whether a commit is on the disk when it returns. A power cut must not undo an event,
        which is reported once; quotes come again."""
        if wanted != self._waits:
            with self.translating():
                self.connection.pragma("synchronous", "full" if wanted else "normal")
            self._waits = wanted

    def check_place(self) -> None:
        """Raise when the database is not what this writes to any more: a file of it was removed or
        replaced, or its content was. Writing to a removed file succeeds, and nobody reads it."""
        if (files := identify_all(self._name)) != self._files:
            self._leave_to(files)
            raise errors.StoreError(self._name, "was removed or replaced while ingest wrote to it")
        # For each batch: a Path would take four times as long.
        if os.path.exists(self._marker) and is_marked(self._path):
            self._change_nothing_at_close()
            raise errors.StoreCorrupt(self._name, "another program found it damaged")
        if self._lock.owns and _last_written(self._name) != self._written:
            self._check_content()

    def _leave_to(self, files: DatabaseFiles) -> None:
        """Begin no more with what this wrote to: `files` are at its place now. Where another main
        file is, what this has beside it would be taken for that one's, and damage it."""
        mine = self._files
        self._change_nothing_at_close()
        if mine is None or files.main in (None, mine.main):
            return
        for ending, old, new in (("-wal", mine.wal, files.wal), ("-shm", mine.shm, files.shm)):
            if old == new:
                with suppress(OSError):
                    os.unlink(f"{os.path.realpath(self._name)}{ending}")

    def _check_content(self) -> None:
        """Somebody else has written to the main file: SQLite for another program, or a `cp`."""
        try:
            with translate_errors(self._name), closing(open_reader(self._path)) as fresh:
                found = str(fresh.execute("PRAGMA integrity_check(1)").get)
        except errors.StoreLocked:
            raise
        except errors.StoreError as error:
            found = error.detail
        if found != "ok":
            self._change_nothing_at_close()
            report_damage(self._path)
            raise errors.StoreCorrupt(
                self._name, f"was changed by another program while ingest wrote to it ({found})"
            )
        # What this connection remembers of the file may not be true any more.
        self._change_nothing_at_close()
        self.connection.close()
        self._open()
        self.begun()

    def _change_nothing_at_close(self) -> None:
        self.connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        self._files = None  # not those that this writes to: `close` then moves nothing into them

    def checkpoint(self) -> int:
        """Move what can be moved from the WAL without waiting; returns the WAL's size in bytes, 0
        where that is another writer's."""
        self.check_place()
        if not self._lock.owns:
            return 0
        with self.translating():
            self._check_schema()
            size = checkpoint(self.connection)
        self.wrote()
        return size

    def _check_schema(self) -> None:
        """Make again what somebody has removed of our tables, or of the version of the file."""
        found = _schema(self.connection)
        if found == self._schema:
            return
        try:
            bring_up_to_date(self.connection, self._name)
        except errors.StoreNewer as error:
            log.warning("%s; the next start of ingest will refuse it", error)
        self._schema = _schema(self.connection)

    def close(self) -> None:
        """Empty the WAL unless a reader is active, and close the file."""
        try:
            with self.translating():
                moved = identify_all(self._name) != self._files
                if self._lock.owns or moved:
                    close_writer(self.connection, moved=moved)
                else:
                    self.connection.close()
        finally:
            self._lock.close()

    def give_up(self) -> None:
        """Close what could not be begun with."""
        self.connection.close()
        self._lock.close()


def _schema(connection: apsw.Connection) -> tuple[int, int]:
    """A value that changes with the tables, and with the version that is written down."""
    return connection.pragma("schema_version"), connection.pragma("user_version")


def _last_written(path: str) -> tuple[int, int]:
    """A value that changes when the file at `path` is written to."""
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size
