"""The settled rates of the last days → what is normal for a symbol, or why that cannot be said."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from funding.model.settlement import StoredSettlement
from funding.statistics.intervals import HOUR_MS, Gap, Settled, gaps, settled
from funding.statistics.score import NO_DEVIATION

LEAST_COVERAGE = 0.8
LEAST_COUNT = 10
"""Below these there is no Z-score; nor while a new interval or base has fewer settlements."""
QUANTILES = 51
"""At most this many rates are kept of a sample: a percentile is right to two percent, and those of
1,300 contracts take 0.6 MB."""
LATE_MS = HOUR_MS // 2
"""A settlement is not missing before it is this late; the latest that was seen was 24 minutes."""
_REPEATED = 3
_HIGHEST_BASE = 2e-4 / 8
"""A fraction per hour. Bases are 0 or at most 1 bp per 8 h; a rate that repeats far from that is at
its cap."""
_SAME = 1e-12
_NO_DEVIATION = 1e-9  # of the largest rate: what is left of equal rates is rounding


class Terms(NamedTuple):
    """What the exchange says of the contract: `listed_time` is epoch ms, the times of changes are
    Unix seconds, `base_rate` is a fraction per hour. None means that it is not known."""

    listed_time: int | None = None
    interval: int | None = None
    base_rate: float | None = None
    interval_changed_at: float | None = None
    base_changed_at: float | None = None


NO_TERMS = Terms()


@dataclass(frozen=True, slots=True)
class Window:
    """What the settled rates since `since` (epoch ms) say. Rates are fractions per hour.

    `reason` says in words why there is no Z-score whatever the quote, and is None where there may
    be one. `quantiles` are rates in equal steps from the lowest to the highest. `gaps` are those
    between settlements and, at the end, of settlements that are late.
    """

    mean: float | None
    deviation: float | None
    samples: int
    coverage: float
    pinned: float | None
    since: int
    reason: str | None
    quantiles: tuple[float, ...]
    gaps: tuple[Gap, ...]


def window(
    settlements: Sequence[StoredSettlement], now_ms: int, days: float, terms: Terms = NO_TERMS
) -> Window:
    """The statistics at `now_ms` of the `settlements` of one symbol, those of the last `days`.

    Older ones may be among them: they tell the interval of the first one in the window.
    """
    since = max(now_ms - round(days * 86_400_000), terms.listed_time or 0)
    known = settled(settlements)
    inside = [each for each in known if since < each.funding_time <= now_ms]
    rates = [each.hourly for each in inside if each.hourly is not None]
    mean, deviation = moments(rates)
    late = _late(inside, now_ms)
    coverage = _coverage(inside, since, sum(gap.hours for gap in late))
    base = base_of(rates) if terms.base_rate is None else terms.base_rate
    return Window(
        mean,
        deviation,
        len(rates),
        coverage,
        pinned_share(rates, base),
        since,
        _reason(inside, rates, deviation, coverage, terms),
        quantiles(rates),
        (*(gap for gap in gaps(known) if gap.before_time > since), *late),
    )


def moments(rates: Sequence[float]) -> tuple[float | None, float | None]:
    """Mean and deviation of the sample (n − 1); the latter is 0 exactly where all are equal."""
    if not rates:
        return None, None
    mean = math.fsum(rates) / len(rates)
    if len(rates) == 1:
        return mean, None
    if max(rates) - min(rates) <= _NO_DEVIATION * max(map(abs, rates)):
        return mean, 0.0
    squares = math.fsum((rate - mean) ** 2 for rate in rates)
    return mean, math.sqrt(squares / (len(rates) - 1))


def quantiles(rates: Sequence[float]) -> tuple[float, ...]:
    """All `rates` from the lowest to the highest, or `QUANTILES` of them in equal steps."""
    ordered = sorted(rates)
    last = len(ordered) - 1
    if last < QUANTILES:
        return tuple(ordered)
    return tuple(ordered[round(step * last / (QUANTILES - 1))] for step in range(QUANTILES))


def base_of(rates: Sequence[float]) -> float | None:
    """The rate at which `rates` are pinned: the most frequent one, where one repeats enough."""
    small = (rate for rate in rates if abs(rate) <= _HIGHEST_BASE)
    common = Counter(round(rate, 12) for rate in small).most_common(1)
    return common[0][0] if common and common[0][1] >= _REPEATED else None


def pinned_share(rates: Sequence[float], base: float | None) -> float | None:
    """How many of `rates` are exactly at their `base`; None without one."""
    if base is None or not rates:
        return None
    return sum(abs(rate - base) <= _SAME for rate in rates) / len(rates)


def _late(inside: Sequence[Settled], now_ms: int) -> list[Gap]:
    """The settlements that should have come since the last one, as one gap up to now."""
    if not inside or not inside[-1].interval:
        return []
    last = inside[-1]
    passed = (now_ms - LATE_MS) // HOUR_MS - last.hour
    missing = passed // inside[-1].interval
    if missing < 1:
        return []
    return [Gap(last.funding_time, now_ms, missing, missing * inside[-1].interval)]


def _coverage(inside: Sequence[Settled], since: int, late_hours: int) -> float:
    """Hours that settlements stand for ÷ hours from `since` to the last one that was due."""
    if not inside:
        return 0.0
    start = since / HOUR_MS
    total = inside[-1].hour + late_hours - start
    covered = sum(min(each.covered, each.hour - start) for each in inside)
    return max(0.0, min(1.0, covered / total)) if total > 0 else 0.0


def _reason(
    inside: Sequence[Settled],
    rates: Sequence[float],
    deviation: float | None,
    coverage: float,
    terms: Terms,
) -> str | None:
    if not inside:
        return "no settled rate is known"
    if len(rates) < LEAST_COUNT:
        return f"{len(rates)} settled rates of {LEAST_COUNT}"
    if coverage < LEAST_COVERAGE:
        share = math.floor(coverage * 100)
        return f"settled rates cover {share} % of the window, of which 80 % are needed"
    return (
        _interval_change(inside, terms)
        or _base_change(inside, rates, terms)
        or (None if deviation else NO_DEVIATION)
    )


def _interval_change(inside: Sequence[Settled], terms: Terms) -> str | None:
    now = terms.interval or inside[-1].interval
    since = 0
    for each in reversed(inside):
        if each.interval != now:
            break
        since += 1
    if since < LEAST_COUNT:
        return f"the interval changed {_ago(since)}"
    if terms.interval_changed_at is not None:
        since = _settled_after(inside, terms.interval_changed_at)
        if since < LEAST_COUNT:
            return f"the interval changed {_ago(since)}"
    return None


def _base_change(inside: Sequence[Settled], rates: Sequence[float], terms: Terms) -> str | None:
    since = LEAST_COUNT
    if terms.base_changed_at is not None:
        since = _settled_after(inside, terms.base_changed_at)
    old = base_of(rates[:-LEAST_COUNT])
    if old is not None:
        places = (place for place, rate in enumerate(rates) if abs(rate - old) <= _SAME)
        after = rates[max(places, default=-1) + 1 :]
        new = base_of(after)
        if new is not None:
            first = next(place for place, rate in enumerate(after) if abs(rate - new) <= _SAME)
            since = min(since, len(after) - first)
    return f"the base rate changed {_ago(since)}" if since < LEAST_COUNT else None


def _settled_after(inside: Sequence[Settled], at: float) -> int:
    return sum(each.funding_time > at * 1000 for each in inside)


def _ago(settlements: int) -> str:
    if not settlements:
        return "after the last settlement"
    return f"{settlements} settlement{'' if settlements == 1 else 's'} ago"
