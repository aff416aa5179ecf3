"""Read-only access to quotes and the feed row."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw

from funding import errors
from funding.model.contract import ContractStatus
from funding.model.feed import Feed, StoredQuote
from funding.runtime.clock import Clock
from funding.store.damage import reported
from funding.store.database import open_reader, translate_errors
from funding.store.feed_table import FEED
from funding.store.file_identity import FileIdentity, identify

BUSY_SECONDS = 0.5
"""In WAL mode a writer does not block readers. Only the first open and the last close take a lock,
briefly; a person with sqlite3 may hold one longer, and all clients of an API process would wait."""

_AGE = """coalesce(
    CASE (SELECT boot_id FROM feed WHERE feed.exchange = ?1)
        WHEN ?4 THEN max(0.0, ?3 - received_uptime) END,
    max(0.0, ?2 - updated_at))"""
"""Age in seconds: ?2 is the wall clock, ?3 the uptime, ?4 the boot. A clock set back ages nothing,
so the uptime decides as long as it is that of the boot in which the quote was received. The clocks
are read before the rows: a frame committed in between is of age 0."""

_QUOTES = f"""
SELECT exchange, symbol, mark_price, index_price, funding_rate, next_funding_time, event_time,
    updated_at, {_AGE} AS age_seconds,
    coalesce(status, (SELECT 'UNKNOWN' FROM contract WHERE exchange = ?1 LIMIT 1))
FROM quote LEFT JOIN contract USING (exchange, symbol) WHERE quote.exchange = ?1
"""
_ADDRESS = "SELECT address FROM feed WHERE exchange = ?1"
_ONE = f"{_QUOTES} AND symbol = ?5"
_ALL = f"{_QUOTES} ORDER BY symbol"
_STATUS = {str(status): status for status in ContractStatus}


def _stored(row: tuple[Any, ...]) -> StoredQuote:
    values = *row[:9], _STATUS.get(row[9])
    return StoredQuote(*values)


class Reader:
    """Read-only access to one exchange's rows, for one thread.

    Follows the file when it is replaced by another. Every method raises `StoreMissing` while
    there is no database, other `StoreError`s else; none leaves a read transaction open.
    """

    def __init__(self, path: Path, exchange: str, clock: Clock) -> None:
        self._path = path
        self._name = str(path)
        self._exchange = exchange
        self._clock = clock
        self._connection: apsw.Connection | None = None
        self._file: FileIdentity | None = None
        self._openings = 0
        self._address = ""

    def one(self, symbol: str) -> StoredQuote | None:
        """The quote of `symbol`, whatever its ASCII case."""
        rows = self._rows(_ONE, symbol)
        return _stored(rows[0]) if rows else None

    def all(self) -> list[StoredQuote]:
        """Every quote of one instant, by symbol."""
        return [_stored(row) for row in self._rows(_ALL)]

    def feed(self) -> Feed | None:
        """The feed row, or None before the first ingest."""
        rows = self._fetched(FEED, (self._exchange,))
        return Feed(*rows[0]) if rows else None

    @property
    def address(self) -> str:
        """Whose quotes the last ones were: the host of the stream; "" while there is none."""
        if not self._address and self._connection is not None:
            with suppress(apsw.Error, UnicodeDecodeError):
                found = self._connection.execute(_ADDRESS, (self._exchange,)).get
                self._address = str(found or "")
        return self._address

    def version(self) -> tuple[int, int]:
        """A value that changes with each commit to the file, and with each new file."""
        ((data_version,),) = self._fetched("PRAGMA data_version", ())
        return self._openings, data_version

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _rows(self, statement: str, *bindings: str | float) -> list[tuple[Any, ...]]:
        clock = self._clock
        now = (self._exchange, clock.wall(), clock.uptime(), clock.boot)
        return self._fetched(statement, (*now, *bindings))

    def _fetched(self, statement: str, bindings: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        try:
            return self._open().execute(statement, bindings).fetchall()
        except (apsw.Error, UnicodeDecodeError):
            with reported(self._path), translate_errors(self._name):
                raise

    def _open(self) -> apsw.Connection:
        file = identify(self._name)
        if file is None:
            self.close()
            raise errors.StoreMissing(self._name, "is not there yet")
        if self._connection is None or self._file != file:
            self.close()
            self._connection = open_reader(self._path, busy_seconds=BUSY_SECONDS)
            self._openings += 1
            self._address = ""
            self._file = file
        return self._connection
