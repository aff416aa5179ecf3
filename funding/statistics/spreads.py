"""One asset on several exchanges: which rates may be compared, and the widest spread.

# Facts

- The same ticker is not the same asset: NEIRO on one exchange is another coin elsewhere, at a
  twentieth of its price, and such pairs have been published as spreads of 11,000 % a year. Two
  prices of one asset lie within a few percent, also where one is in USDT and one in USDC.
- A bot has shown its user a rate of 1.8e11 % (hummingbot): a rate beyond the exchange's own cap is
  an error of its data.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

LARGEST_PRICE_RATIO = 1.2
"""Marks per unit further apart than this are taken for two assets."""


ContractKey = tuple[str, str]
"""An exchange and a symbol there."""


class Run(NamedTuple):
    """Since when (Unix seconds) the first of two rates has been above the second one (`sign` 1),
    below it (-1) or equal to it (0), without a break."""

    sign: int
    since: float


class Leg(NamedTuple):
    """One contract on an asset. `mark_price` is for one unit of the asset, `rate_hourly` a fraction
    per hour; `unranked` says why its rate is held against no other, and is "" where it is."""

    exchange: str
    symbol: str
    mark_price: float
    rate_hourly: float | None
    unranked: str = ""


class Spread(NamedTuple):
    """A long position in `low` and a short one in `high` earn the difference of their rates."""

    high: Leg
    low: Leg

    @property
    def rate_hourly(self) -> float:
        """The difference, at least 0."""
        return (self.high.rate_hourly or 0.0) - (self.low.rate_hourly or 0.0)


class RefusedPair(NamedTuple):
    """Two contracts that bear one name and are not one asset."""

    first: Leg
    second: Leg
    reason: str


def unranked(status: str | None, stale: bool, rate_hourly: float | None, cap_hourly: float) -> str:
    """Why a rate is held against no other; "" where it is."""
    if status not in (None, "TRADING"):
        return f"the contract is {status}"
    if stale:
        return "its quote is stale"
    if rate_hourly is None:
        return "its rate per hour is not known"
    if abs(rate_hourly) > cap_hourly:
        return f"its rate per hour is beyond the exchange's cap of {cap_hourly:.2%}"
    return ""


def pairs(legs: Iterable[Leg]) -> tuple[list[Spread], list[RefusedPair]]:
    """The spreads between exchanges, the widest first, and the pairs that are two assets.

    Two contracts of one exchange are no pair: their difference is one of quote currencies.
    """
    spreads: list[Spread] = []
    refused: list[RefusedPair] = []
    for first, second in combinations([leg for leg in legs if not leg.unranked], 2):
        if first.exchange == second.exchange:
            continue
        reason = _two_assets(first.mark_price, second.mark_price)
        if reason:
            refused.append(RefusedPair(first, second, reason))
        else:
            low, high = sorted((first, second), key=lambda leg: leg.rate_hourly or 0.0)
            spreads.append(Spread(high, low))
    return sorted(spreads, key=lambda spread: -spread.rate_hourly), refused


def held_since(differences: Sequence[tuple[float, float]]) -> float | None:
    """Since when a spread has been held: the first time of the unbroken run of differences above 0
    at the end of `differences`, which are (time, high's rate less low's), oldest first. None where
    the last one is not above 0."""
    since = None
    for time, difference in reversed(differences):
        if difference <= 0:
            break
        since = time
    return since


def runs(
    slices: Iterable[tuple[float, Mapping[ContractKey, float]]],
    wanted: Iterable[tuple[ContractKey, ContractKey]],
) -> dict[tuple[ContractKey, ContractKey], Run]:
    """How each of the `wanted` pairs stands in `slices`, which are (time, rates per hour by
    contract), the newest first. A pair that no slice has both rates of is not in the answer; a
    slice that lacks one of them says nothing about the pair."""
    found: dict[tuple[ContractKey, ContractKey], Run] = {}
    going_on = list(wanted)
    for time, rates in slices:
        left = []
        for pair in going_on:
            first, second = rates.get(pair[0]), rates.get(pair[1])
            if first is not None and second is not None:
                sign = (first > second) - (first < second)
                if pair in found and found[pair].sign != sign:
                    continue
                found[pair] = Run(sign, time)
            left.append(pair)
        going_on = left
        if not going_on:
            break
    return found


def _two_assets(first: float, second: float) -> str:
    low, high = sorted((first, second))
    if high <= low * LARGEST_PRICE_RATIO:
        return ""
    return f"their prices per unit, {low:.6g} and {high:.6g}, are those of two assets"
