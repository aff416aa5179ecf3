"""State: whether what the service holds at the end is right. It is what users read."""

import math
from collections.abc import Iterator
from statistics import median

from validation.criteria.coverage import compared_symbols
from validation.criteria.criterion import Criterion, duration, named
from validation.read.facts import Facts
from validation.read.series import ENOUGH_PAIRS, Series
from validation.read.state import StoredQuote
from validation.rules import HOUR_MS, INDEX, MARK, RATE, Field, far_from_index

STALE_SECONDS = 180
AHEAD_SECONDS = 60
FRESH_SHARE = 0.99
SCHEDULE_SHARE = 0.01
OFF_SHARE, FAR_SHARE, RATE_OFF_SHARE = 0.01, 0.005, 0.02
OWN_MOVES, LEAST_MOVE, WILD_MOVE = 3.0, 0.005, 0.3
"""A price may move three times as far after its last comparison as it ever did between two, and by
half a percent. None moves 30 % besides."""
CLOSELY_WATCHED_SECONDS = 120
SHIFT_MOVES, LEAST_SHIFT = 5.0, 0.01
"""All prices together may move by five times what each moves on average between two comparisons,
and by 1 %."""
LEAST_RATE_MOVE = 5e-5
OPPOSITE_RATE = 1e-5
OPPOSITE_SHARE = 0.5
"""Of the rates that were compared before a whole hour: each may have taken any value since."""


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


def _prices(facts: Facts) -> Criterion:
    """Quotes are newer than the last comparison, so each may have moved as the symbol does."""
    off, surely, shifts, total = set(), set(), [], 0
    for field in (MARK, INDEX):
        for series, quote in _stored(facts, field):
            if series.pairs < ENOUGH_PAIRS or not series.last_rest:
                continue
            total += field is MARK
            stored = quote.mark if field is MARK else quote.index
            move, patience = stored / series.last_rest - 1, _patience(series, quote)
            most = max(LEAST_MOVE, OWN_MOVES * series.largest_move) * max(1.0, patience)
            if abs(move) > most:
                off.add(series.symbol)
                if abs(move) > WILD_MOVE or series.interval <= CLOSELY_WATCHED_SECONDS:
                    surely.add(series.symbol)
            if series.average_move:
                shifts.append((move / (series.average_move * patience), move))
    shift, by = (median(each) for each in zip(*shifts, strict=True)) if shifts else (0.0, 0.0)
    shifted = abs(shift) > SHIFT_MOVES and abs(by) > LEAST_SHIFT
    figure = f"off: {named(off)}; wild: {named(surely)}; all together {by * 100:+.2f} %"
    passed = total > 0 and not surely and len(off) <= max(1, OFF_SHARE * total) and not shifted
    return Criterion("prices as compared last", figure, "1 %; none; as they move", passed)


def _index(facts: Facts) -> Criterion:
    rows, expected = facts.quotes.rows, facts.roster.expected
    far = {s for s, row in rows.items() if s in expected and far_from_index(row.mark, row.index)}
    passed = len(far) <= int(FAR_SHARE * len(expected)) and not far & facts.roster.majors
    return Criterion("marks near their index", f"far: {named(far)}", "none", passed)


def _rates(facts: Facts) -> Criterion:
    """A whole hour since the last comparison may have brought any rate, but not the opposite of
    all."""
    off, opposite, total, crossed = set(), set(), 0, 0
    for series, quote in _stored(facts, RATE):
        if series.last_rest is None:
            continue
        last, rate = series.last_rest, quote.rate
        signs = rate is not None and last * rate < 0 and min(abs(last), abs(rate)) > OPPOSITE_RATE
        if rate is not None and series.paired_at * 1000 // HOUR_MS != quote.at * 1000 // HOUR_MS:
            crossed += abs(last) > OPPOSITE_RATE
            opposite |= {series.symbol} if signs else set()
            continue
        total += 1
        most = max(LEAST_RATE_MOVE, 2 * series.largest_move, abs(last) / 2)
        if (
            rate is None
            or (signs and abs(rate - last) > LEAST_RATE_MOVE)
            or abs(rate - last) > most
        ):
            off.add(series.symbol)
    figure = f"off: {named(off)}; of the other sign after a whole hour: {named(opposite)}"
    passed = len(off) <= RATE_OFF_SHARE * total and len(opposite) <= OPPOSITE_SHARE * crossed
    passed = passed and total + crossed > 0
    return Criterion("rates as compared last", figure, "2 %; at most half", passed)


def _schedule(facts: Facts) -> Criterion:
    """A symbol whose rate is compared has a next settlement and, unless it has just come, an
    interval."""
    quotes, expected = facts.quotes, facts.roster.expected
    rates = facts.tally.series[RATE].items()
    rated = {symbol for symbol, series in rates if series.last_ws is not None} & expected
    unknown = quotes.no_interval & rated - facts.roster.listed.keys()
    wrong = (quotes.impossible_schedule & expected) | (quotes.no_schedule & rated)
    strange = quotes.impossible_interval & expected
    few = int(len(quotes.rows) * SCHEDULE_SHARE)
    passed = not strange and len(wrong) <= few and len(unknown) <= few
    figure = f"interval {named(strange, 3)}, unknown {named(unknown, 3)};"
    figure += f" next settlement {named(wrong, 3)}"
    return Criterion("funding schedule impossible", figure, "none", passed)


CRITERIA = (_feed, _fresh, _prices, _index, _rates, _schedule)
