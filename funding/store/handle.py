"""A connection that follows its database: it ends with any error, and when one of the database's
files was removed or replaced; the next use begins again with what is there.

# Facts
- All connections of a process to one file share its -shm, whatever has become of its name. One that
  is opened beside others that use a removed -shm takes part in theirs, with another -wal: it would
  read, and write, nonsense. Hence those others are closed first.
"""

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic

import apsw

from funding import errors
from funding.runtime import forks
from funding.runtime.forks import ForkAware
from funding.store.damage import report_damage
from funding.store.database import translate_errors
from funding.store.file_identity import DatabaseFiles, identify_all

_opening = threading.Lock()
_handles: "weakref.WeakSet[Handle]" = weakref.WeakSet()


class Handle(ForkAware):
    """At most one connection to the database at `path`, made by `connect` when it is needed.

    Threads may share it, and take turns. A fork waits until it is not in use, and each of the two
    processes opens the file again. Raises `StoreError`s. Its files are looked at before each use,
    but not again within `check_seconds`: that takes a third of a short reading.
    """

    def __init__(
        self,
        path: Path,
        connect: Callable[[Path], apsw.Connection],
        *,
        check_seconds: float = 0.0,
    ) -> None:
        self._check_seconds = check_seconds
        self._check_at = float("-inf")
        self._path = path
        self._name = str(path)
        self._connect = connect
        self._lock = threading.RLock()
        self._depth = 0
        self._connection: apsw.Connection | None = None
        self._files: DatabaseFiles | None = None
        self.openings = 0
        _handles.add(self)
        forks.watch(self)

    def before_fork(self) -> None:
        """See `forks`: nobody inherits an open file, or a lock that nobody will release."""
        self._lock.acquire()
        if not self._depth:
            self._drop()

    def after_fork_in_parent(self) -> None:
        """See `forks`: the next use opens the file again."""
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """The same."""
        self._lock.release()

    @contextmanager
    def use(self) -> Iterator[apsw.Connection]:
        """The connection, which an error in the block closes; blocks may be nested."""
        with self._lock:
            self._depth += 1
            try:
                with translate_errors(self._name):
                    yield self._current()
            except BaseException as error:
                if self._depth == 1:
                    # A connection whose files are not those of the name says nothing about these.
                    same = self._files == identify_all(self._name)
                    self._drop()
                    if same and isinstance(error, errors.StoreCorrupt):
                        report_damage(self._path)
                raise
            finally:
                self._depth -= 1

    def close(self) -> None:
        """Close the connection; the next use opens another one."""
        with self._lock:
            if self._connection is None:
                return
            if self._files != identify_all(self._name):
                self._drop()
                return
            connection, self._connection = self._connection, None
            with translate_errors(self._name):
                connection.close()

    def _current(self) -> apsw.Connection:
        if self._connection is not None and (self._depth > 1 or monotonic() < self._check_at):
            return self._connection
        self._check_at = monotonic() + self._check_seconds
        files = identify_all(self._name)
        if self._connection is not None and files == self._files:
            return self._connection
        self._drop()
        # Only ingest makes the file: making it here would hide that ingest is not running.
        if files.main is None:
            raise errors.StoreMissing(self._name, "is not there yet")
        with _opening:
            self._end_others(identify_all(self._name))
            self._connection = self._connect(self._path)
            self._files = identify_all(self._name)
            self.openings += 1
        return self._connection

    def _end_others(self, files: DatabaseFiles) -> None:
        """Close this process's other connections to the same file that use removed ones beside
        it."""
        for other in list(_handles):
            theirs = other._files
            if other is self or theirs is None or theirs.main != files.main:
                continue
            # What was not there yet when the other one began was not removed.
            if all(old in (None, new) for old, new in zip(theirs, files, strict=True)):
                continue
            if not other._lock.acquire(blocking=False):
                raise errors.StoreLocked(self._name, "its files were removed while it was in use")
            try:
                if other._depth:
                    raise errors.StoreLocked(self._name, "its files were removed in a transaction")
                other._drop()
            finally:
                other._lock.release()

    def _drop(self) -> None:
        """Close the connection, and change no file: their names may be those of other files."""
        connection, self._connection, self._files = self._connection, None, None
        if connection is not None:
            with suppress(apsw.Error):
                connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
                connection.close()
