"""Binance COIN-M futures, as an `Exchange`: its quotes come in the frames of USD-M.

# Facts
(captures of 2026-09 and 2026-10, whole fundingInfo reply of 2026-07)
- Since 2026-06-30 the rows of COIN-M arrive on the host of USD-M, with `"st":2`: some 30 of 745.
- `fundingInfo` of USD-M lists the perpetuals of COIN-M too (20 of 711), and those alone that live.
  Their names are `BTCUSD_PERP`, those of dated contracts `BTCUSD_261225`.
- Which contracts there are, the dated ones among them, is told by `dapi/v1/exchangeInfo`, weight 1:
  as that of USD-M, but for the status, which is called `contractStatus` (official documentation).
- Prices are told by a host of their own: `dapi/v1/premiumIndex`, weight 10 with a symbol or
  without, an array in both cases, of the form of USD-M's (official documentation, 2026-11).
- So are settled rates: `dapi/v1/fundingRate`, weight 1, with a symbol only, at most 1,000 rows, the
  oldest first, without a mark price (official documentation, 2026-01). Whether USD-M's answers them
  is not documented.
- The weight of both is counted together, by address.
"""

import msgspec

from funding.errors import RestGarbled
from funding.exchanges.binance import rest
from funding.exchanges.binance.contracts import contracts
from funding.exchanges.binance.exchange import BinanceStream, first, priced
from funding.exchanges.binance.history import History
from funding.exchanges.exchange import Conversation, Exchange, Options, Request, RestLimits
from funding.exchanges.replies import Milliseconds, read
from funding.model.contract import Contract
from funding.model.quote import Quote, is_symbol
from funding.model.settlement import Settlement

NAME = "binance-coinm"
INFO_ROUTE = "fundingInfo of COIN-M"
WEIGHTS = {"exchangeInfo": 1, "premiumIndex": 10, "fundingRate": 1}


class _Listed(msgspec.Struct, rename="camel", gc=False):
    symbol: str
    contract_type: str
    contract_status: str
    quote_asset: str
    base_asset: str
    delivery_date: Milliseconds = 0
    onboard_date: Milliseconds = 0


class _ExchangeInfo(msgspec.Struct):
    symbols: list[_Listed]


_infos = msgspec.json.Decoder(list[rest.FundingInfo])
_exchange_info = msgspec.json.Decoder(_ExchangeInfo)


class CoinMarginedRest:
    """fundingInfo of the host of USD-M; exchangeInfo, premiumIndex and fundingRate of its own."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._history = History(self._request)

    def contracts(self, now: float) -> Conversation[list[Contract]]:
        """What exchangeInfo lists, with the intervals of fundingInfo."""
        info = self._request("exchangeInfo")
        found: _ExchangeInfo = read(_exchange_info, (yield info), info.route)
        listed = [rest.Contract(*msgspec.structs.astuple(each)) for each in found.symbols]
        if not listed:
            raise RestGarbled(f"{info.route} lists no contract")
        url = self._options.unified_rest_url + rest.ROUTES["fundingInfo"].path
        infos = read(_infos, (yield Request(INFO_ROUTE, url, weight=0)), INFO_ROUTE)
        return contracts(NAME, listed, infos, {}, now, self._options.aliases)

    def history(self, symbol: str, since_ms: int, until_ms: int) -> Conversation[list[Settlement]]:
        """Page after page, oldest first."""
        return self._history.of(symbol, since_ms, until_ms)

    def snapshot(self) -> Conversation[list[Quote]]:
        """One call, weight 10."""
        return priced((yield self._request("premiumIndex")))

    def one(self, symbol: str) -> Conversation[Quote]:
        """One call, weight 10 as well."""
        return first((yield self._request("premiumIndex", symbol=symbol)))

    def _request(self, route: str, **parameters: str) -> Request:
        url = f"{self._options.rest_url}/dapi/v1/{route}"
        return Request(f"dapi/{route}", url, WEIGHTS[route], parameters)


COIN_MARGINED = Exchange(
    name=NAME,
    title="Binance COIN-M futures",
    min_symbols=10,
    control_symbol="BTCUSD_PERP",
    settle_seconds=5.0,
    stream=BinanceStream,
    rest=CoinMarginedRest,
    limits=RestLimits(rest.WEIGHT_LIMIT, 100, rest.WEIGHT_HEADER),
    is_symbol=is_symbol,
    small_messages=False,
    carried_by="binance",
)
