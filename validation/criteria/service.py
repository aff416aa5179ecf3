"""Service: whether the data was there, and the API, for those who asked."""

import math

from validation.criteria.criterion import Criterion, duration, named, percent
from validation.read.availability import Rule
from validation.read.facts import Facts
from validation.read.incidents import EventKind
from validation.read.series import ENOUGH_PAIRS
from validation.read.spans import covered
from validation.rules import LATE_MS

AVAILABLE_SHARE = 0.999
UNOBSERVED_SHARE, UNWATCHED_SECONDS = 0.01, 600
ABSENCE_SECONDS = 180
RESTARTS_PER_DAY = 3
"""After so many within ten minutes the watchdog itself gives up and calls for a person."""
STALLS_PER_HOUR, LOSSES_PER_HOUR, FAILURES_PER_HOUR = 2, 4, 10
MEDIAN_MS, LATE_SHARE, LATE_SYMBOLS = 1_000, 0.01, 0.01
FAR_MS, FAR_SHARE = 2_000, 0.2
STALE_SHARE, STALE_TIMES = 0.001, 2
"""As for fresh data; and how often a major may be stale."""


def _available(facts: Facts, rule: Rule, name: str) -> Criterion:
    found = facts.availability
    share = found.share(rule)
    figure = f"{percent(share)}; not for {duration(found.down.get(rule, 0.0))}"
    if not found.recorded:
        figure = "unknown: the database is of a version that records no such periods"
    return Criterion(name, figure, "at least 99.9 %", share >= AVAILABLE_SHARE)


def _data(facts: Facts) -> Criterion:
    return _available(facts, Rule.DATA, "fresh data")


def _api(facts: Facts) -> Criterion:
    return _available(facts, Rule.API, "API answering")


def _observed(facts: Facts) -> Criterion:
    """Nobody records an outage while the watchdog is away; its comparisons show that it was there,
    unless REST did not answer."""
    away, unwatched = facts.availability.unobserved, facts.period.unwatched
    without_rest = facts.audit.without_rest(unwatched)
    silent = max(
        (end - begin - covered(without_rest, (begin, end)) for begin, end in unwatched), default=0.0
    )
    figure = f"away for {duration(away)}, no comparison for {duration(silent)}"
    passed = away <= UNOBSERVED_SHARE * facts.availability.seconds or not away
    passed = passed and silent <= UNWATCHED_SECONDS
    return Criterion("watchdog there", figure, "at least 99 %; 10 min", passed)


def _crashes(facts: Facts) -> Criterion:
    audit = facts.audit
    figure = f"{len(audit.crashes)}" if audit.readable else "no audit trail"
    if audit.crashes:
        figure += f" ({named({each.program for each in audit.crashes})})"
    if audit.without_time:
        figure += f"; {audit.without_time:,} events without a time"
    passed = audit.readable and not audit.crashes and not audit.without_time
    return Criterion("programs that crashed", figure, "none", passed)


def _hung(facts: Facts) -> Criterion:
    """A hang is not a crash, but a service that hangs again and again is not fit either."""
    audit = facts.audit
    restarts, kills = audit.count(EventKind.RESTART), audit.count(EventKind.KILL)
    most = RESTARTS_PER_DAY * math.ceil(facts.period.hours / 24)
    passed = restarts <= most and not kills and not audit.waiting
    figure = f"{restarts:,} restarted, {kills:,} killed, left as they were: {named(audit.waiting)}"
    return Criterion("programs that hung", figure, f"at most {most}; none; none", passed)


def _stopped(facts: Facts) -> Criterion:
    longest = facts.audit.longest_stops
    found = {f"{name} {duration(lasted)}" for name, lasted in longest.items()}
    passed = max(longest.values(), default=0.0) <= ABSENCE_SECONDS
    return Criterion("programs that stopped", named(found), "at most 3 min", passed)


def _connection(facts: Facts) -> Criterion:
    kinds = EventKind.STALL, EventKind.DISCONNECT, EventKind.CONNECT_FAILED
    most = STALLS_PER_HOUR, LOSSES_PER_HOUR, FAILURES_PER_HOUR
    counts = tuple(facts.audit.count(kind) for kind in kinds)
    passed = all(n <= m * facts.period.hours for n, m in zip(counts, most, strict=True))
    figure = "{:,} stalls, {:,} disconnects, {:,} failed attempts".format(*counts)
    return Criterion("connection", figure, "at most {}, {} and {} an hour".format(*most), passed)


def _lag(facts: Facts) -> Criterion:
    """How far the stream and REST are apart in time, whichever is behind."""
    skews, series = facts.tally.skews, [each for each in facts.expected if each.pairs]
    pairs = max(1, sum(each.pairs for each in series))
    late, stale = (sum(getattr(s, name) for s in series) / pairs for name in ("late", "stale"))
    far, median = skews.count_beyond(FAR_MS) / max(1, facts.tally.pairs), skews.median_ms()
    symbols = {s.symbol for s in series if s.pairs >= ENOUGH_PAIRS and s.late * 2 > s.pairs}
    symbols |= {s.symbol for s in series if s.stale > STALE_TIMES} & facts.roster.majors
    passed = abs(median) <= MEDIAN_MS and far <= FAR_SHARE
    passed = passed and late <= LATE_SHARE and stale <= STALE_SHARE
    passed = passed and len(symbols) <= int(LATE_SYMBOLS * len(facts.roster.expected))
    figure = f"median {median:+.0f} ms, {percent(far)} above 2 s, {percent(late)} above"
    figure += f" {LATE_MS // 1000} s, {percent(stale)} stale; often: {named(symbols)}"
    wanted = "1 s, 20 %, 1 %, 0.1 %; none"
    return Criterion("lag", figure, wanted, passed and not symbols & facts.roster.majors)


CRITERIA = (_data, _api, _observed, _crashes, _hung, _stopped, _connection, _lag)
