"""Read-only access to quotes and the feed row."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from funding import errors
from funding.model.contract import ContractStatus
from funding.model.feed import Feed, StoredQuote
from funding.model.quote import Source, fold
from funding.runtime.clock import Clock
from funding.store.database import open_reader
from funding.store.feed_table import FEED
from funding.store.handle import Handle
from funding.store.lock_holder import blocking, locked_by

BUSY_SECONDS = 0.5
"""In WAL mode a writer does not block readers. Only the first open and the last close take a lock,
briefly; a person with sqlite3 may hold one longer, and all clients of an API process would wait."""

_QUOTES = """
SELECT exchange, symbol, mark_price, index_price, funding_rate, next_funding_time, event_time,
    updated_at, received_uptime, funding_interval_hours, z_score, z_reason, percentile, zone, source
FROM quote WHERE exchange = ?1
"""
_NEWEST = "SELECT max(received_uptime) FROM quote WHERE exchange = ?1"
SYMBOL, UPDATED_AT = 1, 7
"""Places in such a row."""
_BOOT = "SELECT boot_id FROM feed WHERE exchange = ?1"
_CONTRACTS = """
SELECT symbol, status, funding_interval_hours, interval_source FROM contract WHERE exchange = ?1
"""
_ADDRESS = "SELECT address FROM feed WHERE exchange = ?1"
_ONE = f"{_QUOTES} AND symbol = ?2"
_ALL = f"{_QUOTES} ORDER BY symbol"
_RECENT = f"{_QUOTES} AND updated_at > ?2"
_UNHEALTHY = """
SELECT at FROM event WHERE kind = 'unhealthy' AND rule = ?1 AND duration_seconds IS NULL
    AND abs(?2 - (SELECT done_at FROM consumer WHERE name = 'watchdog')) < ?3
ORDER BY id DESC LIMIT 1
"""
_CONTRACTS_AT = "SELECT max(checked_at) FROM contract WHERE exchange = ?1"
LOOKED_SECONDS = 120.0
"""What a watchdog that looked longer ago has left open may be over."""


WITNESSED = "settlements"
"""Who says an interval that the exchange does not list: two equal steps of the next funding
time."""
_SOURCES = {str(source): source for source in Source}
CHECKS_PER_CONTRACTS = 50
"""The contracts, of which there are hundreds, are read in one of so many checks: they change a few
times a day."""


class _Contract(NamedTuple):
    """What the contract of a quote says of it."""

    status: ContractStatus | None
    hours: int | None
    interval_source: str | None


_UNASKED = _Contract(None, None, None)
_UNLISTED = _Contract(ContractStatus.UNKNOWN, None, None)


class _Context(NamedTuple):
    """What all quotes of the exchange have in common: whether they were received in the present
    boot, and each listed contract by its folded symbol."""

    same_boot: bool
    contracts: dict[str, _Contract]

    def quote(self, row: tuple[Any, ...], uptime: float) -> StoredQuote:
        """A row read before `uptime`. What was received in another boot, or in the future, has an
        unknown age, which is beyond every limit: no clock can tell it."""
        received, witnessed = row[8], row[9]
        known = self.same_boot and received is not None and received <= uptime
        contract = self.contracts.get(fold(row[1]), _UNLISTED) if self.contracts else _UNASKED
        hours, who = contract.hours, contract.interval_source
        if hours is None and witnessed is not None:
            hours, who = witnessed, WITNESSED
        age = uptime - received if known else inf
        values = *row[:8], age, contract.status, hours, who, *row[10:14], _SOURCES[row[14]]
        return StoredQuote(*values)


class Reader:
    """Read-only access to one exchange's rows, for one thread.

    Begins again with the file that is there after any error, and when it is replaced. Every method
    raises `StoreMissing` while there is no database, other `StoreError`s else; none leaves a read
    transaction open. A replaced file and another boot are noticed within `check_seconds`, another
    status or interval of a contract within `CHECKS_PER_CONTRACTS` times that.
    """

    def __init__(
        self, path: Path, exchange: str, clock: Clock, *, check_seconds: float = 0.0
    ) -> None:
        self._path = path
        self.exchange = exchange
        self._clock = clock
        connect = partial(open_reader, busy_seconds=BUSY_SECONDS)
        self._handle = Handle(path, connect, check_seconds=check_seconds)
        self._check_seconds = check_seconds
        self._context = _Context(False, {})
        self._context_until = self._contracts_until = float("-inf")
        self._address = (0, "")

    def one(self, symbol: str) -> StoredQuote | None:
        """The quote of `symbol`, whatever its ASCII case."""
        quotes = self._quotes(_ONE, symbol)
        return quotes[0] if quotes else None

    def all(self) -> list[StoredQuote]:
        """Every quote of one instant, by symbol."""
        return self._quotes(_ALL)

    def rows_after(self, updated_at: float) -> list[tuple[Any, ...]]:
        """The rows of quotes that were received after `updated_at`, as they are stored: to see what
        has changed. Of 1,000 quotes this takes 0.05 ms where none is, 0.6 ms where all are."""
        return self.rows(_RECENT, (self.exchange, updated_at))

    def quotes_in(self, rows: Iterable[tuple[Any, ...]]) -> list[StoredQuote]:
        """The quotes in rows that `rows_after` has just read."""
        context, uptime = self._current_context(), self._clock.uptime()
        return [context.quote(row, uptime) for row in rows]

    def newest_age(self) -> float:
        """The age of the quote that was received last, in seconds; infinite where none has one."""
        ((received,),) = self.rows(_NEWEST, (self.exchange,))
        uptime = self._clock.uptime()
        if received is None or received > uptime or not self._current_context().same_boot:
            return inf
        return uptime - float(received)

    def contracts(self) -> Mapping[str, object]:
        """What quotes have of their contracts, by folded symbol; the same object until that may
        have changed."""
        return self._current_context().contracts

    def feed(self) -> Feed | None:
        """The feed row, or None before the first ingest."""
        rows = self.rows(FEED, (self.exchange,))
        return Feed(*rows[0]) if rows else None

    @property
    def address(self) -> str:
        """Whose quotes the last ones were: the host of the stream; "" while there is none."""
        openings = self._handle.openings
        if openings and self._address[0] != openings:
            with suppress(errors.StoreError):
                for (address,) in self.rows(_ADDRESS, (self.exchange,)):
                    if address:  # a replica has none before it has heard of one
                        self._address = self._handle.openings, str(address)
        return self._address[1]

    def unhealthy_since(self, rule: str = "data") -> float | None:
        """When the present unhealthy period by `rule` began (Unix seconds), as the watchdog has
        seen it; None where none has looked of late."""
        rows = self.rows(_UNHEALTHY, (rule, self._clock.wall(), LOOKED_SECONDS))
        return float(rows[0][0]) if rows else None

    def contracts_checked_at(self) -> float | None:
        """When the exchange was asked for its contracts last (Unix seconds), if it was."""
        ((at,),) = self.rows(_CONTRACTS_AT, (self.exchange,))
        return None if at is None else float(at)

    def locked_by(self, ingest: int) -> str:
        """The process that keeps process `ingest` from writing, in words; "" for none."""
        return locked_by(self._path, ingest)

    def blocking(self, ingest: int) -> int | None:
        """The same process as a number; None for none."""
        return blocking(self._path, ingest)

    def version(self) -> tuple[int, int]:
        """A value that changes with each commit to the file, and with each new file."""
        ((data_version,),) = self.rows("PRAGMA data_version", ())
        return self._handle.openings, data_version

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        self._handle.close()

    def _quotes(self, statement: str, *bindings: str) -> list[StoredQuote]:
        # Not joined to each quote: that makes a lookup in SQLite six times as long.
        context = self._current_context()
        rows = self.rows(statement, (self.exchange, *bindings))
        uptime = self._clock.uptime()
        return [context.quote(row, uptime) for row in rows]

    def _current_context(self) -> _Context:
        now = monotonic()
        if now >= self._context_until:
            boots = self.rows(_BOOT, (self.exchange,))
            contracts = self._context.contracts
            if now >= self._contracts_until:
                listed = self.rows(_CONTRACTS, (self.exchange,))
                contracts = {
                    fold(symbol): _Contract(ContractStatus(status), *interval)
                    for symbol, status, *interval in listed
                }
                self._contracts_until = now + CHECKS_PER_CONTRACTS * self._check_seconds
            self._context = _Context(boots == [(self._clock.boot,)], contracts)
            self._context_until = now + self._check_seconds
        return self._context

    def rows(self, statement: str, bindings: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """What `statement` reads."""
        with self._handle.use() as connection:
            return connection.execute(statement, bindings).fetchall()
