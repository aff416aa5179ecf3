"""Values: whether both sides say the same.

Two readings of one event time are one value, so they must be equal, for each symbol and at any
time; there are plenty of them. Readings of other event times differ by what the market did
meanwhile, which proves nothing but what lag cannot account for. Of an exchange that names no tick,
readings are close, and off to either side.
"""

from validation.criteria.criterion import Criterion, named
from validation.read.facts import Facts
from validation.read.series import Series
from validation.rules import FIELDS, INDEX, MARK, RATE

SHORT = {MARK: "price", RATE: "rate", INDEX: "index"}
BEYOND_SHARE, BEYOND_FEW, BEYOND_TIMES = 0.001, 2, 1
"""Of the pairs that are apart in time; a few at least; of one symbol."""
OFF_RUN, OFF_SHARE = 4, 0.05
"""Pairs of one symbol in a row that are off to one side, and of all pairs."""
ONE_SIDED_TIMES = 2  # a symbol that is being listed is for a moment on one side only
ONE_SIDED_SHARE = 0.002


def _equal(facts: Facts) -> Criterion:
    return _same(facts) if facts.market.same_ticks else _close(facts)


def _close(facts: Facts) -> Criterion:
    """Where no reading is known to be of one tick, most differ by no more than a match, and those
    that do differ either way."""
    figures, wrong, passed = [], set(), True
    for field in FIELDS:
        found = [s for s in facts.tally.series[field].values() if s.pairs]
        wrong |= {s.symbol for s in found if s.off_run > OFF_RUN or s.off * 2 > s.pairs}
        pairs, off = sum(s.pairs for s in found), sum(s.off for s in found)
        figures.append(f"{SHORT[field]} {off:,} of {pairs:,} apart")
        passed = passed and off <= OFF_SHARE * pairs and (pairs > 0 or field is INDEX)
    figure = f"{'; '.join(figures)}; always to one side: {named(wrong)}"
    passed = passed and not wrong
    return Criterion("equal but for the time between", figure, "5 %; none", passed)


def _same(facts: Facts) -> Criterion:
    figures, unequal, passed = [], set(), True
    for field in FIELDS:
        of_field = list(facts.tally.series[field].values())
        many, wrong = sum(s.same_time for s in of_field), sum(s.unequal for s in of_field)
        unequal |= {series.symbol for series in of_field if series.unequal}
        average = sum(s.unequal_sum for s in of_field) / max(1, many)
        figures.append(f"{SHORT[field]} {wrong:,} of {many:,} differ, average {average:.5f} %")
        passed = passed and not wrong and (many > 0 or field is INDEX)
    figure = "; ".join(figures) + (f"; {named(unequal)}" if unequal else "")
    return Criterion("equal at one event time", figure, "all, exactly", passed)


def _apart(facts: Facts) -> Criterion:
    """A symbol that needs lag as its excuse again and again is simply wrong."""
    beyond = {s.symbol for s in facts.tally.all_series() if s.beyond_lag > BEYOND_TIMES}
    times = sum(series.beyond_lag for series in facts.tally.all_series())
    apart = sum(series.pairs - series.same_time for series in facts.tally.all_series())
    passed = not beyond and times <= max(BEYOND_FEW, BEYOND_SHARE * apart)
    figure = f"{times:,} of {apart:,} pairs; often: {named(beyond)}"
    return Criterion("more than lag can move", figure, "few; no symbol often", passed)


def one_sided(facts: Facts) -> list[Series]:
    """Series with a value on one side only, more often than a listing explains."""
    return [
        series
        for series in facts.tally.all_series()
        if series.one_sided > ONE_SIDED_TIMES or (series.one_sided and not series.pairs)
    ]


def _one_sided(facts: Facts) -> Criterion:
    """Of those expected: a contract that does not trade may be on one side, or on neither."""
    expected = facts.roster.expected
    symbols = {series.symbol for series in one_sided(facts)} & expected
    times = sum(series.one_sided for series in facts.expected)
    passed = not symbols and times <= max(2, facts.tally.rows * ONE_SIDED_SHARE)
    figure = f"{named(symbols)} ({times:,} comparisons)"
    return Criterion("on one side only", figure, "none", passed)


CRITERIA = (_equal, _apart, _one_sided)
