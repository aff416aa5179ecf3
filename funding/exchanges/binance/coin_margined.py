"""Binance COIN-M futures, as an `Exchange`: its quotes come in the frames of USD-M.

# Facts
(captures of 2026-09 and 2026-10, whole fundingInfo reply of 2026-07)
- Since 2026-06-30 the rows of COIN-M arrive on the host of USD-M, with `"st":2`: some 30 of 745.
- `fundingInfo` of USD-M lists the perpetuals of COIN-M too (20 of 711), and those alone that live.
  Their names are `BTCUSD_PERP`, those of dated contracts `BTCUSD_261225`.
- The weight of both is counted together, by address.
"""

import re

import msgspec

from funding.exchanges.binance import rest
from funding.exchanges.binance.contracts import number
from funding.exchanges.binance.exchange import BinanceRest, BinanceStream
from funding.exchanges.exchange import Conversation, Exchange, Options, RestLimits
from funding.exchanges.replies import read
from funding.model.contract import Contract, ContractStatus
from funding.model.quote import Quote, is_symbol

NAME = "binance-coinm"
_PERPETUAL = re.compile(r"(.+)USD_PERP")

_infos = msgspec.json.Decoder(list[rest.FundingInfo])


class CoinMarginedRest(BinanceRest):
    """fundingInfo and fundingRate, of the host of USD-M."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._options = options

    def contracts(self, now: float) -> Conversation[list[Contract]]:
        """The perpetuals that fundingInfo lists."""
        infos = read(_infos, (yield self._request("fundingInfo")), "fundingInfo")
        return [
            self._contract(info, name[1], now)
            for info in infos
            if (name := _PERPETUAL.fullmatch(info.symbol)) and is_symbol(info.symbol)
        ]

    def snapshot(self) -> Conversation[list[Quote]]:
        """None: the host of USD-M has no prices of COIN-M."""
        yield from ()
        return []

    def _contract(self, info: rest.FundingInfo, base: str, now: float) -> Contract:
        asset, multiplier = self._options.aliases.asset(NAME, base)
        return Contract(
            NAME,
            info.symbol,
            ContractStatus.TRADING,
            "PERPETUAL",
            asset,
            "USD",
            multiplier,
            None,
            info.funding_interval_hours,
            "exchange",
            number(info.adjusted_funding_rate_cap),
            number(info.adjusted_funding_rate_floor),
            now,
        )


COIN_MARGINED = Exchange(
    name=NAME,
    title="Binance COIN-M futures",
    min_symbols=10,
    stream=BinanceStream,
    rest=CoinMarginedRest,
    limits=RestLimits(rest.WEIGHT_LIMIT, 100, rest.WEIGHT_HEADER),
    is_symbol=is_symbol,
    small_messages=False,
    carried_by="binance",
)
