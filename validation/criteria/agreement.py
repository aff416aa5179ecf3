"""Whether the two sides say the same, and whether what differs is lag."""

from validation.criteria.criterion import Criterion, named, percent
from validation.read.facts import Facts
from validation.read.series import Track
from validation.rules import FIELDS, MARK, MATCH_PCT, RATE

SAME_TICK_SHARE = 0.99
SAME_TICK_SYMBOL_SHARE = 0.95
SAME_TICK_RUN = 3
SAME_TICK_ENOUGH = 0.1  # of the aligned pairs; below, the two clocks do not tick together
BIAS_PCT, BIAS_ERRORS = 0.005, 5.0
EXCUSED_SHARE, EXCUSED_SYMBOL_SHARE, EXCUSED_SYMBOL_TIMES = 0.01, 0.05, 3
SETTLING_SHARE = 0.05
"""Of all pairs: comparisons that fall on whole hours again and again avoid being judged."""
CLAIMS_PER_PAIRS = 10_000
ENOUGH = 10  # comparisons of one symbol before its mean says something


def _average(facts: Facts) -> Criterion:
    aligned = facts.tally.aligned
    figure = ", ".join(
        f"{name} {aligned[field].average:.5f} %"
        for field, name in ((MARK, "price"), (RATE, "rate"))
    )
    passed = all(aligned[field].many and aligned[field].average < MATCH_PCT for field in FIELDS)
    return Criterion("average difference, aligned", figure, "below 0.1 %", passed)


def _worst_hour(facts: Facts) -> Criterion:
    worst = max((hour.average for hour in facts.tally.hourly.values()), default=0.0)
    return Criterion("worst hour, aligned", f"{worst:.5f} %", "below 0.1 %", worst < MATCH_PCT)


def _worst_symbol(facts: Facts) -> Criterion:
    drifting = {
        f"{track.symbol} {track.aligned_sum / track.aligned:.3f} %"
        for track in facts.tally.tracks[MARK].values()
        if track.aligned and track.aligned_sum / track.aligned >= MATCH_PCT
    }
    wanted = "none at 0.1 % or more"
    return Criterion("symbols drifting, aligned", named(drifting), wanted, not drifting)


def _unexplained(facts: Facts) -> Criterion:
    found = facts.tally.unexplained
    figure = f"{found.total():,}" + (f" ({named(found)})" if found else "")
    return Criterion("significant, unexplained", figure, "none", not found)


def _excused(facts: Facts) -> Criterion:
    """Lag excuses what is rare. A symbol that needs it again and again is simply wrong."""
    tally = facts.tally
    pairs = sum(tally.everything[field].many for field in FIELDS)
    always = {
        track.symbol
        for track in tally.both()
        if track.significant > EXCUSED_SYMBOL_TIMES
        and track.significant > EXCUSED_SYMBOL_SHARE * track.pairs
    }
    twice = {track.symbol for track in tally.both() if track.claimed > 1}
    passed = (
        tally.lag + tally.claimed <= EXCUSED_SHARE * pairs
        and tally.claimed <= max(1, pairs // CLAIMS_PER_PAIRS)
        and tally.settling <= SETTLING_SHARE * pairs
        and not always
        and not twice
    )
    figure = f"{tally.lag:,} by lag, {tally.claimed:,} claimed; often: {named(always | twice)}"
    return Criterion("significant, explained", figure, "few; no symbol often", passed)


def _unequal(track: Track) -> bool:
    if track.differing_worst >= SAME_TICK_RUN:
        return True
    share = track.differing / track.same_instant if track.same_instant else 0.0
    return track.differing >= SAME_TICK_RUN and share > 1 - SAME_TICK_SYMBOL_SHARE


def _same_tick(facts: Facts) -> Criterion:
    """Two readings of one tick are one value: whatever differs there is not lag."""
    figures, passed, unequal = [], True, set()
    for field, name in ((MARK, "prices"), (RATE, "rates")):
        tracks = facts.tally.tracks[field].values()
        many = sum(track.same_instant for track in tracks)
        if many <= SAME_TICK_ENOUGH * sum(track.aligned for track in tracks):
            figures.append(f"{name}: too few")
            continue
        share = 1 - sum(track.differing for track in tracks) / many
        unequal |= {track.symbol for track in tracks if _unequal(track)}
        figures.append(f"{name} {percent(share)}")
        passed = passed and share >= SAME_TICK_SHARE
    figure = f"{', '.join(figures)}; symbols that are not: {named(unequal)}"
    return Criterion("equal within one tick", figure, "99 %, none", passed and not unequal)


def _bias(facts: Facts) -> Criterion:
    """Lag errs to both sides. An index price taken for the mark price errs to one, a little."""
    biased = set()
    for track in facts.tally.tracks[MARK].values():
        mean, error = track.bias()
        if track.aligned >= ENOUGH and abs(mean) > max(BIAS_PCT, BIAS_ERRORS * error):
            biased.add(f"{track.symbol} {mean:+.4f} %")
    return Criterion("prices off to one side", named(biased), "none", not biased)


def _signs(facts: Facts) -> Criterion:
    differ, total = facts.tally.signs_differ, facts.tally.aligned[RATE].many
    figure = f"{differ:,} of {total:,} aligned rates differ"
    return Criterion("signs of rates", figure, "at most 0.1 %", differ * 1000 <= total)


def _honest(facts: Facts) -> Criterion:
    found = facts.tally.disagreements + facts.tally.controls.edited
    return Criterion("stored outcomes that are wrong", f"{found:,}", "none", not found)


CRITERIA = (
    _average, _worst_hour, _worst_symbol, _unexplained, _excused, _same_tick, _bias, _signs,
    _honest,
)  # fmt: skip
