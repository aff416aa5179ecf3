"""Whether enough was compared: how long, how densely, which symbols, which settlements."""

from validation.criteria.criterion import Criterion, duration, named, percent
from validation.read.calendar import SETTLEMENT_SECONDS
from validation.read.facts import Facts
from validation.read.listings import absent_hours, delisted
from validation.read.period import LONGEST_GAP_SECONDS
from validation.read.series import Series
from validation.rules import MARK, RATE

SPAN_HOURS = 24
SETTLEMENTS = 3
CELLS_SHARE = 0.99
NEVER_COMPARED_SHARE = 0.005
ONE_SIDED_TIMES = 2  # a symbol that is being listed is for a moment on one side only
ONE_SIDED_SHARE = 0.001


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
    the instant, or one symbol that was compared, says nothing of the others.
    """
    funded = sum(series.pairs > 0 for series in facts.tally.series[RATE].values())
    seen = facts.tally.calendar.witnesses
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

    Hours count from the first comparison. A symbol is known while either side has it: not before
    it was listed, nor after it was delisted.
    """
    every, hours = facts.tally.series, facts.period.hours
    mask = (1 << hours) - 1
    compared = sum(
        (mark.compared_hours & rate.compared_hours & mask).bit_count()
        for symbol, mark in every[MARK].items()
        if (rate := every[RATE].get(symbol)) is not None
    )
    return compared, len(facts.known) * hours - absent_hours(facts)


def _cells(facts: Facts) -> Criterion:
    compared, total = cells(facts)
    share = compared / total if total else 0.0
    figure = f"{percent(share)} ({compared:,} of {total:,})"
    wanted = "at least 99 % of symbol × hour"
    return Criterion("cells compared", figure, wanted, share >= CELLS_SHARE)


def compared_symbols(facts: Facts) -> set[str]:
    """Symbols whose prices were compared at least once, both sides present."""
    return {series.symbol for series in facts.tally.series[MARK].values() if series.pairs}


def _symbols(facts: Facts) -> Criterion:
    gone, feed = delisted(facts).keys(), facts.quotes.feed
    known, compared = len(facts.known - gone), len(compared_symbols(facts) - gone)
    few = max(facts.minimum_symbols, feed.rows_per_frame if feed else 0.0)
    passed = (
        compared >= few
        and bool(facts.quotes.times)
        and known - compared <= int(known * NEVER_COMPARED_SHARE)
    )
    wanted = f"all, and at least {few:.0f}"
    return Criterion("symbols compared", f"{compared:,} of {known:,} known", wanted, passed)


def one_sided(facts: Facts) -> list[Series]:
    """Series with a value on one side only, more often than a listing explains. A delisted symbol
    is on neither side, though its last quote is kept."""
    return [
        series
        for series in _of_symbols_still_listed(facts)
        if series.one_sided > ONE_SIDED_TIMES or (series.one_sided and not series.pairs)
    ]


def _of_symbols_still_listed(facts: Facts) -> list[Series]:
    gone = delisted(facts)
    return [series for series in facts.tally.all_series() if series.symbol not in gone]


def _one_sided(facts: Facts) -> Criterion:
    symbols = {series.symbol for series in one_sided(facts)}
    times = sum(series.one_sided for series in _of_symbols_still_listed(facts))
    passed = not symbols and times <= max(2, facts.tally.rows * ONE_SIDED_SHARE)
    figure = f"{named(symbols)} ({times:,} comparisons)"
    return Criterion("symbols on one side only", figure, "none", passed)


def _rates(facts: Facts) -> Criterion:
    every = facts.tally.series
    with_rate = sum(series.pairs > 0 for series in every[RATE].values())
    compared = len(compared_symbols(facts))
    lacking = (set(every[MARK]) ^ set(every[RATE])) - delisted(facts).keys()
    figure = f"{with_rate:,} of {compared:,} symbols have rates; one field only: {named(lacking)}"
    passed = not lacking and with_rate > 0 and with_rate * 2 >= compared
    return Criterion("both fields", figure, "half at least; none", passed)


CRITERIA = (_span, _gap, _settlements, _cells, _symbols, _one_sided, _rates)
