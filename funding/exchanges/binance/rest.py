"""Binance USD-M futures: routes, weights and replies of the REST interface. No I/O.

# Facts
(official SDK 17.2.0, weights measured from X-MBX-USED-WEIGHT-1M on 2026-10-07)
- `premiumIndex` costs 1 for a symbol and 10 for all, as an object and an array; the budget is
  2,400 per UTC clock minute and address, shared with COIN-M.
- `fundingInfo` and `fundingRate` have no weight, and share 500 calls in 5 minutes.
- `fundingInfo` lists all symbols that settle; the interval of another is not known.
- A contract without funding has `nextFundingTime` 0; older forms have `lastFundingRate` "".
"""

import math
from collections.abc import Mapping
from typing import Annotated, NamedTuple

import msgspec

from funding.model.quote import Quote, is_symbol

WEIGHT_HEADER = "X-MBX-USED-WEIGHT-1M"
WEIGHT_LIMIT = 2_400
UNWEIGHTED_CALLS = 500
"""Calls of routes without weight that the exchange allows in `UNWEIGHTED_MINUTES`."""
UNWEIGHTED_MINUTES = 5

_KLINE_WEIGHTS = ((100, 1), (500, 2), (1_000, 5), (1_500, 10))


Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]
"""A time before the year 10000: JSON's numbers have no limit, a stored one has 64 bits."""


class Route(NamedTuple):
    """One GET route: its path, and its weight with and without a symbol."""

    path: str
    with_symbol: int
    for_all: int


ROUTES = {
    route.path.rpartition("/v1/")[2]: route
    for route in (
        Route("/fapi/v1/premiumIndex", 1, 10),
        Route("/fapi/v1/fundingInfo", 0, 0),
        Route("/fapi/v1/fundingRate", 0, 0),
        Route("/fapi/v1/openInterest", 1, 1),
        Route("/fapi/v1/exchangeInfo", 1, 1),
        Route("/fapi/v1/klines", 5, 5),
        Route("/fapi/v1/markPriceKlines", 5, 5),
        Route("/fapi/v1/ticker/24hr", 1, 40),
        Route("/fapi/v1/time", 1, 1),
    )
}


def weight(route: str, parameters: Mapping[str, str]) -> int:
    """What a call of `ROUTES[route]` with `parameters` costs."""
    if route in ("klines", "markPriceKlines") and "limit" in parameters:
        limit = int(parameters["limit"])
        return next((cost for most, cost in _KLINE_WEIGHTS if limit <= most), 10)
    return ROUTES[route].with_symbol if "symbol" in parameters else ROUTES[route].for_all


class _Premium(msgspec.Struct, rename="camel", gc=False):
    symbol: str
    mark_price: str
    index_price: str
    last_funding_rate: str
    next_funding_time: Milliseconds
    time: Milliseconds
    interest_rate: str = ""


class PremiumIndex(NamedTuple):
    """What REST says of one symbol, with the names of `quote.Quote`; `time` in ms."""

    symbol: str
    mark_price: float
    index_price: float
    funding_rate: float | None
    next_funding_time: int | None
    time: int
    interest_rate: float | None = None

    @property
    def quote(self) -> Quote:
        """The same without the interest rate, as a quote."""
        return Quote(*self[:6])


class FundingInfo(msgspec.Struct, rename="camel", gc=False):
    """The funding interval of a symbol, in hours, and the bounds of its rate, decimal strings."""

    symbol: str
    funding_interval_hours: Annotated[int, msgspec.Meta(ge=1, le=1_000)]
    adjusted_funding_rate_cap: str | None = None
    adjusted_funding_rate_floor: str | None = None


class OpenInterest(msgspec.Struct, rename="camel", gc=False):
    """Open contracts of a symbol, as a decimal string, at `time` ms."""

    symbol: str
    open_interest: str
    time: Milliseconds


class Contract(msgspec.Struct, rename="camel", gc=False):
    """One contract of `exchangeInfo`."""

    symbol: str
    contract_type: str
    status: str
    quote_asset: str
    base_asset: str
    delivery_date: Milliseconds = 0
    onboard_date: Milliseconds = 0


class ExchangeInfo(msgspec.Struct):
    """All contracts."""

    symbols: list[Contract]


class Ticker(msgspec.Struct, rename="camel", gc=False):
    """24 hours of a symbol; `quote_volume` is a decimal string in the quote currency."""

    symbol: str
    quote_volume: str


class Kline(msgspec.Struct, array_like=True, gc=False):
    """One candle; times in ms, the rest decimal strings. The rest of the array is not read."""

    open_time: Milliseconds
    open: str
    high: str
    low: str
    close: str
    volume: str
    close_time: Milliseconds
    quote_volume: str


class ServerTime(msgspec.Struct, rename="camel"):
    """The exchange's clock in ms."""

    server_time: Milliseconds


class ErrorBody(msgspec.Struct):
    """What the exchange says when it refuses."""

    code: int | None = None
    msg: str = ""


_premium = msgspec.json.Decoder(_Premium)
_premiums = msgspec.json.Decoder(list[_Premium])
_exchange_info = msgspec.json.Decoder(ExchangeInfo)
_error = msgspec.json.Decoder(ErrorBody)


def premium_indices(body: bytes) -> list[PremiumIndex]:
    """The reply of `premiumIndex`, for one symbol or for all.

    Raises `msgspec.DecodeError` or `ValueError` when any row is not of the documented form: unlike
    a frame of the stream it is judged whole, since a comparison with half a reply proves nothing.
    But a row whose symbol is not one is left out, as in the stream: neither side has it then.
    """
    rows = [_premium.decode(body)] if body.lstrip()[:1] == b"{" else _premiums.decode(body)
    return [
        PremiumIndex(
            row.symbol,
            _decimal(row.mark_price),
            _decimal(row.index_price),
            None if not row.next_funding_time else _rate(row.last_funding_rate),
            row.next_funding_time or None,
            row.time,
            _rate(row.interest_rate),
        )
        for row in rows
        if is_symbol(row.symbol)
    ]


def contracts(body: bytes) -> list[Contract]:
    """The reply of `exchangeInfo`, without rows whose symbol is not one."""
    return [row for row in _exchange_info.decode(body).symbols if is_symbol(row.symbol)]


def _rate(text: str) -> float | None:
    return _decimal(text) if text else None


def _decimal(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is not a price")
    return value


def error_body(body: bytes) -> ErrorBody:
    """The code and message in an error reply, cut to a line; empty ones where it has none."""
    try:
        found = _error.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ErrorBody(msg=body[:100].decode("utf-8", "replace"))
    return ErrorBody(found.code, found.msg[:300])
