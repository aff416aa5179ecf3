"""Evidence: whether enough was compared. How long, how densely, which symbols and settlements."""

from validation.criteria.criterion import Criterion, duration, named, percent
from validation.read.calendar import GAP_SECONDS, SETTLEMENT_SECONDS, WITNESS_SECONDS
from validation.read.facts import Facts
from validation.read.period import LONGEST_GAP_SECONDS
from validation.read.series import ENOUGH_PAIRS
from validation.read.spans import Span, covered
from validation.rules import HOUR_SECONDS, INDEX, MARK, RATE, Status

SPAN_HOURS = 24
SETTLEMENTS = 3
CELLS_SHARE, SELDOM_SHARE = 0.99, 0.8
FEW_SHARE = 0.005
"""Of the symbols: so many may have come a moment ago."""
TRADING_SHARE = 0.75
"""Of FUNDING_MIN_SYMBOLS: fifty contracts may stop trading in one day."""
ALIVE_SECONDS, ALIVE_SHARE, ALIVE_FEW = 3_600, 0.02, 5
REST_ILL_HOURS = 6
SAME_TIME_SHARE, SAME_TIME_SYMBOLS = 0.05, 0.01
NEAR_MS, NEAR_SHARE = 5_000, 0.95
SAME_TIME_FEWEST, SAME_TIME_SURE = 20, 10
"""Pairs of a symbol before its share is judged, and how many of one event time it must have had by
the share of all before their absence cannot be chance."""
USUAL_INTERVAL, LONGEST_INTERVAL = 1_000, 4_500
"""Seconds between two comparisons of all symbols: what a whole hour and each settlement are known
from, and the longest with which a GO is possible."""


def _span(facts: Facts) -> Criterion:
    """Before the first comparison, and after the last, REST may not have answered."""
    period, ill = facts.period, facts.audit.rest_outages
    edges = (period.since, period.first), (period.last, period.until)
    span = period.span + sum(covered(ill, edge) for edge in edges)
    return Criterion("span", duration(span), "at least 24 h", span >= SPAN_HOURS * HOUR_SECONDS)


def without_rest(facts: Facts) -> list[Span]:
    """When REST did not answer: nobody can compare then, and the service may be well."""
    return facts.audit.without_rest(facts.period.gaps)


def rest_ill_seconds(facts: Facts) -> float:
    """How long REST did not answer, since the first comparison."""
    return covered(without_rest(facts), (facts.period.first, facts.period.until))


def _gap(facts: Facts) -> Criterion:
    spans, ill = without_rest(facts), rest_ill_seconds(facts)
    own = [end - begin - covered(spans, (begin, end)) for begin, end in facts.period.gaps]
    gap = max(own, default=facts.period.longest_gap)
    figure = duration(gap) + (f"; {duration(ill)} without REST" if ill else "")
    passed = gap <= LONGEST_GAP_SECONDS and ill <= REST_ILL_HOURS * HOUR_SECONDS
    return Criterion("longest gap", figure, "at most 10 min", passed)


def settlements(facts: Facts) -> list[int]:
    """The settlements (00:00, 08:00, 16:00 UTC; Unix seconds) that were witnessed.

    Witnessed means: within half an hour before it and again after it (or one and a half of the
    intervals between comparisons, where that is longer) the rates of at least half of all symbols
    with funding were compared. A span that merely contains the instant, or one symbol that was
    compared, says nothing of the others.
    """
    funded = sum(series.pairs > 0 for series in facts.tally.series[RATE].values())
    seen, near = facts.tally.calendar.witnesses, witness_seconds(facts)
    return [
        instant * SETTLEMENT_SECONDS
        for instant in sorted({instant for instant, _ in seen})
        if funded
        and all(
            sum(far <= near for far in seen.get((instant, after), {}).values()) * 2 >= funded
            for after in (False, True)
        )
    ]


def witness_seconds(facts: Facts) -> float:
    """How far from a settlement a comparison still witnesses it."""
    return min(WITNESS_SECONDS, max(1_800.0, 1.5 * facts.tally.interval))


def _settlements(facts: Facts) -> Criterion:
    """Those in which REST did not answer need no witness, nor those so near to the ends of the
    period that with a long interval no comparison of all lies between."""
    found, period, interval = settlements(facts), facts.period, facts.tally.interval
    near, excused, spans = witness_seconds(facts), set(), without_rest(facts)
    if USUAL_INTERVAL < interval <= LONGEST_INTERVAL:
        edge = interval - near
        spans += [(period.first - near, period.first + edge), (period.until - edge, period.until)]
    for begin, end in spans:
        first, last = round(begin / SETTLEMENT_SECONDS), round(end / SETTLEMENT_SECONDS)
        instants = (at * SETTLEMENT_SECONDS for at in range(first, last + 1))
        excused |= {at for at in instants if begin - near <= at <= end + near}
    passed = len(found) >= max(1, SETTLEMENTS - len(excused.difference(found)))
    return Criterion("funding settlements", f"{len(found)}", "at least 3", passed)


def cells(facts: Facts) -> dict[str, tuple[int, int]]:
    """Of each symbol that is expected: the cells in which both fields were compared, and all.

    A cell is an hour since the first comparison, or two where the interval between comparisons is
    long. None counts that is not whole, that was before the listing, or in which REST did not
    answer for long.
    """
    every, roster = facts.tally.series, facts.roster
    width = 1 if facts.tally.interval <= 1_900 else 2
    hours = facts.period.hours // width * width
    first_hours = ((1 << hours) - 1) // ((1 << width) - 1)  # a bit for the first hour of each cell

    def cells_with(bits: int) -> int:
        """One bit for each cell that has a bit in any of its hours."""
        return (bits | (bits >> (width - 1))) & first_hours

    whole = first_hours & ~cells_with(hours_without_rest(facts))
    found = {}
    for symbol in roster.expected:
        mark, rate = every[MARK].get(symbol), every[RATE].get(symbol)
        bits = mark.compared_hours & rate.compared_hours if mark and rate else 0
        counted = whole & (-1 << roster.listed.get(symbol, 0))
        found[symbol] = ((cells_with(bits) & counted).bit_count(), counted.bit_count())
    return found


def hours_without_rest(facts: Facts) -> int:
    """One bit for each hour in which REST did not answer for more than five minutes."""
    bits, since = 0, facts.period.first
    for begin, end in without_rest(facts):
        first, last = (int((at - since) // HOUR_SECONDS) for at in (begin, end))
        for hour in range(max(0, first), last + 1 if end - begin > GAP_SECONDS else 0):
            bits |= 1 << hour
    return bits


def _cells(facts: Facts) -> Criterion:
    found = cells(facts)
    done, total = (sum(numbers) for numbers in zip((0, 0), *found.values(), strict=True))
    share = done / total if total else 0.0
    seldom = {symbol for symbol, (n, of) in found.items() if n < SELDOM_SHARE * of}
    figure = f"{percent(share)} ({done:,} of {total:,}); seldom: {named(seldom)}"
    passed = share >= CELLS_SHARE and not seldom & facts.roster.majors
    passed = passed and len(seldom) <= int(FEW_SHARE * len(found))
    passed = passed and facts.tally.interval <= LONGEST_INTERVAL
    too_early = not total and bool(found) and facts.period.span < SPAN_HOURS * HOUR_SECONDS
    return Criterion("symbol × hour compared", figure, "at least 99 %", passed, too_early)


def few_pairs(facts: Facts) -> bool:
    """Whether comparing has begun so lately that no price was compared often enough to judge."""
    prices = facts.tally.series[MARK].values()
    often = any(series.pairs >= ENOUGH_PAIRS for series in prices)
    return not often and facts.period.span < SPAN_HOURS * HOUR_SECONDS


def compared_symbols(facts: Facts) -> set[str]:
    """Symbols whose prices were compared at least once, both sides present."""
    return {series.symbol for series in facts.tally.series[MARK].values() if series.pairs}


def alive_though_excused(facts: Facts) -> set[str]:
    """Symbols that the stored list calls not trading, while REST has a rate for them and a price
    that moves to the end: more than have just ended mean that the list is wrong."""
    every, last = facts.tally.series, facts.period.last
    return {
        symbol
        for symbol, status in facts.roster.excused.items()
        if status != Status.UNKNOWN
        and (mark := every[MARK].get(symbol)) is not None
        and (rate := every[RATE].get(symbol)) is not None
        and rate.rest_value
        and mark.rest_moved_at > last - ALIVE_SECONDS
    }


def _symbols(facts: Facts) -> Criterion:
    roster, feed = facts.roster, facts.quotes.feed
    compared = compared_symbols(facts)
    missing = roster.expected - compared
    few = max(facts.minimum_symbols, feed.rows_per_frame if feed else 0.0)
    trading = len(compared & roster.expected)
    alive = alive_though_excused(facts)
    passed = (
        len(compared) >= few
        and trading >= TRADING_SHARE * facts.minimum_symbols
        and bool(facts.quotes.rows)
        and len(missing) <= int(len(roster.expected) * FEW_SHARE)
        and not missing & roster.majors
        and len(alive) <= max(ALIVE_FEW, ALIVE_SHARE * len(roster.known))
    )
    figure = f"{trading:,} of {len(roster.expected):,} expected; missing: {named(missing)}"
    if alive:
        figure += f"; not trading, but alive: {named(alive)}"
    wanted = f"all, and at least {few:.0f}"
    return Criterion("symbols compared", figure, wanted, passed)


def _fields(facts: Facts) -> Criterion:
    every, expected = facts.tally.series, facts.roster.expected
    with_rate = sum(series.pairs > 0 for series in every[RATE].values())
    compared = len(compared_symbols(facts))
    lacking = (set(every[MARK]) ^ set(every[RATE])) & expected
    if every[INDEX]:
        lacking |= (set(every[MARK]) - set(every[INDEX])) & expected
    figure = f"{with_rate:,} of {compared:,} symbols have rates; a field missing: {named(lacking)}"
    passed = not lacking and with_rate > 0 and with_rate * 2 >= compared
    return Criterion("all fields", figure, "half at least; none", passed)


def _same_time(facts: Facts) -> Criterion:
    """Only readings of one event time prove a value: of each symbol, and in each hour. An exchange
    that names no tick has readings that are near in time."""
    if not facts.market.same_ticks:
        far = facts.tally.skews.count_beyond(NEAR_MS) + facts.tally.skews.unknown
        near = 1 - far / max(1, facts.tally.pairs)
        passed = facts.tally.pairs > 0 and near >= NEAR_SHARE
        return Criterion("pairs near in time", percent(near), "95 % within 5 s", passed)
    prices = [each for each in facts.expected if each.field is MARK and each.pairs]
    total = sum(each.pairs for each in prices)
    share = sum(each.same_time for each in prices) / max(1, total)
    few = {
        each.symbol
        for each in prices
        if each.pairs >= SAME_TIME_FEWEST and each.same_time < share / 3 * each.pairs
    }
    never = {s.symbol for s in prices if not s.same_time and share * s.pairs >= SAME_TIME_SURE}
    hours = [hour for (_, field), hour in facts.tally.hourly.items() if field is MARK]
    poor = sum(hour.aligned_many < SAME_TIME_SHARE * hour.many for hour in hours)
    figure = f"{percent(share)} of the pairs; seldom: {named(few)}; never: {named(never)};"
    figure += f" {poor} h without"
    passed = share >= SAME_TIME_SHARE and len(few) <= int(SAME_TIME_SYMBOLS * len(prices))
    passed = passed and not never | (few & facts.roster.majors)
    passed = passed and poor <= SAME_TIME_SHARE * len(hours)
    return Criterion("pairs of one event time", figure, "5 %; 1 %; none; 5 % of hours", passed)


CRITERIA = (_span, _gap, _settlements, _cells, _symbols, _fields, _same_time)
