"""KuCoin futures: requests and replies of the REST interface. Pure.

# Facts
(replies of 2026-04 to 2026-09, official SDK 78c90c77, venue profile of 2026-09-22)
- `contracts/active` costs 3 of 2,000 in 30 s and address, and has all contracts (684) in 1.4 MB.
  `nextFundingRateTime` is a countdown in ms; `nextFundingRateDateTime` is the time, and was not
  there in 2023. `currentFundingRateGranularity` goes before `fundingRateGranularity`, and is null
  for some. The predicted rate is null for all.
- `ua/v2/market/funding-rate`, on another host, has all in one call, and announces changes:
  `newGranularity` from `newGranularityStartTime` on. Names with a dot are indices.
- `contract/funding-rates` answers about 100 rows, newest first: which ones of more is not
  documented, so both sides of what came are asked for again.
- `contracts/{symbol}` (weight 3) has the row of one contract alone (official skills hub, 2026).
- Errors have status 200 and a code that is not "200000". Too many calls are a 429 without
  Retry-After.
- Numbers are JSON numbers, and strings in the unified interface.
"""

import re
from collections.abc import Iterator
from typing import TypeVar
from urllib.parse import quote as quoted

import msgspec

from funding.errors import RestBanned, RestError, RestGarbled, RestOverBudget, RestRefused
from funding.exchanges.exchange import Conversation, Options, Reply, Request
from funding.exchanges.frame import Frame
from funding.exchanges.quotes import quote
from funding.exchanges.replies import Milliseconds, rate, read, whole_hours
from funding.model.contract import Contract, ContractStatus
from funding.model.quote import Quote, is_symbol
from funding.model.settlement import Settlement

NAME = "kucoin"
GOOD = "200000"
PERPETUAL = "FFWCSX"
MANY_ROWS = 100
"""A reply with so many rows may not be all of them; the least number that was seen to be cut."""
STATUS = {
    "Open": ContractStatus.TRADING,
    "Init": ContractStatus.PENDING,
    "BeingSettled": ContractStatus.SETTLING,
    "CancelOnly": ContractStatus.SETTLING,
    "Paused": ContractStatus.SETTLING,
    "Settled": ContractStatus.CLOSED,
    "Closed": ContractStatus.CLOSED,
}

T = TypeVar("T")
_CODE = re.compile("[0-9]{1,9}")


class Listed(msgspec.Struct, rename="camel", gc=False):
    """One contract."""

    symbol: str
    base_currency: str = ""
    quote_currency: str = ""
    type: str = ""
    status: str = ""
    expire_date: int | None = None
    mark_price: float | None = None
    index_price: float | None = None
    funding_fee_rate: float | None = None
    funding_rate_granularity: int | None = None
    current_funding_rate_granularity: int | None = None
    funding_rate_cap: float | None = None
    funding_rate_floor: float | None = None
    next_funding_rate_date_time: int | None = None

    @property
    def is_perpetual(self) -> bool:
        """Whether funding is paid for it."""
        return self.type == PERPETUAL and is_symbol(self.symbol)


class _Announced(msgspec.Struct, rename="camel", gc=False):
    symbol: str = ""
    current_granularity: int | None = None
    new_granularity: int | None = None
    new_granularity_start_time: Milliseconds | None = None

    def in_force(self, now: float) -> int | None:
        """The interval at `now`, hours."""
        start = self.new_granularity_start_time
        begun = start is not None and start <= now * 1000
        return whole_hours((self.new_granularity if begun else None) or self.current_granularity)

    def change(self, now: float) -> tuple[int, int] | None:
        """Another interval that is announced, hours, and when it begins, ms."""
        hours, start = whole_hours(self.new_granularity), self.new_granularity_start_time
        if hours is None or start is None or start <= now * 1000:
            return None
        return (hours, start) if hours != whole_hours(self.current_granularity) else None


_NOTHING = _Announced()


class _Settled(msgspec.Struct, gc=False):
    symbol: str
    fundingRate: float | str  # noqa: N815 (the exchange's word)
    timepoint: Milliseconds


class _Envelope(msgspec.Struct):
    code: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    msg: str = ""


_envelope = msgspec.json.Decoder(_Envelope)
_listed = msgspec.json.Decoder(list[Listed])
_one = msgspec.json.Decoder(Listed)
_announced = msgspec.json.Decoder(list[_Announced])
_settled = msgspec.json.Decoder(list[_Settled] | None)


def data_of(decoder: "msgspec.json.Decoder[T]", reply: Reply, route: str) -> T:
    """What is in the envelope of `reply`; `RestRefused` where the exchange refuses in it."""
    envelope = read(_envelope, reply, route)
    if envelope.code != GOOD:
        code = int(envelope.code) if _CODE.fullmatch(envelope.code) else None
        raise RestRefused(200, code, envelope.msg[:300])
    return read(decoder, reply._replace(body=bytes(envelope.data)), route)


def listed(options: Options) -> Conversation[tuple[list[Listed], int]]:
    """All perpetuals, and when the answer came (ms)."""
    url = f"{options.rest_url}/api/v1/contracts/active"
    reply = yield Request("contracts/active", url, weight=3)
    found = data_of(_listed, reply, "contracts/active")
    return [each for each in found if each.is_perpetual], reply.received_ms


class KucoinRest:
    """contracts/active, contract/funding-rates, and the unified funding-rate."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def contracts(self, now: float) -> Conversation[list[Contract]]:
        """All perpetuals, with the interval that is in force now."""
        found, _at = yield from listed(self._options)
        if not found:
            raise RestGarbled("contracts/active lists no perpetual")
        try:
            told = yield from self._announced()
        except (RestBanned, RestOverBudget):
            raise
        except RestError:
            told = {}  # what contracts/active tells must do
        return [self._contract(each, told.get(each.symbol, _NOTHING), now) for each in found]

    def history(self, symbol: str, since_ms: int, until_ms: int) -> Conversation[list[Settlement]]:
        """What one call does not answer is asked for again, on both sides of what it did."""
        found: dict[int, Settlement] = {}
        spans = [(since_ms, until_ms)]
        while spans:
            first, last = spans.pop()
            rows = yield from self._page(symbol, first, last)
            times = [row.funding_time for row in rows if first <= row.funding_time <= last]
            news = set(times) - found.keys()
            found |= {row.funding_time: row for row in rows if row.funding_time in news}
            if len(rows) >= MANY_ROWS and news:
                spans += [(first, min(times) - 1), (max(times) + 1, last)]
                spans = [(low, high) for low, high in spans if low <= high]
        return [found[time] for time in sorted(found)]

    def snapshot(self) -> Conversation[list[Quote]]:
        """All perpetuals; the time of receipt is the event time."""
        found, at = yield from listed(self._options)
        return list(_quotes(found, at))

    def one(self, symbol: str) -> Conversation[Quote]:
        """The row of one contract."""
        route = "contracts"
        url = f"{self._options.rest_url}/api/v1/{route}/{quoted(symbol, safe='')}"
        reply = yield Request(route, url, weight=3)
        found = list(_quotes([data_of(_one, reply, route)], reply.received_ms))
        if not found:
            raise RestGarbled(f"{route}: the reply about {symbol} has no price")
        return found[0]

    def _page(self, symbol: str, first: int, last: int) -> Conversation[list[Settlement]]:
        route = "contract/funding-rates"
        parameters = {"symbol": symbol, "from": str(first), "to": str(last)}
        url = f"{self._options.rest_url}/api/v1/{route}"
        reply = yield Request(route, url, weight=5, parameters=parameters)
        return [_settlement(row, symbol) for row in data_of(_settled, reply, route) or ()]

    def _announced(self) -> Conversation[dict[str, _Announced]]:
        route = "ua/v2/market/funding-rate"
        reply = yield Request(route, f"{self._options.unified_rest_url}/api/{route}", weight=3)
        return {row.symbol: row for row in data_of(_announced, reply, route)}

    def _contract(self, row: Listed, told: _Announced, now: float) -> Contract:
        base, multiplier = self._options.aliases.asset(NAME, row.base_currency)
        interval = told.in_force(now) or whole_hours(
            row.current_funding_rate_granularity or row.funding_rate_granularity
        )
        change = told.change(now)
        return Contract(
            NAME,
            row.symbol,
            STATUS.get(row.status, ContractStatus.UNKNOWN),
            row.type,
            base,
            row.quote_currency,
            multiplier,
            row.expire_date or None,
            interval,
            "exchange" if interval is not None else None,
            rate(row.funding_rate_cap),
            rate(row.funding_rate_floor),
            now,
            next_interval_hours=change and change[0],
            next_interval_time=change and change[1],
        )


def _quotes(rows: list[Listed], at: int) -> Iterator[Quote]:
    frame = Frame([])
    for row in rows:
        found = quote(
            frame,
            row.symbol,
            mark=row.mark_price,
            index=row.index_price,
            funding=row.funding_fee_rate,
            due_ms=row.next_funding_rate_date_time or None,
            event_time=at,
        )
        if found is not None:
            yield found


def _settlement(row: _Settled, symbol: str) -> Settlement:
    if row.symbol != symbol:
        raise RestGarbled(f"funding-rates of {symbol}: the reply is of {row.symbol[:40]}")
    settled = rate(row.fundingRate)
    if settled is None:
        raise RestGarbled(f"funding-rates of {symbol}: rate {str(row.fundingRate)[:40]!r}")
    return Settlement(symbol, row.timepoint, settled)
