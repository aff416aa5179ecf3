"""When each criterion was not met, found in the facts: a table by the names of criteria. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from validation.criteria import coverage, service
from validation.criteria.evidence import Evidence
from validation.read.availability import Rule
from validation.read.calendar import SETTLEMENT_SECONDS
from validation.read.facts import Facts
from validation.read.incidents import EventKind
from validation.read.period import LONGEST_GAP_SECONDS
from validation.read.series import Series
from validation.read.spans import Span, covered
from validation.rules import HOUR_SECONDS, MARK

ROWS_COUNTED = 2_000
"""One event may stand for so many at most: no criterion allows that many a day."""


def _instants(times: Iterable[float], goes_on: bool = False) -> Evidence:
    return Evidence([(at, at) for at in times], goes_on=goes_on)


def _last_of(series: Iterable[Series], found: str, reading: str) -> Evidence:
    """The last finding of each series; it goes on where that is its last reading at all."""
    times = [(getattr(each, found), getattr(each, reading)) for each in series]
    goes_on = any(at and at == last for at, last in times)
    return _instants((at for at, _ in times if at), goes_on)


def _unfit(facts: Facts, rule: Rule) -> Evidence | None:
    if not facts.availability.recorded:
        return None
    spans, day = facts.availability.spans.get(rule, []), coverage.SPAN_HOURS * HOUR_SECONDS
    goes_on = any(end >= facts.period.until for _, end in spans)
    return Evidence(spans, (1 - service.AVAILABLE_SHARE) * day, goes_on)


def _unobserved(facts: Facts) -> Evidence:
    """A silence counts from the first comparison on, and the permitted part of it at its end."""
    silent = [
        (begin, begin if (begin, end) in facts.period.gaps else end - service.UNWATCHED_SECONDS)
        for begin, end in facts.period.unwatched
        if end - begin > service.UNWATCHED_SECONDS
    ]
    goes_on = any(end >= facts.period.until for _, end in facts.period.unwatched)
    return Evidence([*facts.availability.away, *silent], goes_on=goes_on and bool(silent))


def _crashes(facts: Facts) -> Evidence | None:
    audit = facts.audit
    if audit.without_time or not audit.readable:
        return None
    return _instants(each.at for each in audit.crashes)


def _events(facts: Facts, most: Mapping[EventKind, float]) -> Evidence:
    """Of the kind that exceeds what is allowed of it by most."""
    times = facts.audit.times
    kind = max(most, key=lambda each: facts.audit.count(each) - most[each])
    spans = [(at, at) for at, n in times.get(kind, ()) for _ in range(min(n, ROWS_COUNTED))]
    return Evidence(spans, most[kind])


def _hung(facts: Facts) -> Evidence:
    kinds = {EventKind.RESTART: service.RESTARTS_PER_DAY, EventKind.KILL: 0, EventKind.WAITING: 0}
    return _events(facts, kinds)


def _connection(facts: Facts) -> Evidence:
    hours = coverage.SPAN_HOURS
    return _events(
        facts,
        {
            EventKind.STALL: service.STALLS_PER_HOUR * hours,
            EventKind.DISCONNECT: service.LOSSES_PER_HOUR * hours,
            EventKind.CONNECT_FAILED: service.FAILURES_PER_HOUR * hours,
        },
    )


def _stopped(facts: Facts) -> Evidence:
    long = [(b, e) for b, e in facts.audit.stops if e - b > service.ABSENCE_SECONDS]
    goes_on = any(end >= facts.period.until for _, end in long)
    return Evidence([(b, e - service.ABSENCE_SECONDS) for b, e in long], goes_on=goes_on)


def own_gaps(facts: Facts) -> list[Span]:
    """The gaps that are too long, and that REST does not account for."""
    ill = coverage.without_rest(facts)
    return [
        (begin, end)
        for begin, end in facts.period.gaps
        if end - begin - covered(ill, (begin, end)) > LONGEST_GAP_SECONDS
    ]


def _gaps(facts: Facts) -> Evidence:
    spans, allowed = own_gaps(facts), 0.0
    if not spans:
        spans, allowed = coverage.without_rest(facts), coverage.REST_ILL_HOURS * HOUR_SECONDS
    goes_on = any(end >= facts.period.until for _, end in spans)
    return Evidence(spans, allowed, goes_on, whole=True)


def _settlements(facts: Facts) -> Evidence:
    """Those that nobody witnessed."""
    period, seen = facts.period, set(coverage.settlements(facts))
    first, last = period.first // SETTLEMENT_SECONDS + 1, period.last // SETTLEMENT_SECONDS
    every = (int(at) * SETTLEMENT_SECONDS for at in range(int(first), int(last) + 1))
    return _instants(float(at) for at in every if at not in seen)


def _cells(facts: Facts) -> Evidence:
    """The hours in which too few were compared; it goes on where the last one is such an hour."""
    roster, period, without_rest = facts.roster, facts.period, coverage.hours_without_rest(facts)
    compared: Counter[int] = Counter()
    for series in facts.expected:
        bits = series.compared_hours if series.field is MARK else 0
        if facts.tally.interval > coverage.USUAL_INTERVAL:
            bits |= bits >> 1 | bits << 1
        compared.update(hour for hour, bit in enumerate(reversed(f"{bits:b}")) if bit == "1")
    bad = []
    for hour in range(period.hours):
        expected = len(roster.expected) - sum(since > hour for since in roster.listed.values())
        poor = compared[hour] < coverage.CELLS_SHARE * expected
        bad += [hour] if poor and not without_rest >> hour & 1 else []
    ends = (period.first + (hour + 1) * HOUR_SECONDS for hour in bad)
    return _instants(ends, goes_on=period.hours - 1 in bad)


def _unequal(facts: Facts) -> Evidence:
    return _last_of(facts.tally.all_series(), "unequal_at", "same_time_at")


def _beyond_lag(facts: Facts) -> Evidence:
    return _last_of(facts.tally.all_series(), "beyond_at", "paired_at")


def _one_sided(facts: Facts) -> Evidence:
    return _last_of(facts.expected, "one_sided_at", "last_at")


def _lag(facts: Facts) -> Evidence | None:
    """A stream that is always a little late is not late at any time in particular."""
    series = [each for each in facts.expected if each.pairs]
    late = sum(each.late for each in series) / max(1, sum(each.pairs for each in series))
    if abs(facts.tally.skews.median_ms()) > service.MEDIAN_MS and late <= service.LATE_SHARE:
        return None
    return _last_of(facts.expected, "late_at", "paired_at")


def _same_time(facts: Facts) -> Evidence:
    """The hours with too few pairs of one event time."""
    ends = [
        facts.period.first + (number + 1) * HOUR_SECONDS
        for (number, field), hour in facts.tally.hourly.items()
        if field is MARK and hour.aligned_many < coverage.SAME_TIME_SHARE * hour.many
    ]
    return Evidence([(at, at) for at in ends], coverage.SAME_TIME_SHARE * coverage.SPAN_HOURS)


EVIDENCE: Mapping[str, Callable[[Facts], Evidence | None]] = {
    "equal at one event time": _unequal,
    "more than lag can move": _beyond_lag,
    "on one side only": _one_sided,
    "lag": _lag,
    "fresh data": partial(_unfit, rule=Rule.DATA),
    "API answering": partial(_unfit, rule=Rule.API),
    "watchdog there": _unobserved,
    "programs that crashed": _crashes,
    "programs that hung": _hung,
    "programs that stopped": _stopped,
    "connection": _connection,
    "longest gap": _gaps,
    "funding settlements": _settlements,
    "symbol × hour compared": _cells,
    "pairs of one event time": _same_time,
}
"""Of the criteria, by name, that time may heal. Of all others no time is known: the state is as it
is now, and a doubtful record stays doubtful until somebody has looked."""
