"""Whether the two sides were read at one time, and the clocks can be believed."""

from validation.criteria.criterion import Criterion, named, percent
from validation.read.facts import Facts
from validation.read.tally import SKEW_STEP_MS
from validation.rules import FIELDS

ALIGNED_SHARE, ALIGNED_SYMBOL_SHARE = 0.8, 0.5
SKEW_MEDIAN_MS, SKEW_LARGE_MS, SKEW_LARGE_SHARE = 750, 10_000, 0.01
CLOCKS_APART_SHARE = 0.01
ENOUGH = 10  # comparisons of one symbol before a share of them says something


def median_skew(facts: Facts) -> float:
    """The median skew in ms, 0 when none is known."""
    skews = facts.tally.skews
    half, seen = skews.total() / 2, 0
    for step in sorted(skews):
        seen += skews[step]
        if seen >= half:
            return step * SKEW_STEP_MS
    return 0.0


def _skew(facts: Facts) -> Criterion:
    tally, median = facts.tally, median_skew(facts)
    pairs = max(1, sum(tally.everything[field].many for field in FIELDS))
    aligned = sum(tally.aligned[field].many for field in FIELDS) / pairs
    large = SKEW_LARGE_MS // SKEW_STEP_MS
    late = sum(many for step, many in tally.skews.items() if abs(step) >= large) / pairs
    figure = f"{percent(aligned)} aligned, median {median:+.0f} ms, {percent(late)} above 10 s"
    passed = aligned >= ALIGNED_SHARE and abs(median) <= SKEW_MEDIAN_MS and late <= SKEW_LARGE_SHARE
    return Criterion("skew of the readings", figure, "80 %, 750 ms, 1 %", passed)


def _skewed_symbols(facts: Facts) -> Criterion:
    skewed = {
        track.symbol
        for track in facts.tally.both()
        if track.pairs >= ENOUGH and track.aligned < ALIGNED_SYMBOL_SHARE * track.pairs
    }
    return Criterion("symbols seldom aligned", named(skewed), "none", not skewed)


def _clocks(facts: Facts) -> Criterion:
    tally, period = facts.tally, facts.period
    pairs = sum(tally.everything[field].many for field in FIELDS)
    share = tally.clocks_apart / max(1, pairs - tally.untimed)
    figure = (
        f"{percent(share)} over 30 s from REST's, {period.future:,} in the future,"
        f" {period.backwards:,} min out of order"
    )
    passed = share <= CLOCKS_APART_SHARE and not period.future and not period.backwards
    return Criterion("clocks", figure, "1 %, none, none", passed)


CRITERIA = (
    _skew, _skewed_symbols, _clocks,
)  # fmt: skip
