"""Binance USD-M futures, as an `Exchange`.

# Facts
(see stream.py, rest.py, contracts.py and history.py)
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from funding.errors import RestGarbled
from funding.exchanges.binance import rest, stream
from funding.exchanges.binance.contracts import contracts
from funding.exchanges.binance.history import History, mark_bars
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
from funding.exchanges.quotes import quote
from funding.exchanges.replies import read
from funding.model.bar import Bar
from funding.model.contract import Contract
from funding.model.quote import Quote, is_symbol
from funding.model.settlement import Settlement

_infos = msgspec.json.Decoder(list[rest.FundingInfo])
_time = msgspec.json.Decoder(rest.ServerTime)


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
        self._history = History(self._request)

    def contracts(self, now: float) -> Conversation[list[Contract]]:
        """What exchangeInfo lists, and as UNKNOWN what premiumIndex alone has."""
        listed = _of_form(rest.contracts, (yield self._request("exchangeInfo")), "exchangeInfo")
        if not listed:
            raise RestGarbled("exchangeInfo lists no contract")
        infos = read(_infos, (yield self._request("fundingInfo")), "fundingInfo")
        prices = _of_form(
            rest.premium_indices, (yield self._request("premiumIndex")), "premiumIndex"
        )
        quoted = {row.symbol: row.interest_rate for row in prices}
        return contracts(stream.NAME, listed, infos, quoted, now, self._aliases)

    def history(self, symbol: str, since_ms: int, until_ms: int) -> Conversation[list[Settlement]]:
        """Page after page, oldest first."""
        return self._history.of(symbol, since_ms, until_ms)

    def history_of_all(self, since_ms: int, until_ms: int) -> Conversation[list[Settlement]]:
        """Those of all contracts, at one page for 1,000 rows."""
        return self._history.of_all(since_ms, until_ms)

    def mark_bars(self, symbol: str, since: int, until: int) -> Conversation[list[Bar]]:
        """The minutes of the mark price."""
        return mark_bars(self._request, stream.NAME, symbol, since, until)

    def snapshot(self) -> Conversation[list[Quote]]:
        """One call, weight 10."""
        return priced((yield self._request("premiumIndex")))

    def one(self, symbol: str) -> Conversation[Quote]:
        """One call, weight 1."""
        return first((yield self._request("premiumIndex", symbol=symbol)))

    def server_time(self) -> Conversation[int]:
        """The exchange's clock in ms; weight 1."""
        found: rest.ServerTime = read(_time, (yield self._request("time")), "time")
        return found.server_time

    def _request(self, route: str, **parameters: str) -> Request:
        url = self._base + rest.ROUTES[route].path
        return Request(route, url, rest.weight(route, parameters), parameters)


def priced(reply: Reply) -> list[Quote]:
    """The quotes in a reply of premiumIndex that can be believed."""
    frame = Frame([])
    found = [
        quote(
            frame,
            row.symbol,
            mark=row.mark_price,
            index=row.index_price,
            funding=row.funding_rate,
            due_ms=row.next_funding_time,
            event_time=row.time,
        )
        for row in _of_form(rest.premium_indices, reply, "premiumIndex")
        if is_symbol(row.symbol)
    ]
    return [each for each in found if each is not None]


def first(reply: Reply) -> Quote:
    """The quote in a reply of premiumIndex about one symbol."""
    rows = priced(reply)
    if not rows:
        raise RestGarbled("premiumIndex: the reply has no price")
    return rows[0]


def _of_form(decode: Any, reply: Reply, route: str) -> Any:
    try:
        return decode(reply.body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise RestGarbled(f"{route}: {str(error)[:200]}") from error


BINANCE = Exchange(
    name=stream.NAME,
    title="Binance USD-M futures",
    min_symbols=500,
    control_symbol="BTCUSDT",
    settle_seconds=5.0,  # by then a symbol of either class has come
    stream=BinanceStream,
    rest=BinanceRest,
    limits=RestLimits(
        rest.WEIGHT_LIMIT, 1_200, rest.WEIGHT_HEADER, unweighted=rest.UNWEIGHTED_CALLS
    ),
    is_symbol=is_symbol,
    small_messages=False,
)
