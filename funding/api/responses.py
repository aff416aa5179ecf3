"""The API's answers about quotes, as values: what a row and a batch look like on the wire."""

from collections.abc import Sequence
from functools import cached_property
from hashlib import blake2b
from math import inf
from typing import Any

import msgspec

from funding.model.feed import StoredQuote
from funding.model.quote import fold

MAX_SHOWN = 100
"""Characters of a symbol from a URL that an answer repeats."""


STEP_SECONDS = 0.01
"""By how much the clocks may part before one of them counts as set."""


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


def to_ms(seconds: float) -> float:
    """`seconds` to three decimals; `round(seconds, 3)` takes thrice as long."""
    return round(seconds * 1000) / 1000


def row(reading: StoredQuote, stale_after: float | None = None) -> Row:
    """`reading` for the wire; with `stale_after`, with the verdict on its age."""
    return Row(
        reading.symbol,
        reading.mark_price,
        reading.funding_rate,
        reading.next_funding_time,
        reading.index_price,
        to_ms(reading.updated_at),
        to_ms(reading.age_seconds),
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


_HOLE: Any = msgspec.Raw(b"\0")
"""Where an age goes. No JSON text has a NUL, and a single byte is found fastest."""


class Snapshot:
    """Every quote of one instant, ready for the wire but for its age, which goes on.

    `readings` were read at `wall` and `uptime`. To be used by one thread.
    """

    def __init__(
        self, readings: Sequence[StoredQuote], stale_after: float, *, wall: float, uptime: float
    ) -> None:
        self._wall, self._uptime = wall, uptime
        self._rows = [row(reading, stale_after) for reading in readings]
        self._ages = [reading.age_seconds for reading in readings]
        fresh = (age for age in self._ages if age <= stale_after)
        self._lasts = stale_after - max(fresh, default=-inf)
        self._places: dict[str, int] = {}

    def holds(self, wall: float, uptime: float) -> bool:
        """Whether, at these times, no other quote has turned stale, and no clock was set: ages
        may depend on either."""
        elapsed = uptime - self._uptime
        return elapsed <= self._lasts and abs(wall - self._wall - elapsed) < STEP_SECONDS

    @cached_property
    def _parts(self) -> list[bytes]:
        """The answer with every row, cut where an age goes."""
        for each in self._rows:
            each.age_seconds = _HOLE
        whole = msgspec.json.encode({"data": self._rows, "total": len(self._rows)})
        return whole.split(b"\0")

    @cached_property
    def revision(self) -> str:
        """A text that differs whenever `all` does in anything but ages, whoever changed it: of
        what is shown, since a row changed by hand or retired counts no frame."""
        return blake2b(b"\0".join(self._parts), digest_size=8).hexdigest()

    def all(self, uptime: float) -> bytes:
        """The answer with every row, by symbol."""
        elapsed = uptime - self._uptime
        texts = {age: msgspec.json.encode(to_ms(age + elapsed)) for age in set(self._ages)}
        pieces = [b""] * (2 * len(self._rows) + 1)
        pieces[::2] = self._parts
        pieces[1::2] = [texts[age] for age in self._ages]
        return b"".join(pieces)

    def batch(self, asked: Sequence[str], uptime: float) -> bytes:
        """The answer to `asked`; a symbol asked twice is there twice."""
        if not self._places:
            self._places = {fold(each.symbol): place for place, each in enumerate(self._rows)}
        elapsed = uptime - self._uptime
        rows, missing = [], []
        for symbol in asked:
            place = self._places.get(fold(symbol))
            if place is None:
                missing.append(symbol[:MAX_SHOWN])
            else:
                found = self._rows[place]
                found.age_seconds = to_ms(self._ages[place] + elapsed)
                rows.append(found)
        stale = [each.symbol for each in rows if each.stale]
        return msgspec.json.encode(Batch(rows, len(rows), len(missing), len(asked), missing, stale))
