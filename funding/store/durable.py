"""A hand on the store that loses nothing: what it writes is on the disk when it returns
(synchronous=FULL). It follows the file when that is replaced, and raises `StoreError`s."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from funding import errors
from funding.store.damage import reported
from funding.store.database import close_writer, open_writer, transaction, translate_errors


class Durable:
    """For one thread.

    `patience` is asked before each transaction for how many seconds it may wait for the lock of
    another process; without it, that is the usual time.
    """

    def __init__(self, path: Path, patience: Callable[[], float] | None = None) -> None:
        self._path = path
        self._patience = patience
        self._connection: apsw.Connection | None = None
        self._file = (0, 0)

    def close(self) -> None:
        """Let go of the file; the next call opens it again."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with translate_errors(str(self._path)):
                close_writer(connection, moved=self._file != _file_at(self._path))

    @contextmanager
    def _writing(self) -> Iterator[apsw.Connection]:
        with reported(self._path), translate_errors(str(self._path)):
            connection = self._open()
            with transaction(connection):
                yield connection

    def _reading(self, statement: str, bindings: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with reported(self._path), translate_errors(str(self._path)):
            return self._open().execute(statement, bindings).fetchall()

    def _open(self) -> apsw.Connection:
        # Ingest makes the file; a ledger that made it would hide that ingest is not running.
        file = _file_at(self._path)
        if file is None:
            self.close()
            raise errors.StoreMissing(str(self._path), "is not there yet")
        seconds = self._patience() if self._patience is not None else None
        if self._connection is None or self._file != file:
            self.close()
            self._connection = open_writer(self._path, seconds)
            self._connection.pragma("synchronous", "full")
            self._file = file
        elif seconds is not None:
            self._connection.set_busy_timeout(int(seconds * 1000))
        return self._connection


def _file_at(path: Path) -> tuple[int, int] | None:
    """Which file the name leads to."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
