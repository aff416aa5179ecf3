"""The API's answers as values: status and headers, and what quotes look like on the wire."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from http import HTTPStatus
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from funding.model.contract import ContractStatus
from funding.model.feed import StoredQuote
from funding.model.quote import fold

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MAX_SHOWN = 100
"""Characters of a symbol from a URL that an answer repeats."""

ADDRESS_HEADER = "Feed-Address"
"""Names the host of the stream whose quotes an answer has: see model/origin.py."""

_EVERY_RESPONSE = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


class Response(NamedTuple):
    """One HTTP response; `headers` are all that the application gives."""

    status: HTTPStatus
    body: bytes
    headers: dict[str, str]

    def send(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> list[bytes]:
        """Answer a WSGI request with this; HEAD gets the headers alone."""
        start_response(f"{self.status} {self.status.phrase}", list(self.headers.items()))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [self.body]


def reply(
    value: Any, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    """`value` as a JSON response; bytes are JSON already."""
    body = value if isinstance(value, bytes) else msgspec.json.encode(value)
    named = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    return Response(HTTPStatus(status), body, {**_EVERY_RESPONSE, **named, **(headers or {})})


def refusal(reason: str, status: int, **facts: Any) -> Response:
    """An error as JSON."""
    return reply({"error": reason, **facts}, status)


def not_modified(headers: Mapping[str, str]) -> Response:
    """What the client has is still right."""
    return Response(HTTPStatus.NOT_MODIFIED, b"", {**_EVERY_RESPONSE, **headers})


class Row(msgspec.Struct, rename="camel", gc=False):
    """One quote as the API shows it: see the README."""

    symbol: str
    mark_price: float
    funding_rate: float | None
    next_funding_time: int | None
    index_price: float
    updated_at: float
    age_seconds: float | None  # None, as JSON has no infinity: unknown, and so stale
    last_update_time: int
    event_time: int
    exchange: str
    status: ContractStatus | None = None
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
        quote.index_price,
        to_ms(quote.updated_at),
        to_ms(quote.age_seconds),
        int(quote.updated_at),
        quote.event_time,
        quote.exchange,
        quote.status,
        msgspec.UNSET if stale_after is None else quote.age_seconds > stale_after,
    )


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
        self._index: dict[str, int] = {}

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
        if not self._index:
            self._index = {fold(each.symbol): at for at, each in enumerate(self._rows)}
        elapsed = uptime - self._uptime
        rows, missing = [], []
        for symbol in asked:
            at = self._index.get(fold(symbol))
            if at is None:
                missing.append(symbol[:MAX_SHOWN])
            else:
                found = self._rows[at]
                found.age_seconds = to_ms(self._ages[at] + elapsed)
                rows.append(found)
        stale = [each.symbol for each in rows if each.stale]
        return msgspec.json.encode(Batch(rows, len(rows), len(missing), len(asked), missing, stale))
