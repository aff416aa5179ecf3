"""Binance USD-M futures, as an `Exchange`.

# Facts
(see also stream.py, rest.py and contracts.py)
- `fundingRate` answers at most 1,000 rows, oldest first, `startTime` and `endTime` included. Rows
  before 2023 may have the mark price "". Two rows of one time differ in `rateType`.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from funding.errors import RestGarbled
from funding.exchanges.binance import rest, stream
from funding.exchanges.binance.contracts import contracts
from funding.exchanges.exchange import (
    Conversation,
    Exchange,
    Opening,
    Options,
    Plan,
    Reply,
    Request,
    RestLimits,
)
from funding.exchanges.frame import Frame
from funding.exchanges.replies import Milliseconds, decimal, price, read
from funding.model.contract import Contract
from funding.model.quote import Quote, is_symbol
from funding.model.settlement import REGULAR, Settlement

PAGE_ROWS = 1_000


class _Settled(msgspec.Struct, rename="camel", gc=False):
    symbol: str
    funding_time: Milliseconds
    funding_rate: str
    mark_price: str = ""
    rate_type: str = REGULAR


_settled = msgspec.json.Decoder(list[_Settled])
_infos = msgspec.json.Decoder(list[rest.FundingInfo])


class BinanceStream:
    """One connection; its address names the stream."""

    def __init__(self, options: Options) -> None:
        self._url = options.ws_url

    def plan(self, _now: float) -> Conversation[Plan]:
        """One connection without topics."""
        yield from ()
        return Plan([()])

    def refused(self, _now: float) -> bool:
        """There is no other stream."""
        return False

    def open(self, _topics: Sequence[str]) -> Conversation[Opening]:
        """Nothing is sent."""
        yield from ()
        return Opening(self._url)

    def decode(self, payload: bytes, _received_ms: int) -> Frame:
        """See `stream.decode`."""
        return stream.decode(payload)


class BinanceRest:
    """exchangeInfo, fundingInfo, premiumIndex and fundingRate."""

    def __init__(self, options: Options) -> None:
        self._base = options.rest_url
        self._aliases = options.aliases

    def contracts(self, now: float) -> Conversation[list[Contract]]:
        """What exchangeInfo lists, and as UNKNOWN what premiumIndex alone has."""
        listed = _of_form(rest.contracts, (yield self._request("exchangeInfo")))
        if not listed:
            raise RestGarbled("exchangeInfo lists no contract")
        infos = read(_infos, (yield self._request("fundingInfo")), "fundingInfo")
        prices = _of_form(rest.premium_indices, (yield self._request("premiumIndex")))
        quoted = [row.symbol for row in prices]
        return contracts(stream.NAME, listed, infos, quoted, now, self._aliases)

    def history(self, symbol: str, since_ms: int, until_ms: int) -> Conversation[list[Settlement]]:
        """Page after page, oldest first."""
        found: dict[tuple[int, str], Settlement] = {}
        while since_ms <= until_ms:
            reply = yield self._request(
                "fundingRate",
                symbol=symbol,
                startTime=str(since_ms),
                endTime=str(until_ms),
                limit=str(PAGE_ROWS),
            )
            rows = [_settlement(row, symbol) for row in read(_settled, reply, "fundingRate")]
            found.update({(row.funding_time, row.rate_type): row for row in rows})
            last = max((row.funding_time for row in rows), default=until_ms)
            if len(rows) < PAGE_ROWS or last < since_ms:
                break
            since_ms = last + 1 if last > since_ms else until_ms + 1
        return sorted(found.values(), key=lambda row: row.funding_time)

    def snapshot(self) -> Conversation[list[Quote]]:
        """One call, weight 10."""
        rows = _of_form(rest.premium_indices, (yield self._request("premiumIndex")))
        return [
            Quote(
                r.symbol, r.mark_price, r.index_price, r.funding_rate, r.next_funding_time, r.time
            )
            for r in rows
            if r.mark_price > 0
        ]

    def _request(self, route: str, **parameters: str) -> Request:
        url = self._base + rest.ROUTES[route].path
        return Request(route, url, rest.weight(route, parameters), parameters)


def _of_form(decode: Any, reply: Reply) -> Any:
    try:
        return decode(reply.body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise RestGarbled(str(error)[:200]) from error


def _settlement(row: _Settled, symbol: str) -> Settlement:
    if row.symbol != symbol:
        raise RestGarbled(f"fundingRate of {symbol}: the reply is of {row.symbol[:40]}")
    settled = decimal(row.funding_rate)
    if settled is None or not -1 < settled < 1:
        raise RestGarbled(f"fundingRate of {symbol}: rate {row.funding_rate[:40]!r}")
    return Settlement(symbol, row.funding_time, settled, price(row.mark_price), row.rate_type[:40])


BINANCE = Exchange(
    name=stream.NAME,
    title="Binance USD-M futures",
    min_symbols=500,
    stream=BinanceStream,
    rest=BinanceRest,
    limits=RestLimits(
        rest.WEIGHT_LIMIT, 1_200, rest.WEIGHT_HEADER, unweighted=rest.UNWEIGHTED_CALLS
    ),
    is_symbol=is_symbol,
    small_messages=False,
)
