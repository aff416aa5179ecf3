"""Backpack: requests and replies of the REST interface. Pure.

# Facts
(venue profile of 2026-09-23 by a public project, official client dc5d8b1c, published OpenAPI)
- `markets` has spot and perpetuals together. Of a perpetual it tells `fundingInterval` in ms, null
  for spot: it was 8 h in 2025 and is 1 h in 2026. Bounds of the rate are in basis points: "100" is
  1 %. `orderBookState` is Open, Closed, CancelOnly, LimitOnly or PostOnly; a market that is not
  `visible` is hidden from traders.
- `markPrices` has all perpetuals and no time. Its answers come from a cache that may serve one for
  an hour after an error: the header `Age` has the seconds.
- `fundingRates` answers newest first, from `offset` on, `limit` rows at most (10,000). The first is
  that of the interval that still runs, or that ran when a cache asked. `intervalEndTimestamp` is
  ISO 8601 without a zone, in UTC.
- No limit of calls is published. Errors may be plain text.
"""

from datetime import UTC, datetime

import msgspec

from funding.errors import RestGarbled
from funding.exchanges.exchange import Conversation, Options, Reply, Request
from funding.exchanges.frame import Frame
from funding.exchanges.quotes import quote
from funding.exchanges.replies import decimal, epoch_ms, rate, read, whole_hours
from funding.model.contract import Contract, ContractStatus
from funding.model.quote import Quote, is_mixed_symbol
from funding.model.settlement import Settlement

NAME = "backpack"
PERPETUAL = "PERP"
PAGE_ROWS = 1_000
FINAL_MS = 60_000
"""An interval that ended this long ago is settled, whatever our clock is wrong by."""
STATUS = {
    "Open": ContractStatus.TRADING,
    "PostOnly": ContractStatus.TRADING,
    "LimitOnly": ContractStatus.TRADING,
    "CancelOnly": ContractStatus.SETTLING,
    "Closed": ContractStatus.CLOSED,
}
EQUITY = ".US"


class Market(msgspec.Struct, rename="camel", gc=False):
    """One market."""

    symbol: str
    market_type: str = ""
    base_symbol: str = ""
    quote_symbol: str = ""
    order_book_state: str = ""
    visible: bool = True
    funding_interval: int | None = None
    funding_rate_upper_bound: str | None = None
    funding_rate_lower_bound: str | None = None


class _MarkPrice(msgspec.Struct, rename="camel", gc=False):
    symbol: str
    mark_price: str
    index_price: str | None = None
    funding_rate: str | None = None
    next_funding_timestamp: int | None = None


class _Settled(msgspec.Struct, rename="camel", gc=False):
    symbol: str
    funding_rate: str
    interval_end_timestamp: str


_markets = msgspec.json.Decoder(list[Market])
_mark_prices = msgspec.json.Decoder(list[_MarkPrice])
_settled = msgspec.json.Decoder(list[_Settled])


def markets(options: Options) -> Conversation[list[Market]]:
    """All perpetuals."""
    reply = yield Request("markets", f"{options.rest_url}/api/v1/markets")
    found = read(_markets, reply, "markets")
    return [
        each for each in found if each.market_type == PERPETUAL and is_mixed_symbol(each.symbol)
    ]


class BackpackRest:
    """markets, markPrices and fundingRates."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def contracts(self, now: float) -> Conversation[list[Contract]]:
        """All perpetuals, hidden ones as PENDING."""
        found = yield from markets(self._options)
        if not found:
            raise RestGarbled("markets lists no perpetual")
        return [self._contract(market, now) for market in found]

    def history(self, symbol: str, since_ms: int, until_ms: int) -> Conversation[list[Settlement]]:
        """Page after page, backwards from now."""
        found: dict[int, Settlement] = {}
        offset, latest = 0, until_ms
        while True:
            parameters = {"symbol": symbol, "limit": str(PAGE_ROWS), "offset": str(offset)}
            url = f"{self._options.rest_url}/api/v1/fundingRates"
            reply = yield Request("fundingRates", url, parameters=parameters)
            rows = [_settlement(row, symbol) for row in read(_settled, reply, "fundingRates")]
            page = {row.funding_time: row for row in rows}
            news = page.keys() - found.keys()
            found |= page
            latest = min(latest, _asked_ms(reply) - FINAL_MS)
            if not news or min(page) <= since_ms:
                break
            offset += len(rows)
        return [found[time] for time in sorted(found) if since_ms <= time <= latest]

    def snapshot(self) -> Conversation[list[Quote]]:
        """All perpetuals, as old as the header says."""
        return (yield from self._mark_prices())

    def one(self, symbol: str) -> Conversation[Quote]:
        """One row."""
        found = yield from self._mark_prices(symbol=symbol)
        if not found:
            raise RestGarbled(f"markPrices: the reply about {symbol} has no price")
        return found[0]

    def _mark_prices(self, **parameters: str) -> Conversation[list[Quote]]:
        url = f"{self._options.rest_url}/api/v1/markPrices"
        reply = yield Request("markPrices", url, parameters=parameters)
        at, frame = _asked_ms(reply), Frame([])
        found = [
            quote(
                frame,
                row.symbol,
                mark=row.mark_price,
                index=row.index_price,
                funding=row.funding_rate,
                due_ms=epoch_ms(row.next_funding_timestamp) if row.next_funding_timestamp else None,
                event_time=at,
            )
            for row in read(_mark_prices, reply, "markPrices")
            if is_mixed_symbol(row.symbol)
        ]
        return [each for each in found if each is not None]

    def _contract(self, market: Market, now: float) -> Contract:
        base, multiplier = self._options.aliases.asset(
            NAME, market.base_symbol.removesuffix(EQUITY)
        )
        hours = whole_hours(market.funding_interval)
        status = STATUS.get(market.order_book_state, ContractStatus.UNKNOWN)
        return Contract(
            NAME,
            market.symbol,
            status if market.visible else ContractStatus.PENDING,
            market.market_type,
            base,
            market.quote_symbol,
            multiplier,
            None,
            hours,
            "exchange" if hours is not None else None,
            _bound(market.funding_rate_upper_bound),
            _bound(market.funding_rate_lower_bound),
            now,
        )


def _bound(basis_points: str | None) -> float | None:
    value = decimal(basis_points)
    return value / 10_000 if value is not None and abs(value) <= 10_000 else None


def _asked_ms(reply: Reply) -> int:
    """When the reply was true: a cache may have held it for some seconds."""
    text = reply.headers.get("Age", "")
    age_seconds = int(text[:9]) if text.isascii() and text.isdigit() else 0
    return reply.received_ms - 1_000 * age_seconds


def _settlement(row: _Settled, symbol: str) -> Settlement:
    if row.symbol != symbol:
        raise RestGarbled(f"fundingRates of {symbol}: the reply is of {row.symbol[:40]}")
    settled, end_ms = rate(row.funding_rate), _utc_ms(row.interval_end_timestamp)
    if settled is None or end_ms is None:
        text = f"{row.interval_end_timestamp[:40]!r} {row.funding_rate[:40]!r}"
        raise RestGarbled(f"fundingRates of {symbol}: {text}")
    return Settlement(symbol, end_ms, settled)


def _utc_ms(text: str) -> int | None:
    try:
        time = datetime.fromisoformat(text)
        return round(time.replace(tzinfo=time.tzinfo or UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
