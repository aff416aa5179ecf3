"""The bodies of REST answers: pure functions of parameters, contracts and the instant asked about.

# Facts

- Bodies and key orders are those of the captures of 2026-10-07; with `symbol` premiumIndex is an
  object, without it a list of all. COIN-M contracts are not in premiumIndex; their perpetuals are
  in fundingInfo. `ticker/24hr` without a symbol lists only TRADING contracts.
- fundingInfo may lack a symbol, which then has the default of 8 hours; updateTime may be null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.sim import market, parameters
from harness.sim.contracts import SETTLED, ClassName, unit
from harness.sim.faults import FaultState
from harness.sim.parameters import ApiError, Query
from harness.sim.world import Motion


@dataclass(frozen=True, slots=True)
class View:
    """What a reply may look at: the contracts known to REST, the time now, epoch ms, the newest
    event time of each class, and the faults."""

    motions: dict[str, Motion]
    now_ms: int
    event_times: Mapping[ClassName, int]
    faults: FaultState
    spikes: market.Spikes

    def usd_margined(self) -> list[Motion]:
        """Every contract but COIN-M."""
        return [one for one in self.motions.values() if one.contract.symbol_type == 1]

    def coin_margined(self) -> list[Motion]:
        """Every contract of COIN-M."""
        return [one for one in self.motions.values() if one.contract.symbol_type == 2]


def premium_index(query: Query, view: View) -> object:
    """Mark price, index price and funding, of one contract or of all."""
    if "symbol" in query:
        return _premium(_contract(query, view), view)
    return [_premium(one, view) for one in view.usd_margined()]


def coin_margined_premium_index(query: Query, view: View) -> object:
    """The same of COIN-M, on its own host: a list in both cases."""
    if "symbol" in query:
        return [_premium(_contract(query, view, coin_margined=True), view)]
    return [_premium(one, view) for one in view.coin_margined()]


def coin_margined_funding_rate(query: Query, view: View) -> object:
    """Settled rates of one contract of COIN-M, on its own host, where rows have no more."""
    motion = _contract(query, view, coin_margined=True)
    names = ("symbol", "fundingTime", "fundingRate")
    return [{name: row[name] for name in names} for row in _settled(query, view, [motion])]


def _premium(motion: Motion, view: View) -> dict[str, object]:
    contract = motion.contract
    at = view.event_times[contract.class_name]
    figures = motion.figures(at)
    mark = figures.mark_price * (1 + view.faults.table("drift").get(contract.symbol, 0.0))
    shown = view.faults.shown_rate(contract.symbol) if motion.period_ms else None
    rate = figures.funding_rate if shown is None else shown
    rate += view.faults.table("rate_drift").get(contract.symbol, 0.0)
    return {
        "symbol": contract.symbol, "markPrice": f"{mark:.8f}",
        "indexPrice": f"{figures.index_price:.8f}",
        "estimatedSettlePrice": f"{figures.settle_price:.8f}",
        "lastFundingRate": f"{rate:.8f}",
        "interestRate": contract.interest if motion.period_ms else SETTLED,
        "nextFundingTime": figures.next_funding_time, "time": at,
    }  # fmt: skip


def funding_info(_query: Query, view: View) -> object:
    """Intervals and caps; a contract that is missing has the defaults."""
    rows = []
    for symbol, motion in view.motions.items():
        contract = motion.contract
        stated = view.faults.table("intervals").get(symbol)
        hours = contract.interval_hours if stated is None else int(stated)
        known = stated is not None or symbol == "BTCUSDT"
        unlisted = not known and hours == 8 and unit(0, symbol, "fundingInfo") < 0.3
        if not hours or unlisted:
            continue
        cap = "0.00300" if hours == 8 else "0.02000000"
        adjusted = None if hours == 8 else 1_760_955_417_544 + int(1e9 * unit(0, symbol, "update"))
        row = {
            "symbol": symbol, "adjustedFundingRateCap": cap,
            "adjustedFundingRateFloor": f"-{cap}", "fundingIntervalHours": hours,
            "disclaimer": hours == 8, "updateTime": adjusted,
        }  # fmt: skip
        rows.append(row)
    return rows


def funding_rate(query: Query, view: View) -> object:
    """Settled rates, oldest first; without start and end the newest ones."""
    return _settled(
        query, view, [_contract(query, view)] if "symbol" in query else view.usd_margined()
    )


def _settled(query: Query, view: View, motions: list[Motion]) -> list[dict[str, object]]:
    start, end = parameters.integer(query, "startTime"), parameters.integer(query, "endTime")
    default = 200 if start is None and end is None else 100
    largest = int(view.faults.seconds("history_limit", 1000))
    limit = parameters.limit(query, default=min(default, largest), largest=largest)
    motions = [one for one in motions if one.period_ms]
    published = view.now_ms - int(1000 * view.faults.seconds("settle_late_seconds"))
    last = published if end is None else min(end, published)
    # Long enough to hold `limit` rows, since each contract settles once in the longest period.
    longest = max((one.period_ms for one in motions), default=0)
    window = longest * (limit // max(1, len(motions)) + 2)
    first = last - window if start is None else start
    last = last if start is None else min(last, start + window)
    missed = view.faults.table("settle_missed")
    rows = [
        row
        for one in motions
        for row in market.settlements(one, first, last)
        if not _is_missed(missed, row)
    ]
    rows.sort(key=lambda row: int(str(row["fundingTime"])))
    return rows[-limit:] if start is None else rows[:limit]


def _is_missed(missed: Mapping[str, float], row: dict[str, object]) -> bool:
    at = missed.get(str(row["symbol"]))
    return at is not None and abs(int(str(row["fundingTime"])) - at) < 60_000


def open_interest(query: Query, view: View) -> object:
    """Open contracts of one symbol, which is mandatory."""
    motion = _contract(query, view)
    symbol = motion.contract.symbol
    value = view.faults.table("open_interest").get(symbol)
    if value is None:
        value = market.open_interest(motion, view.now_ms)
    return {"symbol": symbol, "openInterest": f"{value:.3f}", "time": view.now_ms}


def klines(query: Query, view: View) -> object:
    """Candles, oldest first; COIN-M symbols are accepted too."""
    motion = _contract(query, view, coin_margined=True)
    if "interval" not in query:
        raise parameters.mandatory("interval")
    interval = query["interval"]
    if interval not in market.INTERVALS_MS:
        raise ApiError(-1120, "Invalid interval.")
    limit = parameters.limit(query, default=500, largest=1500)
    start, end = parameters.integer(query, "startTime"), parameters.integer(query, "endTime")
    length, now = market.INTERVALS_MS[interval], view.now_ms
    newest = market.candle_start(interval, now if end is None else min(end, now))
    if start is None:
        first = newest - (limit - 1) * length
    else:
        # A candle is listed when it opens within the span.
        first = -(-(start - market.candle_start(interval, 0)) // length) * length
        first += market.candle_start(interval, 0)
    openings = range(first, newest + 1, length)[:limit]
    return [market.kline(motion, interval, opening, now, view.spikes) for opening in openings]


def ticker(query: Query, view: View) -> object:
    """24 hour statistics, of one contract or of all that trade."""
    if "symbol" in query:
        return market.ticker(_contract(query, view), view.now_ms, view.spikes)
    trading = (one for one in view.usd_margined() if one.contract.status == "TRADING")
    return [market.ticker(one, view.now_ms, view.spikes) for one in trading]


def server_time(_query: Query, view: View) -> object:
    """The exchange's clock."""
    return {"serverTime": view.now_ms}


def ping(_query: Query, _view: View) -> object:
    """Nothing."""
    return {}


def candle_weight(query: Query) -> int:
    """1, 2, 5 or 10 by limit; 5 without one (measured 2026-10-07)."""
    limit = query.get("limit", "500.")
    if not limit.isascii() or not limit.isdigit():
        return 5
    costs = ((100, 1), (500, 2), (1000, 5))
    return next((cost for top, cost in costs if int(limit[:9]) <= top), 10)


def _contract(query: Query, view: View, *, coin_margined: bool = False) -> Motion:
    if "symbol" not in query:
        raise parameters.mandatory("symbol")
    if not query["symbol"]:
        raise ApiError(-1105, "Parameter 'symbol' was empty.")
    motion = view.motions.get(query["symbol"])
    if motion is None or (motion.contract.symbol_type != 1 and not coin_margined):
        raise ApiError(-1121, "Invalid symbol.")
    return motion


Reply = Callable[[Query, View], object]
