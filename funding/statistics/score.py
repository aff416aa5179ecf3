"""Z-score, percentile and zone of a rate, from what is normal for its symbol."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from funding.model.contract import ContractStatus
from funding.model.signal import Zone

EXTREME_Z = 3.0
HIGH_Z = 2.0
_NORMAL = Zone.NORMAL  # a member is found in 0.1 us, and nearly every score has this one
NO_STATISTICS = "no statistics yet"
NO_RATE = "no funding rate"
NO_INTERVAL = "the interval is not known"
NO_DEVIATION = "all settled rates are equal"
JUST_CHANGED = "the interval or the base rate has just changed"
STATUS_UNKNOWN = "it is not known whether the contract trades"


class Normal(NamedTuple):
    """What is normal for a symbol: rates per hour, `interval` in hours.

    `reason` says in words why there is no Z-score whatever the rate; without one, `deviation` is
    above 0. `quantiles` are empty where nothing is known.
    """

    mean: float
    deviation: float
    interval: int
    quantiles: Sequence[float]
    reason: str | None


def normal(
    status: ContractStatus | None,
    interval: int | None,
    mean: float | None = None,
    deviation: float | None = None,
    quantiles: Sequence[float] = (),
    reason: str | None = NO_STATISTICS,
    *,
    outdated: bool = False,
) -> Normal:
    """What is normal for a symbol whose contract has this `status` and `interval`, by its row of
    `funding_stats`; `outdated`: the contract has changed since that was computed."""
    why = no_trading_reason(status) or (None if interval else NO_INTERVAL) or reason
    if why is None:
        why = JUST_CHANGED if outdated else None if deviation else NO_DEVIATION
    return Normal(mean or 0.0, deviation or 0.0, interval or 0, quantiles, why)


class Score(NamedTuple):
    """Columns of a quote that say what its rate means; `z_reason` is why there is no `z_score`."""

    z_score: float | None
    z_reason: str | None
    percentile: float | None
    zone: Zone | None


def no_score(reason: str, percentile: float | None = None) -> Score:
    """The score of a rate that has none."""
    return Score(None, reason, percentile, None)


NOTHING_KNOWN = no_score(NO_STATISTICS)
WITHOUT_RATE = no_score(NO_RATE)


class Scorer:
    """Scores the rates of one symbol by what is `normal` for it; its fields are those of `Normal`.

    A rate moves little from one second to the next: while it stays between the same two of the
    quantiles its percentile is the same, and they are not looked at. That halves the time.
    """

    __slots__ = (
        "_high",
        "_low",
        "_percent",
        "deviation",
        "interval",
        "mean",
        "quantiles",
        "reason",
    )

    def __init__(self, normal: Normal) -> None:
        self.mean, self.deviation, self.interval, self.quantiles, self.reason = normal
        self._percent: float | None = None
        self._low = self._high = 0.0  # nothing is between them

    def score(self, rate: float | None) -> Score:
        """Of `rate`, a fraction per interval: Z = (rate ÷ interval − mean) ÷ deviation."""
        if rate is None:
            return WITHOUT_RATE
        if not self.interval:
            return no_score(self.reason or NO_INTERVAL)
        hourly = rate / self.interval
        if not self._low < hourly < self._high:
            self._find_percentile(hourly)
        if self.reason is not None:
            return Score(None, self.reason, self._percent, None)
        z_score = (hourly - self.mean) / self.deviation
        # As Score(…) would, in half of its 0.17 us: a second of the stream has 962 of them.
        return tuple.__new__(Score, (z_score, None, self._percent, zone_of(z_score)))

    def _find_percentile(self, hourly: float) -> None:
        quantiles = self.quantiles
        if not quantiles:
            return
        below = bisect_left(quantiles, hourly)
        above = bisect_right(quantiles, hourly, below)
        self._percent = 50.0 * (below + above) / len(quantiles)
        self._low = quantiles[below - 1] if below else -math.inf
        self._high = quantiles[above] if above < len(quantiles) else math.inf
        if below != above:
            self._low = self._high  # it is one of them: the next one has another percentile


def score(rate: float | None, normal: Normal) -> Score:
    """The score of one rate alone."""
    return Scorer(normal).score(rate)


def zone_of(z_score: float) -> Zone:
    """Where |Z| lies."""
    if -HIGH_Z <= z_score <= HIGH_Z:
        return _NORMAL
    return Zone.EXTREME if abs(z_score) > EXTREME_Z else Zone.HIGH


def no_trading_reason(status: ContractStatus | None) -> str | None:
    """Why a contract of `status` has no Z-score; None for one that trades."""
    if status == ContractStatus.TRADING:
        return None
    if status is None or status == ContractStatus.UNKNOWN:
        return STATUS_UNKNOWN
    return f"the contract is {status}, not TRADING"
