"""State: whether what the service holds at the end is right. It is what users read."""

import math
from collections.abc import Iterator
from statistics import median
from typing import NamedTuple

from validation.criteria.coverage import USUAL_INTERVAL, compared_symbols, few_pairs
from validation.criteria.criterion import Criterion, duration, named, percent
from validation.read.facts import Facts
from validation.read.rounds import far_share
from validation.read.series import ENOUGH_PAIRS, Series
from validation.read.state import StoredQuote
from validation.rules import HOUR_SECONDS, INDEX, MARK, RATE, SAME_RATE, Field, far_from_index

STALE_SECONDS = 180
AHEAD_SECONDS = 60
FRESH_SHARE = 0.99
SCHEDULE_SHARE = 0.01
OFF_SHARE, RATE_OFF_SHARE, STILL_OFF_SHARE, FEW = 0.005, 0.01, 0.05, 2
OWN_MOVES, LEAST_MOVE, WILD_MOVE = 3.0, 0.005, 0.3
"""Beside what all prices do together, one may move three times as far after its last comparison as
it ever did between two, and by half a percent. None moves 30 % besides."""
CLOSE_MOVES, LEAST_CLOSE_MOVE, CLOSELY_WATCHED_SECONDS = 1.25, 0.003, 120
"""The same for a price that is compared each minute: one and a quarter times, and 0.3 %."""
SHIFT_MOVES, LEAST_SHIFT = 5.0, 0.01
"""All prices together may move by five times what each moves on average between two comparisons,
and by 1 %."""
FAR_TIMES, FEWEST_FAR = 1.5, 0.01
"""One and a half times as many prices may have moved far as in any round of comparisons."""
BASIS_MOVES, LEAST_BASIS_MOVE = 3.0, 0.003
LEAST_RATE_MOVE, LARGE_RATE_MOVE = 5e-5, 2e-4
"""A few rates may leave their base by more than the first; that of a major by the second at most.
"""
OPPOSITE_RATE = 1e-5
OPPOSITE_SHARE = 0.5
"""Of the rates that were compared before a whole hour: each may have taken any value since."""


class _Step(NamedTuple):
    """One stored price: its move since it was compared last, what would be usual in that time, both
    as fractions, and that time in intervals between two comparisons, as a price walks."""

    series: Series
    move: float
    usual: float
    patience: float


def _feed(facts: Facts) -> Criterion:
    """A feed with a heartbeat after the period was alive at its end; no more is known of it."""
    feed, until = facts.quotes.feed, facts.period.until
    if feed is None:
        return Criterion("feed", "unknown", "connected", False)
    late = until - feed.heartbeat_at
    passed = late <= STALE_SECONDS and (feed.connected or -late > STALE_SECONDS)
    state = "connected" if feed.connected else "not connected"
    figure = state if late <= STALE_SECONDS else f"{state}, silent for {duration(late)}"
    return Criterion("feed", figure, "connected", passed)


def _fresh(facts: Facts) -> Criterion:
    """Only symbols that were compared; a delisted contract stays among the quotes."""
    rows, period = facts.quotes.rows, facts.period
    compared = compared_symbols(facts) & facts.roster.expected
    latest = max(period.until, period.now) + AHEAD_SECONDS
    earliest = period.until - STALE_SECONDS
    fresh = {s for s in compared if s in rows and earliest <= rows[s].at <= latest}
    figure = f"{len(fresh):,} of {len(compared):,} fresh"
    old = (compared - fresh) & facts.roster.majors
    passed = bool(compared) and len(fresh) >= FRESH_SHARE * len(compared) and not old
    return Criterion("quotes fresh", figure, "at least 99 %", passed)


def _stored(facts: Facts, field: Field) -> Iterator[tuple[Series, StoredQuote]]:
    """What was compared last of each symbol that is expected, and its quote."""
    for series in facts.expected:
        if series.field is field and series.pairs and series.symbol in facts.quotes.rows:
            yield series, facts.quotes.rows[series.symbol]


def _patience(series: Series, quote: StoredQuote) -> float:
    """The time since the last comparison in intervals between two, as a price walks: its root."""
    return math.sqrt(max(0.05, abs(quote.at - series.paired_at) / series.interval))


def _steps(facts: Facts, field: Field) -> Iterator[_Step]:
    """How far each price is from what was compared last."""
    for series, quote in _stored(facts, field):
        if series.pairs >= ENOUGH_PAIRS and series.last_rest:
            stored = quote.mark if field is MARK else quote.index
            usual = series.average_move * _patience(series, quote)
            yield _Step(series, stored / series.last_rest - 1, usual, _patience(series, quote))


def _prices(facts: Facts) -> Criterion:
    """Quotes are newer than the last comparison, so each may have moved as the symbol does."""
    steps = [*_steps(facts, MARK), *_steps(facts, INDEX)]
    moves = [each.move / each.usual for each in steps if each.usual]
    common, by = (median(m) if m else 0.0 for m in (moves, [s.move for s in steps if s.usual]))
    off, surely = set(), set()
    for series, move, usual, patience in steps:
        close = series.interval <= CLOSELY_WATCHED_SECONDS
        most = max(LEAST_MOVE, OWN_MOVES * series.largest_move) * max(1.0, patience)
        if close:
            most = max(LEAST_CLOSE_MOVE, CLOSE_MOVES * series.largest_move) * max(1.0, patience)
        beside = move if close else move - common * usual
        if abs(beside) > most:
            off.add(series.symbol)
            surely |= {series.symbol} if close or abs(move) > WILD_MOVE else set()
    total, shifted = len(steps), abs(common) > SHIFT_MOVES and abs(by) > LEAST_SHIFT
    far, before = far_share(moves), facts.tally.rounds.largest_share
    figure = f"off: {named(off)}; wild: {named(surely)}; all together {by * 100:+.2f} %;"
    figure += f" far {percent(far)}, in a round {percent(before)}"
    passed = total > 0 and not surely and len(off) <= max(FEW, OFF_SHARE * total / 2)
    passed = passed and not shifted and far <= max(FEWEST_FAR, FAR_TIMES * before)
    too_early = not total and few_pairs(facts)
    wanted = "few; none; as they move"
    return Criterion("prices as compared last", figure, wanted, passed, too_early)


def _index(facts: Facts) -> Criterion:
    rows, expected = facts.quotes.rows, facts.roster.expected
    far, moved = set(), set()
    for symbol in expected & rows.keys():
        mark, index, basis = rows[symbol].mark, rows[symbol].index, facts.tally.bases.get(symbol)
        if far_from_index(mark, index):
            far.add(symbol)
        elif basis is not None:
            most = max(LEAST_BASIS_MOVE, BASIS_MOVES * basis.largest_move)
            moved |= {symbol} if abs(index / mark / basis.last - 1) > most else set()
    few = max(FEW, int(OFF_SHARE * len(expected)))
    passed = len(far) <= int(OFF_SHARE * len(expected)) and len(moved) <= few
    figure = f"far: {named(far)}; not as compared last: {named(moved)}"
    passed = passed and not (far | moved) & facts.roster.majors
    return Criterion("marks near their index", figure, "none; few", passed)


def _rates(facts: Facts) -> Criterion:
    """A whole hour since the last comparison may have brought any rate, but not the opposite of
    all, nor another one for most of those that stood still all day."""
    off, opposite, changed, majors = set(), set(), set(), set()
    total = crossed = still = hour_over = 0
    scale = facts.market.rate_scale
    least, large, opposed = (x * scale for x in (LEAST_RATE_MOVE, LARGE_RATE_MOVE, OPPOSITE_RATE))
    for series, quote in _stored(facts, RATE):
        if series.last_rest is None:
            continue
        last, rate = series.last_rest, quote.rate
        if series.pairs >= ENOUGH_PAIRS and not series.moves:
            still += 1
            same = rate is not None and abs(rate - last) < SAME_RATE
            changed |= set() if same else {series.symbol}
        signs = rate is not None and last * rate < 0 and min(abs(last), abs(rate)) > opposed
        if rate is not None and series.paired_at // HOUR_SECONDS != quote.at // HOUR_SECONDS:
            hour_over += 1
            crossed += abs(last) > opposed
            opposite |= {series.symbol} if signs else set()
            continue
        total += 1
        usual = max(series.largest_move, series.average_move)  # hourly: no two in one hour
        most = max(least, OWN_MOVES * usual, abs(last) / 2)
        beyond = rate is None or abs(rate - last) > (least if signs else most)
        off |= {series.symbol} if beyond else set()
        if rate is None or abs(rate - last) > max(most, large):
            majors |= {series.symbol} & facts.roster.majors
    figure = f"off: {named(off)}; of the other sign after a whole hour: {named(opposite)};"
    figure += f" still all day, now another: {len(changed):,} of {still:,}"
    share = OPPOSITE_SHARE if hour_over > total else STILL_OFF_SHARE
    few = RATE_OFF_SHARE if facts.tally.interval <= USUAL_INTERVAL else STILL_OFF_SHARE
    passed = len(off) <= max(FEW, few * total) and not majors
    passed = passed and len(opposite) <= OPPOSITE_SHARE * crossed
    passed = passed and len(changed) <= max(FEW, share * still) and total + hour_over > 0
    return Criterion("rates as compared last", figure, "1 %; at most half; 5 %", passed)


def _schedule(facts: Facts) -> Criterion:
    """A symbol whose rate is compared has a next settlement and, unless it has just come, an
    interval."""
    quotes, expected = facts.quotes, facts.roster.expected
    rates = facts.tally.series[RATE].items()
    rated = {symbol for symbol, series in rates if series.last_ws is not None} & expected
    unknown = quotes.no_interval & rated - facts.roster.listed.keys()
    wrong = (quotes.impossible_schedule & expected) | (quotes.no_schedule & rated)
    strange = quotes.impossible_interval & expected
    listed = ((symbol, facts.contracts.of(symbol).hours) for symbol in expected)
    other = {
        symbol
        for symbol, hours in listed
        if hours and symbol in quotes.rows and quotes.rows[symbol].hours not in (None, hours)
    }
    few = int(len(quotes.rows) * SCHEDULE_SHARE)
    passed = not strange and max(map(len, (wrong, unknown, other))) <= few
    figure = f"interval {named(strange, 3)}, unknown {named(unknown, 3)},"
    figure += f" not the contract's {named(other, 3)};"
    figure += f" next settlement {named(wrong, 3)}"
    return Criterion("funding schedule impossible", figure, "none", passed)


CRITERIA = (_feed, _fresh, _prices, _index, _rates, _schedule)
