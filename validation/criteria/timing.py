"""Whether the two sides were read at one time, and whether the clocks can be believed."""

from validation.criteria.criterion import Criterion, forbid, percent
from validation.read.facts import Facts
from validation.read.series import ENOUGH_PAIRS
from validation.rules import FIELDS

ALIGNED_SHARE, ALIGNED_SYMBOL_SHARE = 0.8, 0.5
SKEW_MEDIAN_MS, SKEW_LARGE_MS, SKEW_LARGE_SHARE = 750, 10_000, 0.01
CLOCKS_APART_SHARE = 0.01


def _skew(facts: Facts) -> Criterion:
    tally, median = facts.tally, facts.tally.skews.median_ms()
    pairs = max(1, tally.pairs)
    aligned = sum(tally.aligned[field].many for field in FIELDS) / pairs
    late = tally.skews.count_beyond(SKEW_LARGE_MS) / pairs
    figure = f"{percent(aligned)} aligned, median {median:+.0f} ms, {percent(late)} above 10 s"
    passed = aligned >= ALIGNED_SHARE and abs(median) <= SKEW_MEDIAN_MS and late <= SKEW_LARGE_SHARE
    return Criterion("skew of the readings", figure, "80 %, 750 ms, 1 %", passed)


def _skewed_symbols(facts: Facts) -> Criterion:
    skewed = {
        series.symbol
        for series in facts.tally.all_series()
        if series.pairs >= ENOUGH_PAIRS and series.aligned < ALIGNED_SYMBOL_SHARE * series.pairs
    }
    return forbid("symbols seldom aligned", skewed)


def _clocks(facts: Facts) -> Criterion:
    tally, period = facts.tally, facts.period
    share = tally.clocks_apart / max(1, tally.pairs - tally.without_rest_time)
    figure = (
        f"{percent(share)} over 30 s from REST's, {period.future:,} in the future,"
        f" {period.backwards:,} min out of order"
    )
    passed = share <= CLOCKS_APART_SHARE and not period.future and not period.backwards
    return Criterion("clocks", figure, "1 %, none, none", passed)


CRITERIA = (_skew, _skewed_symbols, _clocks)
