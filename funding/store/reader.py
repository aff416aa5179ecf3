"""Read-only access for everybody else."""

import json
import os
from pathlib import Path
from typing import Any

import apsw

from funding import errors
from funding.clock import Clock
from funding.feed import Feed, Reading
from funding.store.connection import open_reader, told
from funding.store.damage import reported
from funding.store.feed_table import FEED

_AGE = """coalesce(
    CASE (SELECT boot_id FROM feed WHERE feed.exchange = ?1)
        WHEN ?4 THEN ?3 - received_uptime END,
    max(0.0, ?2 - updated_at))"""
"""Age in seconds: ?2 is the wall clock, ?3 the uptime, ?4 the boot. A clock set back ages nothing,
so the uptime decides as long as it is that of the boot in which the quote was received."""

_QUOTES = f"""
SELECT exchange, symbol, mark_price, index_price, funding_rate, next_funding_time, event_time,
    updated_at, {_AGE} AS age_seconds
FROM quote WHERE exchange = ?1
"""
_ONE = f"{_QUOTES} AND symbol = ?5"
_SEVERAL = f"{_QUOTES} AND symbol IN (SELECT value FROM json_each(?5))"
_ALL = f"{_QUOTES} ORDER BY symbol"
_REVISION = f"""
SELECT started_at, frames,
    (SELECT count(*) FROM quote WHERE exchange = ?1 AND {_AGE} > ?5)
FROM feed WHERE exchange = ?1
"""


class Reader:
    """Read-only access to one exchange's rows, for one thread.

    Follows the file when it is replaced by another. Every method raises `StoreMissing` while
    there is no database, other `StoreError`s else; none leaves a read transaction open.
    """

    def __init__(self, path: Path, exchange: str, clock: Clock) -> None:
        self._path = path
        self._exchange = exchange
        self._clock = clock
        self._connection: apsw.Connection | None = None
        self._file = (0, 0)

    def one(self, symbol: str) -> Reading | None:
        """The quote of `symbol`, whatever its ASCII case."""
        rows = self._rows(_ONE, symbol)
        return Reading(*rows[0]) if rows else None

    def several(self, symbols: list[str]) -> list[Reading]:
        """The quotes there are for `symbols`, in no particular order, of one instant."""
        return [Reading(*row) for row in self._rows(_SEVERAL, json.dumps(symbols))]

    def all(self) -> list[Reading]:
        """Every quote of one instant, by symbol."""
        return [Reading(*row) for row in self._rows(_ALL)]

    def feed(self) -> Feed | None:
        """The feed row, or None before the first ingest."""
        with reported(self._path), told(str(self._path)):
            rows: list[Any] = self._open().execute(FEED, (self._exchange,)).fetchall()
        return Feed(*rows[0]) if rows else None

    def revision(self, stale_after: float) -> str:
        """A text that differs whenever `all()` would: in a quote, or in which ones are stale."""
        rows = self._rows(_REVISION, stale_after)
        if not rows:
            return "0"
        started_at, frames, stale = rows[0]
        return f"{started_at * 1000:.0f}-{frames}-{stale}"

    def close(self) -> None:
        """Let go of the file; the next call opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _rows(self, statement: str, *bindings: str | float) -> list[tuple[Any, ...]]:
        clock = self._clock
        now = (self._exchange, clock.wall(), clock.uptime(), clock.boot)
        with reported(self._path), told(str(self._path)):
            return self._open().execute(statement, (*now, *bindings)).fetchall()

    def _open(self) -> apsw.Connection:
        try:
            status = os.stat(self._path)
        except OSError as error:
            self.close()
            raise errors.StoreMissing(str(self._path), "is not there yet") from error
        file = (status.st_dev, status.st_ino)
        if self._connection is None or self._file != file:
            self.close()
            self._connection = open_reader(self._path)
            self._file = file
        return self._connection
