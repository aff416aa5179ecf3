"""Read-only access to quotes and the feed row."""

from contextlib import suppress
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

from funding import errors
from funding.model.contract import ContractStatus
from funding.model.feed import Feed, StoredQuote
from funding.runtime.clock import Clock
from funding.store.database import open_reader
from funding.store.feed_table import FEED
from funding.store.handle import Handle
from funding.store.lock_holder import locked_by

BUSY_SECONDS = 0.5
"""In WAL mode a writer does not block readers. Only the first open and the last close take a lock,
briefly; a person with sqlite3 may hold one longer, and all clients of an API process would wait."""

_QUOTES = """
SELECT exchange, symbol, mark_price, index_price, funding_rate, next_funding_time, event_time,
    updated_at,
    iif((SELECT boot_id FROM feed WHERE feed.exchange = ?1) = ?2, received_uptime, NULL),
    coalesce(status, (SELECT 'UNKNOWN' FROM contract WHERE exchange = ?1 LIMIT 1))
FROM quote LEFT JOIN contract USING (exchange, symbol) WHERE quote.exchange = ?1
"""
_ADDRESS = "SELECT address FROM feed WHERE exchange = ?1"
_ONE = f"{_QUOTES} AND symbol = ?3"
_ALL = f"{_QUOTES} ORDER BY symbol"
_UNHEALTHY = """
SELECT at FROM event WHERE kind = 'unhealthy' AND rule = 'data' AND duration_seconds IS NULL
ORDER BY id DESC LIMIT 1
"""
_STATUS = {str(status): status for status in ContractStatus}


def _stored(row: tuple[Any, ...], uptime: float) -> StoredQuote:
    """A row read before `uptime`. What was received in another boot, or in the future, has an
    unknown age, which is beyond every limit: no clock can tell it."""
    received = row[8]
    age = uptime - received if received is not None and received <= uptime else inf
    values = *row[:8], age, _STATUS.get(row[9])
    return StoredQuote(*values)


class Reader:
    """Read-only access to one exchange's rows, for one thread.

    Begins again with the file that is there after any error, and when it is replaced. Every method
    raises `StoreMissing` while there is no database, other `StoreError`s else; none leaves a read
    transaction open. A replaced file is noticed within `check_seconds`.
    """

    def __init__(
        self, path: Path, exchange: str, clock: Clock, *, check_seconds: float = 0.0
    ) -> None:
        self._path = path
        self._exchange = exchange
        self._clock = clock
        connect = partial(open_reader, busy_seconds=BUSY_SECONDS)
        self._handle = Handle(path, connect, check_seconds=check_seconds)
        self._address = (0, "")

    def one(self, symbol: str) -> StoredQuote | None:
        """The quote of `symbol`, whatever its ASCII case."""
        quotes = self._quotes(_ONE, symbol)
        return quotes[0] if quotes else None

    def all(self) -> list[StoredQuote]:
        """Every quote of one instant, by symbol."""
        return self._quotes(_ALL)

    def feed(self) -> Feed | None:
        """The feed row, or None before the first ingest."""
        rows = self._fetched(FEED, (self._exchange,))
        return Feed(*rows[0]) if rows else None

    @property
    def address(self) -> str:
        """Whose quotes the last ones were: the host of the stream; "" while there is none."""
        openings = self._handle.openings
        if openings and self._address[0] != openings:
            with suppress(errors.StoreError):
                for (address,) in self._fetched(_ADDRESS, (self._exchange,)):
                    self._address = self._handle.openings, str(address)
        return self._address[1]

    def unhealthy_since(self) -> float | None:
        """When the present unhealthy period of the data began (Unix seconds), as the watchdog has
        seen it."""
        rows = self._fetched(_UNHEALTHY, ())
        return float(rows[0][0]) if rows else None

    def locked_by(self, ingest: int) -> str:
        """The process that keeps process `ingest` from writing, in words; "" for none."""
        return locked_by(self._path, ingest)

    def version(self) -> tuple[int, int]:
        """A value that changes with each commit to the file, and with each new file."""
        ((data_version,),) = self._fetched("PRAGMA data_version", ())
        return self._handle.openings, data_version

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        self._handle.close()

    def _quotes(self, statement: str, *bindings: str) -> list[StoredQuote]:
        rows = self._fetched(statement, (self._exchange, self._clock.boot, *bindings))
        uptime = self._clock.uptime()
        return [_stored(row, uptime) for row in rows]

    def _fetched(self, statement: str, bindings: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self._handle.use() as connection:
            return connection.execute(statement, bindings).fetchall()
