"""The API's answers about quotes, as values: what a row and a batch look like on the wire."""

from collections.abc import Sequence

import msgspec

from funding.feed import Reading
from funding.quote import fold

MAX_SHOWN = 100
"""Characters of a symbol from a URL that an answer repeats."""


class Row(msgspec.Struct, rename="camel", gc=False):
    """One quote as the API shows it: see the README."""

    symbol: str
    mark_price: float
    funding_rate: float | None
    next_funding_time: int | None
    index_price: float
    updated_at: float
    age_seconds: float
    last_update_time: int
    event_time: int
    exchange: str
    stale: bool | msgspec.UnsetType = msgspec.UNSET


def row(reading: Reading, stale_after: float | None = None) -> Row:
    """`reading` for the wire; with `stale_after`, with the verdict on its age."""
    return Row(
        reading.symbol,
        reading.mark_price,
        reading.funding_rate,
        reading.next_funding_time,
        reading.index_price,
        round(reading.updated_at, 3),
        round(reading.age_seconds, 3),
        int(reading.updated_at),
        reading.event_time,
        reading.exchange,
        msgspec.UNSET if stale_after is None else reading.age_seconds > stale_after,
    )


class Batch(msgspec.Struct, rename="camel"):
    """The answer to a batch: rows in the order asked, and what could not be served by name."""

    data: list[Row]
    found: int
    missing: int
    total: int
    missing_symbols: list[str]
    stale_symbols: list[str]


def batch(asked: Sequence[str], readings: Sequence[Reading], stale_after: float) -> Batch:
    """`readings`, in any order, as the answer to `asked`; a symbol asked twice is there twice."""
    found = {fold(reading.symbol): row(reading, stale_after) for reading in readings}
    rows = [found[key] for key in map(fold, asked) if key in found]
    missing = [symbol[:MAX_SHOWN] for symbol in asked if fold(symbol) not in found]
    stale = [each.symbol for each in rows if each.stale]
    return Batch(rows, len(rows), len(missing), len(asked), missing, stale)
