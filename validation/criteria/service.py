"""Whether the service was fit, and is: programs, audit trail, feed, and the quotes themselves."""

import math

from validation.criteria.coverage import compared_symbols
from validation.criteria.criterion import Criterion, duration, named
from validation.read.audit import EventKind
from validation.read.facts import Facts
from validation.read.listings import delisted
from validation.rules import RATE

DUPLICATE_SHARE = 0.1
ABSENCE_SECONDS = 180
SCHEDULE_SHARE = 0.01
STALE_SECONDS = 180
FRESH_SHARE = 0.99
AHEAD_SECONDS = 60
CONTROLS_PER_HOUR, CONTROLS_BESIDE = 2, 4
"""A price and a rate each hour and at each start of the watchdog; two starts may be missing from
the trail."""
RESTARTS_PER_DAY = 3
"""After so many within ten minutes the watchdog itself gives up and calls for a person."""


def _readable(facts: Facts) -> Criterion:
    tally, foreign = facts.tally, facts.foreign_rows
    figure = (
        f"{tally.unreadable:,} unreadable, {foreign.without_time:,} without a time,"
        f" {foreign.misnamed:,} with a misspelt exchange, {tally.duplicates:,} twice,"
        f" of {tally.rows:,}"
    )
    passed = (
        not (tally.unreadable or foreign.without_time or foreign.misnamed)
        and tally.duplicates <= DUPLICATE_SHARE * tally.rows
    )
    return Criterion("rows", figure, "none; at most 10 % twice", passed and tally.rows > 0)


def most_controls(facts: Facts) -> int:
    """How many rows of controls can have been planted."""
    times = facts.period.hours + facts.audit.starts
    return CONTROLS_PER_HOUR * times + CONTROLS_BESIDE


def _controls(facts: Facts) -> Criterion:
    """More than are planted, or of several symbols: real rows were called controls."""
    found, most = facts.tally.planted, most_controls(facts)
    figure = f"{found.missed:,} missed of {found.planted:,} planted"
    passed = not found.missed and found.planted <= most
    if len(found.symbols) > 1:
        figure += f", of {named(found.symbols, 3)}"
        passed = False
    return Criterion("controls", figure, f"none missed; at most {most}, of one symbol", passed)


def _crashes(facts: Facts) -> Criterion:
    audit = facts.audit
    figure = f"{len(audit.crashes)}" if audit.readable else "no audit trail"
    if audit.crashes:
        figure += f" ({named({each.program for each in audit.crashes})})"
    if audit.without_time:
        figure += f"; {audit.without_time:,} events without a time"
    passed = audit.readable and not audit.crashes and not audit.without_time
    return Criterion("programs that crashed", figure, "none", passed)


def _restarts(facts: Facts) -> Criterion:
    """A hang is not a crash, but a service that hangs again and again is not fit either."""
    restarts, kills = facts.audit.count(EventKind.RESTART), facts.audit.count(EventKind.KILL)
    most = RESTARTS_PER_DAY * math.ceil(facts.period.hours / 24)
    passed = restarts <= most and not kills
    figure = f"{restarts:,} restarted, {kills:,} killed"
    return Criterion("programs that hung", figure, f"at most {most}; none", passed)


def _absence(facts: Facts) -> Criterion:
    longest = facts.audit.longest_absence
    figure = f"longest {duration(longest)}" if longest else "none"
    return Criterion("ingest stopped", figure, "at most 3 min", longest <= ABSENCE_SECONDS)


def _feed(facts: Facts) -> Criterion:
    """A feed with a heartbeat after the period was alive at its end; no more is known of it."""
    feed, until = facts.quotes.feed, facts.period.until
    if feed is None:
        return Criterion("feed at the end", "unknown", "connected", False)
    late = until - feed.heartbeat_at
    passed = late <= STALE_SECONDS and (feed.connected or -late > STALE_SECONDS)
    state = "connected" if feed.connected else "not connected"
    figure = state if late <= STALE_SECONDS else f"{state}, silent for {duration(late)}"
    return Criterion("feed at the end", figure, "connected", passed)


def _fresh(facts: Facts) -> Criterion:
    """Only symbols that were compared; a delisted contract stays among the quotes."""
    times, period = facts.quotes.times, facts.period
    compared = compared_symbols(facts) - delisted(facts).keys()
    latest = max(period.until, period.now) + AHEAD_SECONDS
    earliest = period.until - STALE_SECONDS
    fresh = sum(earliest <= times.get(symbol, 0.0) <= latest for symbol in compared)
    figure = f"{fresh:,} of {len(compared):,} fresh"
    passed = bool(compared) and fresh >= FRESH_SHARE * len(compared)
    return Criterion("quotes at the end", figure, "at least 99 %", passed)


def _schedule(facts: Facts) -> Criterion:
    """A symbol whose rate is compared has a next settlement and, within a quarter of an hour, an
    interval; one or two of hundreds may have been listed or delisted a moment ago."""
    quotes = facts.quotes
    rates = facts.tally.series[RATE].items()
    rated = {symbol for symbol, series in rates if series.last_ws is not None}
    unknown = quotes.no_interval & rated
    wrong = quotes.impossible_schedule | (quotes.no_schedule & rated)
    few = int(len(quotes.times) * SCHEDULE_SHARE)
    passed = not quotes.impossible_interval and len(wrong) <= few and len(unknown) <= few
    figure = f"interval {named(quotes.impossible_interval, 3)}, unknown {named(unknown, 3)};"
    figure += f" next settlement {named(wrong, 3)}"
    return Criterion("funding schedule impossible", figure, "none", passed)


CRITERIA = (_readable, _controls, _crashes, _restarts, _absence, _feed, _fresh, _schedule)
