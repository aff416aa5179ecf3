"""What quotes look like on the wire: one, several, and all of an instant."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from math import inf
from typing import Any

import msgspec

from funding.api.parameters import MAX_SHOWN
from funding.api.responses import revision
from funding.api.tables import as_csv, columns
from funding.model.contract import ContractStatus
from funding.model.feed import StoredQuote
from funding.model.quote import Source, annualized, fold


class Row(msgspec.Struct, rename="camel", gc=False):
    """One quote as the API shows it: see the README. An index price that the exchange does not give
    is 0 in the store, and None here."""

    symbol: str
    mark_price: float
    funding_rate: float | None
    next_funding_time: int | None
    index_price: float | None
    updated_at: float
    age_seconds: float | None  # None, as JSON has no infinity: unknown, and so stale
    last_update_time: int
    event_time: int
    exchange: str
    status: ContractStatus | None = None
    funding_interval_hours: int | None = None
    interval_source: str | None = None
    annualized_rate: float | None = None
    z_score: float | None = None
    z_reason: str | None = None
    percentile: float | None = None
    zone: str | None = None
    source: Source = Source.WEBSOCKET
    stale: bool | msgspec.UnsetType = msgspec.UNSET


def to_ms(seconds: float) -> float:
    """`seconds` to three decimals; `round(seconds, 3)` takes thrice as long."""
    return round(seconds * 1000) / 1000 if seconds < inf else inf


def row(quote: StoredQuote, stale_after: float | None = None) -> Row:
    """`quote` for the wire; with `stale_after`, it says whether it is stale."""
    return Row(
        quote.symbol,
        quote.mark_price,
        quote.funding_rate,
        quote.next_funding_time,
        quote.index_price or None,
        to_ms(quote.updated_at),
        to_ms(quote.age_seconds),
        int(quote.updated_at),
        quote.event_time,
        quote.exchange,
        quote.status,
        quote.funding_interval_hours,
        quote.interval_source,
        annualized(quote.funding_rate, quote.funding_interval_hours),
        quote.z_score,
        quote.z_reason or NOT_YET if quote.z_score is None else None,
        quote.percentile,
        quote.zone,
        quote.source,
        msgspec.UNSET if stale_after is None else quote.age_seconds > stale_after,
    )


def stored(row: Row, seconds_since: float = 0.0) -> StoredQuote:
    """The quote that `row` is about, `seconds_since` later."""
    return StoredQuote(
        row.exchange,
        row.symbol,
        row.mark_price,
        row.index_price or 0.0,
        row.funding_rate,
        row.next_funding_time,
        row.event_time,
        row.updated_at,
        inf if row.age_seconds is None else row.age_seconds + seconds_since,
        row.status,
        row.funding_interval_hours,
        row.interval_source,
        row.z_score,
        row.z_reason,
        row.percentile,
        row.zone,
        row.source,
    )


NOT_YET = "not worked out yet"
"""Why there is no Z-score, where ingest has not said."""
COLUMNS = columns(Row)


class Batch(msgspec.Struct, rename="camel"):
    """The answer to a batch: rows in the order asked, and what could not be served by name."""

    data: list[Row]
    found: int
    missing: int
    total: int
    missing_symbols: list[str]
    stale_symbols: list[str]


_AGE_HERE: Any = msgspec.Raw(b"\0")
"""Where an age goes. No JSON text has a NUL, and a single byte is found fastest."""


class Snapshot:
    """Every quote of one instant, ready for the wire except for its age, which goes on.

    `quotes` were read at `uptime`. To be used by one thread.
    """

    def __init__(self, quotes: Sequence[StoredQuote], stale_after: float, uptime: float) -> None:
        self._uptime = uptime
        self._rows = [row(quote, stale_after) for quote in quotes]
        self._ages = [quote.age_seconds for quote in quotes]
        fresh = (age for age in self._ages if age <= stale_after)
        self._valid_seconds = stale_after - max(fresh, default=-inf)
        self._index: dict[str, list[int]] = {}

    def is_current(self, uptime: float) -> bool:
        """Whether, at this time, no other quote has turned stale."""
        return uptime - self._uptime <= self._valid_seconds

    @cached_property
    def _parts(self) -> list[bytes]:
        """The answer with every row, cut where an age goes."""
        for each in self._rows:
            each.age_seconds = _AGE_HERE
        whole = msgspec.json.encode({"data": self._rows, "total": len(self._rows)})
        return whole.split(b"\0")

    @cached_property
    def revision(self) -> str:
        """A text that changes whenever `all` changes in more than ages. It is made from the answer
        itself: a row that was changed by hand or retired counts no frame."""
        return revision(b"\0".join(self._parts))

    def all(self, uptime: float) -> bytes:
        """The answer with every row, by symbol."""
        elapsed = uptime - self._uptime
        texts = {age: msgspec.json.encode(to_ms(age + elapsed)) for age in set(self._ages)}
        pieces = [b""] * (2 * len(self._rows) + 1)
        pieces[::2] = self._parts
        pieces[1::2] = [texts[age] for age in self._ages]
        return b"".join(pieces)

    def table(self, uptime: float) -> bytes:
        """Every row as CSV."""
        return _table(self._aged(range(len(self._rows)), uptime))

    def batch(self, asked: Sequence[str], uptime: float) -> bytes:
        """The answer to `asked`; a symbol asked twice is there twice."""
        found = [(symbol, self._find(symbol)) for symbol in asked]
        missing = [symbol[:MAX_SHOWN] for symbol, places in found if not places]
        rows = self._aged([at for _, places in found for at in places], uptime)
        stale = [each.symbol for each in rows if each.stale]
        return msgspec.json.encode(Batch(rows, len(rows), len(missing), len(asked), missing, stale))

    def batch_table(self, asked: Sequence[str], uptime: float) -> bytes:
        """The same as CSV: a symbol that is missing is a line without values."""
        lines: list[Row | str] = []
        for symbol in asked:
            lines += self._aged(self._find(symbol), uptime) or [symbol[:MAX_SHOWN]]
        return _table(lines)

    def _find(self, symbol: str) -> list[int]:
        if not self._index:
            for at, each in enumerate(self._rows):
                self._index.setdefault(fold(each.symbol), []).append(at)
        return self._index.get(fold(symbol), [])

    def _aged(self, places: Iterable[int], uptime: float) -> list[Row]:
        """The rows at `places` with their age at `uptime`."""
        elapsed, rows = uptime - self._uptime, []
        for at in places:
            found = self._rows[at]
            found.age_seconds = to_ms(self._ages[at] + elapsed)
            rows.append(found)
        return rows


def _table(lines: Iterable[Row | str]) -> bytes:
    """`lines` as CSV; a symbol alone has no other values."""
    empty = [None] * (len(COLUMNS) - 1)
    return as_csv(
        COLUMNS,
        (
            [each, *empty] if isinstance(each, str) else msgspec.structs.astuple(each)
            for each in lines
        ),
    )
