"""The report as data: `--format json` prints it, and the terminal and the page are made of it."""

from typing import Any

from validation.criteria import agreement, coverage, verdict
from validation.criteria.failures import failures, go_possible
from validation.read.availability import Rule
from validation.read.facts import Facts
from validation.render import distribution
from validation.render.rest_saved import rest_saved
from validation.rules import FIELDS, OUTCOMES

GAPS_SHOWN, SYMBOLS_SHOWN = 20, 50

Document = dict[str, Any]


def document(facts: Facts, at: float) -> Document:
    """All of it. Differences in percent, times in Unix seconds, durations in seconds."""
    judged = verdict.judge(facts)
    criteria = [each for _, each in judged]
    return {
        "verdict": "GO" if all(each.passed for each in criteria) else "NO-GO",
        "at": at,
        "exchange": facts.exchange,
        "criteria": [{"group": group.value, **each._asdict()} for group, each in judged],
        "failures": [each._asdict() for each in failures(facts, criteria)],
        "go_possible": go_possible(facts, criteria)._asdict(),
        "warnings": verdict.warnings(facts),
        "coverage": _coverage(facts),
        "totals": _totals(facts),
        "differences": distribution.differences(facts.tally),
        "worst": distribution.worst(facts.tally),
        "worst_symbols": distribution.worst_symbols(facts.tally),
        "hours": distribution.hours(facts.tally),
        "skew": distribution.skew(facts.tally),
        "availability": _availability(facts),
        "events": _events(facts),
        "rest": rest_saved(facts),
    }


def _coverage(facts: Facts) -> Document:
    period, compared = facts.period, coverage.compared_symbols(facts)
    cells = coverage.cells(facts).values()
    sided = agreement.one_sided(facts)
    only_rest = {each.symbol for each in sided if each.missing_ws > each.missing_rest}
    only_stream = {each.symbol for each in sided if each.missing_rest > each.missing_ws}
    return {
        "since": period.since,
        "until": period.until,
        "first": period.first,
        "last": period.last,
        "span": period.span,
        "gaps": [{"begin": b, "end": e, "seconds": e - b} for b, e in period.gaps[:GAPS_SHOWN]],
        "gaps_total": len(period.gaps),
        "longest_gap": period.longest_gap,
        "known": len(facts.roster.known),
        "expected": len(facts.roster.expected),
        "compared": len(compared),
        "not_compared": sorted(facts.roster.known - compared)[:SYMBOLS_SHOWN],
        "only_rest": sorted(only_rest)[:SYMBOLS_SHOWN],
        "only_stream": sorted(only_stream)[:SYMBOLS_SHOWN],
        "cells": sum(total for _, total in cells),
        "cells_compared": sum(done for done, _ in cells),
        "settlements": coverage.settlements(facts),
    }


def _totals(facts: Facts) -> Document:
    tally = facts.tally

    def counted(*, of: str | None = None, by: str | None = None) -> dict[str, int]:
        found = {outcome.value: 0 for outcome in OUTCOMES}
        for (source, field, outcome), many in tally.outcomes.items():
            if of in (None, field) and by in (None, str(source)):
                found[outcome] += many
        return {"total": sum(found.values()), **found}

    sources = sorted({str(source) for source, _, _ in tally.outcomes})
    return {
        "all": counted(),
        "by_field": {field.value: counted(of=field) for field in FIELDS},
        "by_source": {name: counted(by=name) for name in sources},
        "unequal": sum(series.unequal for series in tally.all_series()),
        "beyond_lag": sum(series.beyond_lag for series in tally.all_series()),
        "controls": tally.planted.planted,
        "controls_missed": tally.planted.missed,
    }


def _events(facts: Facts) -> Document:
    audit = facts.audit
    return {
        "counts": {f"{kind} ({source})": n for (kind, source), n in sorted(audit.counts.items())},
        "crashes": [each.at for each in audit.crashes],
        "shown": [
            {"at": each.at, "source": each.source, "kind": each.kind, "detail": each.detail}
            for each in audit.shown
        ],
    }


def _availability(facts: Facts) -> Document:
    found = facts.availability
    shares = {rule.value: found.share(rule) for rule in Rule}
    return {
        "recorded": found.recorded,
        "seconds": found.seconds,
        "unobserved": found.unobserved,
        **shares,
    }
