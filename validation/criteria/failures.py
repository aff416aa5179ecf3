"""What is wrong, each cause told once, and the earliest instant at which a GO is possible. Pure.

A criterion follows from a cause when, without what happened during the cause, it would be met.
"""

from collections.abc import Iterable
from typing import NamedTuple

from validation.criteria.advice import advice
from validation.criteria.causes import CAUSES, DAY_SECONDS, EVER, LENGTH, NOW, Cause
from validation.criteria.criterion import Criterion, duration
from validation.criteria.evidence import Evidence
from validation.criteria.findings import EVIDENCE, own_gaps
from validation.read.audit import ingest_of
from validation.read.calendar import SETTLEMENT_SECONDS
from validation.read.facts import Facts
from validation.read.spans import Span, covered, merged

SLACK_SECONDS = 900.0
"""What follows from an outage may be seen so much earlier or later: all symbols are compared every
ten minutes, and programs take their time to start."""


class Failure(NamedTuple):
    """One cause: what happened, what to do, the criteria that fail by it, and when it was, as far
    as that is known (Unix seconds): how many times, from the beginning of the first to the end of
    the last, which began at `last`."""

    text: str
    advice: str
    criteria: list[str]
    begin: float | None = None
    end: float | None = None
    goes_on: bool = False
    times: int = 1
    last: float | None = None


class GoPossible(NamedTuple):
    """The earliest instant, if nothing else happens; None where `needs` must be mended first."""

    at: float | None
    needs: list[str]


def failures(facts: Facts, judged: Iterable[Criterion]) -> list[Failure]:
    """One for each cause, and one for each criterion that fails by itself."""
    failed = [each for each in judged if not each.passed]
    left, early = [each.name for each in failed], {each.name for each in failed if each.too_early}
    evidence = {name: _evidence(facts, name) for name in left}
    found = []
    for cause in CAUSES:
        spans = cause.spans(facts) if cause.head & set(left) else []
        names = [each for each in left if _follows(each, cause, spans, evidence[each], facts)]
        if spans and cause.head <= LENGTH:
            names += [each for each in left if each in early and each not in names]
        if cause.head & set(names):
            found.append(_of_cause(facts, cause, spans, names, evidence))
            left = [each for each in left if each not in names]
    return found + [_alone(facts, each, evidence[each]) for each in left]


def _of_cause(
    facts: Facts, cause: Cause, spans: list[Span], names: list[str],
    evidence: dict[str, Evidence | None],
) -> Failure:  # fmt: skip
    seconds = covered(spans, (facts.period.since, facts.period.until))
    text = cause.text.format(seconds=duration(seconds))
    todo = advice(cause.advice_of, ingest_of(facts.market))
    if EVER not in spans:
        failure = _timed(Failure(text, todo, names), spans)
        return failure._replace(goes_on=(failure.end or 0.0) >= facts.period.until)
    dated = [] if cause.head <= LENGTH else [each for each in map(evidence.get, names) if each]
    return _dated(Failure(text, todo, names), dated[0] if dated else None)


def _evidence(facts: Facts, name: str) -> Evidence | None:
    found = EVIDENCE[name](facts) if name in EVIDENCE else None
    return found if found and found.spans else None


def _follows(
    name: str, cause: Cause, spans: list[Span], evidence: Evidence | None, facts: Facts
) -> bool:
    """Whether `name` would be met without what happened in `spans`."""
    if name not in cause.criteria or not spans:
        return False
    if evidence is None:
        now = max(end for _, end in spans) >= facts.period.until - SLACK_SECONDS
        return now or name not in NOW
    return evidence.outside(spans, SLACK_SECONDS) <= evidence.allowed


def _alone(facts: Facts, name: str, evidence: Evidence | None) -> Failure:
    todo = advice(name, ingest_of(facts.market))
    failure = Failure(f"not met: {name}", todo, [name], goes_on=name in NOW)
    return _dated(failure, evidence)


def _dated(failure: Failure, evidence: Evidence | None) -> Failure:
    if evidence is None:
        return failure
    return _timed(failure, evidence.spans)._replace(goes_on=evidence.goes_on)


def _timed(failure: Failure, spans: Iterable[Span]) -> Failure:
    """Instants are readings of something that lasted: they are not counted."""
    every = merged(spans)
    begin, end = every[0][0], max(end for _, end in every)
    if any(b == e for b, e in every):
        return failure._replace(begin=begin, end=end)
    return failure._replace(begin=begin, end=end, times=len(every), last=every[-1][0])


def go_possible(facts: Facts, judged: Iterable[Criterion]) -> GoPossible:
    """When all that fails has dropped out of a period of the same length that ends then.

    A period that begins within a gap has its first comparison at the gap's end, and must span a day
    from there on, with three settlements.
    """
    failed, period = [each for each in judged if not each.passed], facts.period
    if period.until - period.since < DAY_SECONDS:
        return GoPossible(None, ["span"])
    start, needs = period.since, []
    for each in failed:
        evidence = _evidence(facts, each.name)
        lasts = each.name in LENGTH or each.too_early
        clear = evidence.clear_from if evidence else period.since if lasts else None
        if clear is None:
            needs.append(each.name)
        else:
            start = max(start, clear)
    if needs:
        return GoPossible(None, needs)
    first = max([period.first, *(end for begin, end in own_gaps(facts) if begin <= start < end)])
    third = (first // SETTLEMENT_SECONDS + 3) * SETTLEMENT_SECONDS
    length = period.until - period.since
    return GoPossible(max(start + length, first + DAY_SECONDS, third), [])
