"""The criteria: facts in, one line each out. GO is what none of them fails.

Those of the issue come first; the others exist because a run that was sabotaged, or a service
that was wrong, passed without them.
"""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from scripts.report.facts import Facts
from scripts.report.pairs import FIELDS, MARK, MATCH_PCT, RATE
from scripts.report.tally import SETTLEMENT_SECONDS, SKEW_STEP_MS
from scripts.report.tracks import Track

SPAN_HOURS = 24
LONGEST_GAP_SECONDS = 600
SETTLEMENTS = 3
CELLS_SHARE = 0.99
NEVER_COMPARED_SHARE = 0.005
ONE_SIDED_TIMES = 2  # a symbol being listed is for a moment on one side only
ONE_SIDED_SHARE = 0.001
SAME_TICK_SHARE = 0.99
SAME_TICK_SYMBOL_SHARE = 0.95
SAME_TICK_RUN = 3
SAME_TICK_ENOUGH = 0.1  # of the aligned pairs; below, the two clocks do not tick together
BIAS_PCT, BIAS_ERRORS = 0.005, 5.0
ALIGNED_SHARE, ALIGNED_SYMBOL_SHARE = 0.8, 0.5
SKEW_MEDIAN_MS, SKEW_LARGE_MS, SKEW_LARGE_SHARE = 750, 10_000, 0.01
FROZEN_RUN = 5
EXCUSED_SHARE, EXCUSED_SYMBOL_SHARE, EXCUSED_SYMBOL_TIMES = 0.01, 0.05, 3
CLAIMS_PER_PAIRS = 10_000
CLOCKS_APART_SHARE = 0.01
ABSENCE_SECONDS = 180
DUPLICATE_SHARE = 0.1
SCHEDULE_SHARE = 0.01
ENOUGH = 10  # comparisons of one symbol before a share of them says something
COIN_MARGINED = re.compile(r".*USD_(PERP|[0-9]{6})", re.DOTALL)


class Criterion(NamedTuple):
    """One line: what was asked, what was found, what is wanted, and whether it is so."""

    name: str
    figure: str
    wanted: str
    passed: bool


def named(symbols: Iterable[str], most: int = 5) -> str:
    """`3: A, B, C`; `none`; the rest of many is counted only."""
    found = sorted(set(symbols))
    if not found:
        return "none"
    more = ", …" if len(found) > most else ""
    return f"{len(found)}: {', '.join(found[:most])}{more}"


def duration(seconds: float) -> str:
    """`24 h 12 min`, `11 min 05 s`, `4 s`."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"


def percent(share: float) -> str:
    """A share in percent, without hiding that something is missing from all."""
    text = f"{share * 100:.2f} %"
    return "99.99 %" if text == "100.00 %" and share < 1 else text


def _span(facts: Facts) -> Criterion:
    span = facts.period.span
    return Criterion("span", duration(span), "at least 24 h", span >= SPAN_HOURS * 3600)


def _gap(facts: Facts) -> Criterion:
    gap = facts.period.longest_gap
    return Criterion("longest gap", duration(gap), "at most 10 min", gap <= LONGEST_GAP_SECONDS)


def settlements(facts: Facts) -> list[int]:
    """The settlements (00:00, 08:00, 16:00 UTC; Unix seconds) that were witnessed.

    Witnessed means: within half an hour before it and again within half an hour after it, the
    rates of at least half of all symbols with funding were compared. A span that merely contains
    the instant, or one symbol that does, saw nothing of what the others did there.
    """
    funded = sum(track.pairs > 0 for track in facts.tally.tracks[RATE].values())
    seen = facts.tally.witnesses
    return [
        instant * SETTLEMENT_SECONDS
        for instant in sorted({instant for instant, _ in seen})
        if funded
        and all(len(seen.get((instant, after), ())) * 2 >= funded for after in (False, True))
    ]


def _settlements(facts: Facts) -> Criterion:
    found = len(settlements(facts))
    return Criterion("funding settlements", f"{found}", "at least 3", found >= SETTLEMENTS)


def cells(facts: Facts) -> tuple[int, int]:
    """Cells (known symbol, hour) in which both fields were compared, and all cells.

    Hours count from the first comparison. A symbol is known for the whole period: one that was
    listed in it lacks some cells, which the last percent is for.
    """
    tracks, hours = facts.tally.tracks, facts.period.hours
    mask = (1 << hours) - 1
    compared = sum(
        (mark.hours & rate.hours & mask).bit_count()
        for symbol, mark in tracks[MARK].items()
        if (rate := tracks[RATE].get(symbol)) is not None
    )
    return compared, len(facts.known) * hours


def _cells(facts: Facts) -> Criterion:
    compared, total = cells(facts)
    share = compared / total if total else 0.0
    figure = f"{percent(share)} ({compared:,} of {total:,})"
    wanted = "at least 99 % of symbol × hour"
    return Criterion("cells compared", figure, wanted, share >= CELLS_SHARE)


def compared_symbols(facts: Facts) -> set[str]:
    """Symbols whose prices were compared at least once, both sides present."""
    return {track.symbol for track in facts.tally.tracks[MARK].values() if track.pairs}


def _symbols(facts: Facts) -> Criterion:
    compared, known = len(compared_symbols(facts)), len(facts.known)
    few = max(facts.minimum_symbols, facts.quotes.rows_per_frame)
    passed = (
        compared >= few
        and bool(facts.quotes.symbols)
        and known - compared <= int(known * NEVER_COMPARED_SHARE)
    )
    wanted = f"all, and at least {few:.0f}"
    return Criterion("symbols compared", f"{compared:,} of {known:,} known", wanted, passed)


def one_sided(facts: Facts) -> list[Track]:
    """Tracks with a value on one side only, more often than a listing explains."""
    return [
        track
        for track in facts.tally.both()
        if track.one_sided > ONE_SIDED_TIMES or (track.one_sided and not track.pairs)
    ]


def _one_sided(facts: Facts) -> Criterion:
    symbols = {track.symbol for track in one_sided(facts)}
    times = sum(track.one_sided for track in facts.tally.both())
    passed = not symbols and times <= max(2, facts.tally.rows * ONE_SIDED_SHARE)
    figure = f"{named(symbols)} ({times:,} comparisons)"
    return Criterion("symbols on one side only", figure, "none", passed)


def _rates(facts: Facts) -> Criterion:
    tracks = facts.tally.tracks
    with_rate = sum(track.pairs > 0 for track in tracks[RATE].values())
    compared = len(compared_symbols(facts))
    lacking = set(tracks[MARK]) ^ set(tracks[RATE])
    figure = f"{with_rate:,} of {compared:,} symbols have rates; one field only: {named(lacking)}"
    passed = not lacking and with_rate > 0 and with_rate * 2 >= compared
    return Criterion("both fields", figure, "half at least; none", passed)


def _average(facts: Facts) -> Criterion:
    aligned = facts.tally.aligned
    figure = ", ".join(
        f"{name} {aligned[field].average:.5f} %"
        for field, name in ((MARK, "price"), (RATE, "rate"))
    )
    passed = all(aligned[field].many and aligned[field].average < MATCH_PCT for field in FIELDS)
    return Criterion("average difference, aligned", figure, "below 0.1 %", passed)


def _worst_hour(facts: Facts) -> Criterion:
    worst = max(
        (found[3] / found[2] for found in facts.tally.hourly.values() if found[2]), default=0.0
    )
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


def _frozen(facts: Facts) -> Criterion:
    ours = {t.symbol for t in facts.tally.both() if t.still_ws_worst >= FROZEN_RUN}
    theirs = {t.symbol for t in facts.tally.both() if t.still_rest_worst >= FROZEN_RUN}
    figure = f"stream {named(ours)}; REST {named(theirs)}"
    return Criterion("one side frozen", figure, "none", not ours and not theirs)


def _alive(facts: Facts) -> Criterion:
    tracks = [t for t in facts.tally.tracks[MARK].values() if t.pairs >= ENOUGH]
    moving = sum(track.moved * 5 >= track.pairs for track in tracks)
    figure = f"{moving:,} of {len(tracks):,} symbols"
    return Criterion(
        "prices move", figure, "at least half", bool(tracks) and moving * 2 >= len(tracks)
    )


def _signs(facts: Facts) -> Criterion:
    differ, total = facts.tally.signs_differ, facts.tally.aligned[RATE].many
    figure = f"{differ:,} of {total:,} aligned rates differ"
    return Criterion("signs of rates", figure, "at most 0.1 %", differ * 1000 <= total)


def _units(facts: Facts) -> Criterion:
    """Both sides may be wrong together: a rate in percent is a hundred times too large."""
    total, large = facts.tally.everything[RATE].many, facts.tally.large_rates
    figure = f"{percent(large / total if total else 0.0)} of rates above 0.2 %"
    return Criterion("units of rates", figure, "at most half", large * 2 <= total)


def _honest(facts: Facts) -> Criterion:
    found = facts.tally.disagreements
    return Criterion("stored outcomes that are wrong", f"{found:,}", "none", not found)


def _readable(facts: Facts) -> Criterion:
    tally = facts.tally
    figure = f"{tally.unreadable:,} unreadable, {tally.duplicates:,} twice, of {tally.rows:,}"
    passed = not tally.unreadable and tally.duplicates <= DUPLICATE_SHARE * tally.rows
    return Criterion("rows", figure, "none; at most 10 %", passed and tally.rows > 0)


def _clocks(facts: Facts) -> Criterion:
    tally, period = facts.tally, facts.period
    share = tally.clocks_apart / tally.timed if tally.timed else 0.0
    figure = (
        f"{percent(share)} over 30 s from REST's, {period.future:,} in the future,"
        f" {period.backwards:,} min out of order"
    )
    passed = share <= CLOCKS_APART_SHARE and not period.future and not period.backwards
    return Criterion("clocks", figure, "1 %, none, none", passed)


def _controls(facts: Facts) -> Criterion:
    planted, missed = facts.tally.controls, facts.tally.controls_missed
    figure = f"{missed:,} missed of {planted:,} planted"
    return Criterion("controls", figure, "none missed", not missed)


def _crashes(facts: Facts) -> Criterion:
    found = len(facts.audit.crashes)
    figure = f"{found}" if facts.audit.readable else "no audit trail"
    return Criterion("programs that crashed", figure, "none", facts.audit.readable and not found)


def _absence(facts: Facts) -> Criterion:
    longest = facts.audit.longest_absence
    figure = f"longest {duration(longest)}" if longest else "none"
    return Criterion("ingest stopped", figure, "at most 3 min", longest <= ABSENCE_SECONDS)


def _schedule(facts: Facts) -> Criterion:
    quotes = facts.quotes
    wrong = len(quotes.impossible_schedule)
    passed = not quotes.impossible_interval and wrong <= int(len(quotes.symbols) * SCHEDULE_SHARE)
    figure = f"interval {named(quotes.impossible_interval, 3)};"
    figure += f" next settlement {named(quotes.impossible_schedule, 3)}"
    return Criterion("funding schedule impossible", figure, "none", passed)


def _coin_margined(facts: Facts) -> Criterion:
    found = {symbol for symbol in facts.known if COIN_MARGINED.fullmatch(symbol)}
    return Criterion("COIN-M symbols", named(found), "none", not found)


CRITERIA: tuple[Callable[[Facts], Criterion], ...] = (
    _span, _gap, _settlements, _cells, _symbols, _one_sided, _rates, _average, _worst_hour,
    _worst_symbol, _unexplained, _excused, _same_tick, _bias, _skew, _skewed_symbols, _frozen,
    _alive, _signs, _units, _honest, _readable, _clocks, _controls, _crashes, _absence, _schedule,
    _coin_margined,
)  # fmt: skip


def judge(facts: Facts) -> list[Criterion]:
    """Every criterion, in the order of the report."""
    return [criterion(facts) for criterion in CRITERIA]


def warnings(facts: Facts) -> list[str]:
    """What forbids nothing, but should be read."""
    tally, audit = facts.tally, facts.audit
    hours, compared = facts.period.hours, len(compared_symbols(facts))
    pairs = sum(tally.everything[field].many for field in FIELDS)
    said: list[tuple[bool, str]] = [
        (not tally.controls, "no control was planted: nobody has tested the comparison itself"),
        (
            0 < tally.controls < hours // 2,
            f"{tally.controls} controls in {hours} h: one an hour is planted",
        ),
        (compared < 500, f"only {compared} symbols were compared: the exchange lists over 500"),
        (
            tally.timed < pairs,
            f"{pairs - tally.timed:,} comparisons without the time of REST's reply",
        ),
        (tally.skew_unknown > 0, f"{tally.skew_unknown:,} comparisons without skew: not aligned"),
        (tally.claimed > 0, f"{tally.claimed} aligned difference(s) believed to be lag: see them"),
        (facts.other_exchanges > 0, f"{facts.other_exchanges:,} rows of other exchanges ignored"),
    ]
    for kind in ("restart", "kill", "class-silent", "control-missed"):
        many = sum(n for label, n in audit.counts.items() if label.startswith(f"{kind} ("))
        said.append((many > 0, f"{many} × {kind} in the audit trail"))
    return [text for wrong, text in said if wrong]
