"""The route of all assets' spreads across exchanges, those that have held longest first."""

from collections import defaultdict
from collections.abc import Iterator
from math import inf
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from funding.api.compare_routes import leg_of
from funding.api.history_routes import LIMIT, MAX_ROWS
from funding.api.parameters import FORMAT
from funding.api.responses import Response, table
from funding.api.router import About, Route
from funding.api.served import Served
from funding.api.tables import CutTable
from funding.model.bar import HOUR
from funding.model.quote import YEAR_HOURS
from funding.runtime.clock import Clock
from funding.statistics import spreads
from funding.statistics.spreads import ContractKey, Leg, Run, Spread
from funding.store import asset_reader

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

HELD_HOURS = 30 * 24
"""How far back a spread is followed. To read one hour of four exchanges takes some 2 ms."""


class SpreadRow(msgspec.Struct, rename="camel"):
    """The widest spread on one asset: rates are fractions, prices for one unit of the asset."""

    asset: str
    high_exchange: str
    high_symbol: str
    high_quote_asset: str
    high_mark_price: float
    high_rate_per_hour: float
    low_exchange: str
    low_symbol: str
    low_quote_asset: str
    low_mark_price: float
    low_rate_per_hour: float
    rate_per_hour: float
    annualized_rate: float
    since: float | None


SPREADS = About(
    "Of each asset the widest spread across exchanges, those first that have held longest.",
    CutTable[SpreadRow],
)


class _Past(NamedTuple):
    """Who has paid more than whom up to `hour`, Unix seconds."""

    hour: int
    runs: dict[tuple[ContractKey, ContractKey], Run]


class _Market(NamedTuple):
    """Each asset's contracts, and by contract its quote currency and present interval."""

    legs: dict[str, list[Leg]]
    quote_assets: dict[ContractKey, str]
    hours: dict[ContractKey, int]


class SpreadRoutes:
    """The spreads between the `served` exchanges. For one thread."""

    def __init__(self, served: Served, clock: Clock) -> None:
        self._served = served
        self._clock = clock
        self._past = _Past(0, {})

    def routes(self) -> list[Route]:
        """It has a fixed path."""
        return [Route("/funding/spreads", self.spreads, (LIMIT, FORMAT), SPREADS, takes_long=True)]

    def spreads(
        self, environ: "WSGIEnvironment", limit: int = MAX_ROWS, form: str = "json"
    ) -> Response:
        """GET /funding/spreads"""
        market = self._market()
        found = [
            (asset, ranked[0])
            for asset, legs in market.legs.items()
            if (ranked := spreads.pairs(legs)[0]) and ranked[0].rate_hourly > 0
        ]
        hour = int(self._clock.wall()) // HOUR * HOUR
        if self._past.hour != hour:
            self._past = _Past(hour, self._runs(hour, market))
        rows = [self._row(asset, spread, market.quote_assets) for asset, spread in found]
        rows.sort(key=lambda row: (row.since or inf, -row.rate_per_hour))
        more = len(rows) > limit
        return table(environ, form, SpreadRow, rows[:limit], truncated=more)

    def _market(self) -> _Market:
        market = _Market(defaultdict(list), {}, {})
        for name in self._served.names:
            served = self._served.of(name)
            quotes = {quote.symbol: quote for quote in served.reader.all()}
            for asset, contract in asset_reader.listed(served.reader):
                quote = quotes.get(contract.symbol)
                if quote is not None:
                    key = name, quote.symbol
                    market.legs[asset].append(leg_of(contract, quote, served))
                    market.quote_assets[key] = contract.quote_asset
                    market.hours[key] = quote.funding_interval_hours or 1
        return market

    def _runs(self, hour: int, market: _Market) -> dict[tuple[ContractKey, ContractKey], Run]:
        wanted = [
            (_key(first), _key(second))
            for legs in market.legs.values()
            for first in legs
            for second in legs
            if first.exchange < second.exchange
        ]
        return spreads.runs(self._slices(hour, market.hours), wanted)

    def _slices(
        self, hour: int, hours: dict[ContractKey, int]
    ) -> Iterator[tuple[float, dict[ContractKey, float]]]:
        """The rates at the end of each whole hour before `hour`, the newest first."""
        for start in range(hour - HOUR, hour - HELD_HOURS * HOUR, -HOUR):
            rates = {}
            for name in self._served.names:
                for symbol, rate in asset_reader.hourly_rates(self._served.of(name).reader, start):
                    rates[name, symbol] = rate / hours.get((name, symbol), 1)
            yield start + HOUR, rates  # they stood at its end: what was before is not known

    def _row(self, asset: str, spread: Spread, quote_assets: dict[ContractKey, str]) -> SpreadRow:
        high, low = spread.high, spread.low
        return SpreadRow(
            asset=asset,
            high_exchange=high.exchange,
            high_symbol=high.symbol,
            high_quote_asset=quote_assets[_key(high)],
            high_mark_price=high.mark_price,
            high_rate_per_hour=high.rate_hourly or 0.0,
            low_exchange=low.exchange,
            low_symbol=low.symbol,
            low_quote_asset=quote_assets[_key(low)],
            low_mark_price=low.mark_price,
            low_rate_per_hour=low.rate_hourly or 0.0,
            rate_per_hour=spread.rate_hourly,
            annualized_rate=spread.rate_hourly * YEAR_HOURS,
            since=self._since(_key(high), _key(low)),
        )

    def _since(self, high: ContractKey, low: ContractKey) -> float | None:
        """Since when `high` has paid more: the end of an hour, the last whole one at the latest.
        None where no past is known."""
        sign = 1 if high < low else -1
        run = self._past.runs.get((high, low) if sign > 0 else (low, high))
        if run is None:
            return None
        return run.since if run.sign == sign else float(self._past.hour)


def _key(leg: Leg) -> ContractKey:
    return leg.exchange, leg.symbol
