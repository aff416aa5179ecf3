"""Whether the two sides say the same, and whether lag explains what differs."""

from validation.criteria.criterion import Criterion, forbid, named, percent
from validation.read.facts import Facts
from validation.read.series import ENOUGH_PAIRS, Series
from validation.rules import FIELDS, MARK, MATCH_PCT, RATE

SAME_TICK_SHARE = 0.99
SAME_TICK_SYMBOL_SHARE = 0.95
SAME_TICK_RUN = 3
SAME_TICK_ENOUGH = 0.1  # of the aligned pairs; below, the two clocks do not tick together
BIAS_PCT, BIAS_ERRORS = 0.005, 5.0
EXCUSED_SHARE, EXCUSED_SYMBOL_SHARE, EXCUSED_SYMBOL_TIMES = 0.01, 0.05, 3
SETTLEMENT_SHARE = 0.05
"""Of all pairs: whoever compares mostly on whole hours avoids being judged."""
CLAIMS_PER_PAIRS = 10_000


def _average(facts: Facts) -> Criterion:
    aligned = facts.tally.aligned
    figure = f"price {aligned[MARK].average:.5f} %, rate {aligned[RATE].average:.5f} %"
    passed = all(aligned[field].many and aligned[field].average < MATCH_PCT for field in FIELDS)
    return Criterion("average difference, aligned", figure, "below 0.1 %", passed)


def _worst_hour(facts: Facts) -> Criterion:
    worst = max((hour.average for hour in facts.tally.hourly.values()), default=0.0)
    return Criterion("worst hour, aligned", f"{worst:.5f} %", "below 0.1 %", worst < MATCH_PCT)


def _worst_symbol(facts: Facts) -> Criterion:
    drifting = {
        f"{series.symbol} {series.average:.3f} %"
        for series in facts.tally.series[MARK].values()
        if series.average >= MATCH_PCT
    }
    return forbid("symbols drifting, aligned", drifting, "none at 0.1 % or more")


def _unexplained(facts: Facts) -> Criterion:
    found = facts.tally.significant.unexplained
    figure = f"{found.total():,}" + (f" ({named(found)})" if found else "")
    return Criterion("significant, unexplained", figure, "none", not found)


def _excused(facts: Facts) -> Criterion:
    """Lag excuses what is rare. A symbol that needs it again and again is simply wrong."""
    tally, pairs = facts.tally, facts.tally.pairs
    lag, claimed = tally.significant.lag, tally.significant.claimed
    always = {
        series.symbol
        for series in tally.all_series()
        if series.significant > EXCUSED_SYMBOL_TIMES
        and series.significant > EXCUSED_SYMBOL_SHARE * series.pairs
    }
    twice = {series.symbol for series in tally.all_series() if series.claimed > 1}
    passed = (
        lag + claimed <= EXCUSED_SHARE * pairs
        and claimed <= max(1, pairs // CLAIMS_PER_PAIRS)
        and tally.significant.at_settlement <= SETTLEMENT_SHARE * pairs
        and not always
        and not twice
    )
    figure = f"{lag:,} by lag, {claimed:,} claimed; often: {named(always | twice)}"
    return Criterion("significant, explained", figure, "few; no symbol often", passed)


def _unequal(series: Series) -> bool:
    if series.unequal_run.longest >= SAME_TICK_RUN:
        return True
    few = series.same_tick * (1 - SAME_TICK_SYMBOL_SHARE)
    return series.unequal >= SAME_TICK_RUN and series.unequal > few


def _same_tick(facts: Facts) -> Criterion:
    """Two readings of one tick are one value: lag cannot explain a difference there."""
    figures, passed, unequal = [], True, set()
    for field, name in ((MARK, "prices"), (RATE, "rates")):
        of_field = facts.tally.series[field].values()
        many = sum(series.same_tick for series in of_field)
        if many <= SAME_TICK_ENOUGH * sum(series.aligned for series in of_field):
            figures.append(f"{name}: too few")
            continue
        share = 1 - sum(series.unequal for series in of_field) / many
        unequal |= {series.symbol for series in of_field if _unequal(series)}
        figures.append(f"{name} {percent(share)}")
        passed = passed and share >= SAME_TICK_SHARE
    figure = f"{', '.join(figures)}; unequal symbols: {named(unequal)}"
    return Criterion("equal within one tick", figure, "99 %, none", passed and not unequal)


def _bias(facts: Facts) -> Criterion:
    """Lag errs to both sides. An index price taken for the mark price errs to one, a little."""
    biased = set()
    for series in facts.tally.series[MARK].values():
        mean, error = series.bias
        if series.aligned >= ENOUGH_PAIRS and abs(mean) > max(BIAS_PCT, BIAS_ERRORS * error):
            biased.add(f"{series.symbol} {mean:+.4f} %")
    return forbid("prices off to one side", biased)


def _signs(facts: Facts) -> Criterion:
    differ, total = facts.tally.signs_differ, facts.tally.aligned[RATE].many
    figure = f"{differ:,} of {total:,} aligned rates differ"
    return Criterion("signs of rates", figure, "at most 0.1 %", differ * 1000 <= total)


def _honest(facts: Facts) -> Criterion:
    found = facts.tally.wrong_outcomes + facts.tally.planted.edited
    return forbid("stored outcomes that are wrong", found)


CRITERIA = (
    _average, _worst_hour, _worst_symbol, _unexplained, _excused, _same_tick, _bias, _signs,
    _honest,
)  # fmt: skip
