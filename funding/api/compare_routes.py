"""The route that holds one asset's rates on all exchanges against each other."""

from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from funding.api.parameters import FORMAT, MAX_SHOWN, BadQuery, Parameter
from funding.api.quotes import to_ms
from funding.api.responses import Response, csv_reply, refusal, reply
from funding.api.router import About, Route
from funding.api.served import Served, ServedExchange
from funding.api.tables import Table, as_csv, columns
from funding.model.asset import Aliases
from funding.model.feed import StoredQuote
from funding.model.quote import YEAR_HOURS, annualized, fold
from funding.runtime.clock import Clock
from funding.statistics import spreads
from funding.store import asset_reader
from funding.store.asset_reader import ListedContract, RateOf

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

MAX_ASSET = 40
HELD_DAYS = 400
"""How far back a spread is followed: as long as bars of hours are kept."""


def _asset(text: str) -> str:
    if not (0 < len(text) <= MAX_ASSET and text.isprintable()):
        raise ValueError
    return text


ASSET = Parameter(
    "asset",
    _asset,
    "the name of a base asset, such as BTC",
    schema={"type": "string", "pattern": f"^[!-~]{{1,{MAX_ASSET}}}$"},
)


class AssetRow(msgspec.Struct, rename="camel"):
    """One contract on the asset: prices are for one unit of it, rates are fractions."""

    exchange: str
    symbol: str
    quote_asset: str
    multiplier: float
    mark_price: float
    index_price: float | None
    basis_pct: float | None
    funding_rate: float | None
    funding_interval_hours: int | None
    rate_per_hour: float | None
    annualized_rate: float | None
    next_funding_time: int | None
    age_seconds: float | None
    status: str | None
    ranked: bool
    reason: str | None


class Contract(msgspec.Struct):
    """By its name."""

    exchange: str
    symbol: str


class WidestSpread(msgspec.Struct, rename="camel"):
    """Between which contracts, how wide, and since when."""

    high: Contract
    low: Contract
    rate_per_hour: float
    annualized_rate: float
    since: float | None
    held_seconds: int | None


class RefusedPair(msgspec.Struct):
    """Two contracts that bear one name and are two assets."""

    first: Contract
    second: Contract
    reason: str


class Compared(Table[AssetRow]):
    """One asset on all exchanges."""

    asset: str
    widest: WidestSpread | None
    refused: list[RefusedPair]


COMPARE = About("One asset on every exchange, and the widest spread.", Compared, ["asset"])


class _Found(NamedTuple):
    row: AssetRow
    leg: spreads.Leg


class CompareRoutes:
    """One asset on all `served` exchanges, by any of its names in `aliases`. For one thread."""

    def __init__(self, served: Served, clock: Clock, aliases: Aliases) -> None:
        self._served = served
        self._clock = clock
        self._aliases = aliases

    def routes(self) -> list[Route]:
        """It has a fixed path."""
        return [Route("/funding/compare", self.compare, (ASSET, FORMAT), COMPARE)]

    def _on_all(self, asset: str) -> list[_Found]:
        return [
            each
            for name in self._served.names
            for each in _on_exchange(self._served.of(name), asset)
        ]

    def _canonical(self, asset: str) -> str:
        """BTC for XBT, and PEPE for 1000PEPE or kPEPE."""
        names = (self._aliases.asset("", each).name for each in (asset, fold(asset)))
        return next((name for name in names if name != asset), asset)

    def compare(self, _environ: "WSGIEnvironment", asset: str = "", form: str = "json") -> Response:
        """GET /funding/compare?asset=BTC"""
        if not asset:
            raise BadQuery("no asset: ask /funding/compare?asset=BTC", parameter="asset")
        found = self._on_all(asset)
        if not found:
            asset = self._canonical(asset)
            found = self._on_all(asset)
        if not found:
            return refusal("unknown asset", HTTPStatus.NOT_FOUND, asset=asset[:MAX_SHOWN])
        rows = [each.row for each in found]
        if form == "csv":
            return csv_reply(as_csv(columns(AssetRow), map(msgspec.structs.astuple, rows)))
        ranked, refused = spreads.pairs(each.leg for each in found)
        answer = {
            "asset": asset.upper() if asset.isascii() else asset,
            "data": rows,
            "total": len(rows),
            "widest": self._spread(ranked[0], rows) if ranked else None,
            "refused": [
                {"first": _name(pair.first), "second": _name(pair.second), "reason": pair.reason}
                for pair in refused
            ],
        }
        return reply(answer)

    def _spread(self, spread: spreads.Spread, rows: list[AssetRow]) -> dict[str, object]:
        hours = {(row.exchange, row.symbol): row.funding_interval_hours for row in rows}
        high, low = (
            RateOf(leg.exchange, leg.symbol, hours[leg.exchange, leg.symbol] or 1)
            for leg in (spread.high, spread.low)
        )
        reader = self._served.of(spread.high.exchange).reader
        now = self._clock.wall()
        past = asset_reader.rate_differences(reader, high, low, now - HELD_DAYS * 86_400)
        since = spreads.held_since(past) if spread.rate_hourly > 0 else None
        return {
            "high": _name(spread.high),
            "low": _name(spread.low),
            "ratePerHour": spread.rate_hourly,
            "annualizedRate": spread.rate_hourly * YEAR_HOURS,
            "since": since,
            "heldSeconds": None if since is None else round(max(0.0, now - since)),
        }


def _on_exchange(served: ServedExchange, asset: str) -> list[_Found]:
    """The contracts on `asset` of one exchange that have a quote."""
    contracts = asset_reader.contracts_on(served.reader, asset)
    quotes = ((each, served.reader.one(each.symbol)) for each in contracts)
    return [_found(each, quote, served) for each, quote in quotes if quote is not None]


def leg_of(contract: ListedContract, quote: StoredQuote, served: ServedExchange) -> spreads.Leg:
    """A contract as one side of a spread."""
    hours, rate = quote.funding_interval_hours, quote.funding_rate
    hourly = rate / hours if rate is not None and hours else None
    stale = quote.age_seconds > served.limits.stale_after
    why = spreads.unranked(quote.status, stale, hourly, served.rate_cap_hourly)
    mark = quote.mark_price / contract.multiplier
    return spreads.Leg(quote.exchange, quote.symbol, mark, hourly, why)


def _found(contract: ListedContract, quote: StoredQuote, served: ServedExchange) -> _Found:
    leg = leg_of(contract, quote, served)
    index = quote.index_price / contract.multiplier or None
    row = AssetRow(
        exchange=quote.exchange,
        symbol=quote.symbol,
        quote_asset=contract.quote_asset,
        multiplier=contract.multiplier,
        mark_price=leg.mark_price,
        index_price=index,
        basis_pct=(leg.mark_price / index - 1) * 100 if index else None,
        funding_rate=quote.funding_rate,
        funding_interval_hours=quote.funding_interval_hours,
        rate_per_hour=leg.rate_hourly,
        annualized_rate=annualized(quote.funding_rate, quote.funding_interval_hours),
        next_funding_time=quote.next_funding_time,
        age_seconds=to_ms(quote.age_seconds),
        status=quote.status,
        ranked=not leg.unranked,
        reason=leg.unranked or None,
    )
    return _Found(row, leg)


def _name(leg: spreads.Leg) -> dict[str, str]:
    return {"exchange": leg.exchange, "symbol": leg.symbol}
