"""A connection that loses nothing: what it writes is on the disk when the transaction ends
(synchronous=FULL). It follows the database when that is replaced, and raises `StoreError`s."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from funding import errors
from funding.model.origin import not_comparable
from funding.store.damage import is_named, report_damage
from funding.store.database import BUSY_SECONDS, open_existing, transaction
from funding.store.handle import Handle


class DurableConnection:
    """One connection for the tables that are made over it; any number of processes may have one.

    Threads may share it, and take turns. `busy_seconds` is asked before each use for how long it
    may wait for another process's lock; without it, that is the usual time. With `rest_host`, what
    is written comes from REST there: a store of quotes that are not comparable is `StoreForeign`.
    It makes and upgrades nothing: that is ingest's part. For forks see `Handle`.
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
        self._busy_seconds = busy_seconds or (lambda: BUSY_SECONDS)
        self._handle = Handle(path, self._connect)
        self._ended = False

    @contextmanager
    def transaction(self) -> Iterator[apsw.Connection]:
        """All that is written in the block, whole or not at all; within the block of another
        `transaction` it is part of that one."""
        with self._use() as connection:
            if self._ended and not connection.in_transaction:
                raise errors.StoreError(str(self._path), "is not written to while this ends")
            with transaction(connection):
                yield connection

    def end(self) -> None:
        """Begin no transaction any more, but raise `StoreError`: ingest, which ends at the same
        time, leaves a database whose WAL is empty. For any thread."""
        self._ended = True

    def rows(self, statement: str, bindings: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """What `statement` reads."""
        with self._use() as connection:
            return connection.execute(statement, bindings).fetchall()

    def check(self) -> str:
        """Read the whole database and report damage to ingest; returns what is wrong, or ""."""
        ((found,),) = self.rows("PRAGMA quick_check(1)")
        if found == "ok":
            return ""
        report_damage(self._path)
        return str(found)

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        self._handle.close()

    @contextmanager
    def _use(self) -> Iterator[apsw.Connection]:
        with self._handle.use() as connection:
            if not connection.in_transaction:
                connection.set_busy_timeout(int(self._busy_seconds() * 1000))
            if not self._origin_is_known:
                self._check_origin(connection, self._rest_host or "")
            yield connection

    def _connect(self, path: Path) -> apsw.Connection:
        # By another name the file has another WAL, which would damage it.
        if os.stat(path).st_nlink > 1 and not is_named(path):
            raise errors.StoreForeign(str(path), "is a hard link: it has another name for ingest")
        connection = open_existing(path)
        connection.pragma("synchronous", "full")
        self._origin_is_known = self._rest_host is None
        return connection

    def _check_origin(self, connection: apsw.Connection, rest_host: str) -> None:
        """Of one file once: it keeps its feed's address for as long as it lives."""
        for (address,) in connection.execute("SELECT address FROM feed").fetchall():
            text = not_comparable(str(address), rest_host)
            if text:
                raise errors.StoreForeign(str(self._path), text)
            self._origin_is_known = True
