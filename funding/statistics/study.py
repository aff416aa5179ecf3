"""What a long history of settled rates says, symbol by symbol and in all: for people."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from funding.model.settlement import StoredSettlement
from funding.statistics.intervals import Gap, Settled, gaps, settled
from funding.statistics.score import EXTREME_Z, HIGH_Z
from funding.statistics.window import LEAST_COUNT, LEAST_COVERAGE, base_of, moments, pinned_share

HOURS_A_YEAR = 8_760
DAY_MS = 86_400_000


class PastScore(NamedTuple):
    """The Z-score of a settled rate against the days before it, None where these have none; whether
    they had no deviation, and whether more than half of their rates were pinned."""

    z_score: float | None
    no_deviation: bool
    mostly_pinned: bool


@dataclass(frozen=True, slots=True)
class Study:
    """One symbol. `first` and `last` are epoch ms. `rates`, `mean` and `deviation` are fractions
    per hour. `hours` are those from the beginning of the first interval to the last settlement."""

    symbol: str
    count: int
    first: int
    last: int
    intervals: tuple[int, ...]
    rates: tuple[float, ...]
    mean: float
    deviation: float | None
    positive: float
    pinned: float | None
    hours: int
    gaps: tuple[Gap, ...]
    scores: tuple[PastScore, ...]

    @property
    def missing_hours(self) -> int:
        """Hours for which no settlement stands."""
        return sum(gap.hours for gap in self.gaps)

    @property
    def coverage(self) -> float:
        """Hours for which one stands ÷ all hours."""
        return 1 - self.missing_hours / self.hours


@dataclass(frozen=True, slots=True)
class Totals:
    """All symbols: how many Z-scores there are, and what share of them is large."""

    scores: int
    above_high: float
    above_extreme: float
    largest: float
    no_deviation: int
    extreme_mostly_pinned: float


def study(symbol: str, settlements: Sequence[StoredSettlement], days: float) -> Study | None:
    """Of the settlements of one symbol; None where no interval can be told."""
    known = [each for each in settled(settlements) if each.interval]
    if not known:
        return None
    rates = [each.rate / (each.interval or 1) for each in known]
    mean, deviation = moments(rates)
    return Study(
        symbol,
        len(known),
        known[0].funding_time,
        known[-1].funding_time,
        tuple(each for each, _ in Counter(each.interval or 0 for each in known).most_common()),
        tuple(rates),
        mean or 0.0,
        deviation,
        sum(rate > 0 for rate in rates) / len(rates),
        pinned_share(rates, base_of(rates)),
        known[-1].hour - known[0].hour + (known[0].interval or 0),
        tuple(gaps(known)),
        tuple(past_scores(known, days)),
    )


def past_scores(known: Sequence[Settled], days: float) -> list[PastScore]:
    """Of each settlement with an interval, against those of the `days` before it, where these cover
    as much as a Z-score needs."""
    rates = [each.rate / (each.interval or 1) for each in known]
    times = [each.funding_time for each in known]
    covered = [0, *accumulate(each.covered for each in known)]
    needed = LEAST_COVERAGE * days * 24
    found = []
    for index, each in enumerate(known):
        since = each.funding_time - round(days * DAY_MS)
        first = bisect_right(times, since)
        before = rates[first:index]
        if len(before) >= LEAST_COUNT and covered[index] - covered[first] >= needed:
            found.append(_past_score(rates[index], before))
    return found


def _past_score(rate: float, before: Sequence[float]) -> PastScore:
    mean, deviation = moments(before)
    if not deviation or mean is None:
        return PastScore(None, True, False)
    z_score = (rate - mean) / deviation
    pinned = pinned_share(before, base_of(before)) if abs(z_score) > EXTREME_Z else None
    return PastScore(z_score, False, (pinned or 0.0) > 0.5)


def totals(studies: Iterable[Study]) -> Totals | None:
    """Over all symbols; None where there is no Z-score."""
    scores = [score for each in studies for score in each.scores]
    sizes = [abs(score.z_score) for score in scores if score.z_score is not None]
    if not sizes:
        return None
    extreme = [score for score in scores if abs(score.z_score or 0.0) > EXTREME_Z]
    return Totals(
        len(scores),
        sum(size > HIGH_Z for size in sizes) / len(scores),
        len(extreme) / len(scores),
        max(sizes),
        sum(score.no_deviation for score in scores),
        sum(score.mostly_pinned for score in extreme) / len(extreme) if extreme else 0.0,
    )
