"""A connection that loses nothing: what it writes is on the disk when the transaction ends
(synchronous=FULL). It follows the file when that is replaced, and raises `StoreError`s."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from funding import errors
from funding.model.origin import not_comparable
from funding.runtime import forks
from funding.runtime.forks import ForkAware
from funding.store.damage import report_damage, reported
from funding.store.database import close_writer, open_writer, transaction, translate_errors
from funding.store.file_identity import FileIdentity, identify


class DurableConnection(ForkAware):
    """One connection for the tables that are made over it; any number of processes may have one.

    Threads may share it, and take turns. `busy_seconds` is asked before each use for how long it
    may wait for another process's lock; without it, that is the usual time. With `rest_host`, what
    is written comes from REST there: a store of quotes that are not comparable is `StoreForeign`.
    A fork waits until it is not in use, and each of the two processes opens the file again.
    """

    def __init__(
        self,
        path: Path,
        busy_seconds: Callable[[], float] | None = None,
        *,
        rest_host: str | None = None,
    ) -> None:
        self._path = path
        self._rest_host = rest_host
        self._origin_is_known = False
        self._busy_seconds = busy_seconds
        self._lock = threading.RLock()
        self._connection: apsw.Connection | None = None
        self._file: FileIdentity | None = None
        forks.watch(self)

    def before_fork(self) -> None:
        """See `forks`: nobody inherits an open file, or a lock that nobody will release."""
        self._lock.acquire()
        if self._connection is not None and not self._connection.in_transaction:
            connection, self._connection = self._connection, None
            close_writer(connection, moved=True)  # without a checkpoint, which may wait

    def after_fork_in_parent(self) -> None:
        """See `forks`: the next use opens the file again."""
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """The same."""
        self._lock.release()

    @contextmanager
    def transaction(self) -> Iterator[apsw.Connection]:
        """All that is written in the block, whole or not at all; within the block of another
        `transaction` it is part of that one."""
        with self._lock, self._errors():
            connection = self._open()
            with transaction(connection):
                yield connection

    def rows(self, statement: str, bindings: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """What `statement` reads."""
        with self._lock, self._errors():
            return self._open().execute(statement, bindings).fetchall()

    def check(self) -> str:
        """Read the whole database and report damage to ingest; returns what is wrong, or ""."""
        ((found,),) = self.rows("PRAGMA quick_check(1)")
        if found == "ok":
            return ""
        report_damage(self._path)
        return str(found)

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        with self._lock:
            if self._connection is not None:
                connection, self._connection = self._connection, None
                with translate_errors(str(self._path)):
                    close_writer(connection, moved=self._file != identify(self._path))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        with reported(self._path), translate_errors(str(self._path)):
            yield

    def _open(self) -> apsw.Connection:
        if self._connection is not None and self._connection.in_transaction:
            return self._connection
        # Only ingest makes the file: making it here would hide that ingest is not running.
        file = identify(self._path)
        if file is None:
            self.close()
            raise errors.StoreMissing(str(self._path), "is not there yet")
        seconds = self._busy_seconds() if self._busy_seconds is not None else None
        if self._connection is None or self._file != file:
            self.close()
            self._connection = open_writer(self._path, seconds)
            self._connection.pragma("synchronous", "full")
            self._file = file
            self._origin_is_known = self._rest_host is None
        elif seconds is not None:
            self._connection.set_busy_timeout(int(seconds * 1000))
        if not self._origin_is_known:
            self._check_origin(self._connection, self._rest_host or "")
        return self._connection

    def _check_origin(self, connection: apsw.Connection, rest_host: str) -> None:
        """Of one file once: it keeps its feed's address for as long as it lives."""
        for (address,) in connection.execute("SELECT address FROM feed").fetchall():
            text = not_comparable(str(address), rest_host)
            if text:
                raise errors.StoreForeign(str(self._path), text)
            self._origin_is_known = True
