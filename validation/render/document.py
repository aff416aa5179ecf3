"""The report as data: what `--format json` prints, and what text and page are made of."""

import math
from bisect import bisect_right
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from validation.criteria import coverage, timing, verdict
from validation.read.differences import Hour, Spread
from validation.read.facts import Facts
from validation.read.tally import SKEW_STEP_MS
from validation.rules import FIELDS, MOST_PCT, RATE

BUCKETS_PCT = (0.0, 0.001, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0)
POLLED_SYMBOLS, POLL_SECONDS = 340, 10
"""What the open-interest poller asks: about 340 symbols every ten seconds or so."""
POLLED_ROUTE = "openInterest"
ONE_SYMBOL_WEIGHT = 1
"""Of premiumIndex for one symbol."""
FUNDING_POLL_SECONDS = 300
GAPS_SHOWN = 20

Document = dict[str, Any]


def iso(at: float) -> str:
    """Unix seconds as UTC to the second."""
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, OSError, ValueError):
        return f"{at:g}"


def document(facts: Facts, at: float) -> Document:
    """All of it. Differences in percent, times in Unix seconds, durations in seconds."""
    judged = verdict.judge(facts)
    return {
        "verdict": "GO" if all(each.passed for each in judged) else "NO-GO",
        "at": at,
        "exchange": facts.exchange,
        "criteria": [each._asdict() for each in judged],
        "warnings": verdict.warnings(facts),
        "coverage": _coverage(facts),
        "totals": _totals(facts),
        "differences": _differences(facts),
        "worst": _worst(facts),
        "worst_symbols": _worst_symbols(facts),
        "hours": _hours(facts),
        "skew": _skew(facts),
        "events": {
            "counts": dict(sorted(facts.audit.counts.items())),
            "crashes": [each.at for each in facts.audit.crashes],
            "shown": [
                {"at": e.at, "source": e.source, "kind": e.kind, "detail": e.detail}
                for e in facts.audit.shown
            ],
        },
        "rest": _rest(facts),
    }


def _coverage(facts: Facts) -> Document:
    period, compared = facts.period, coverage.compared_symbols(facts)
    done, total = coverage.cells(facts)
    sided = coverage.one_sided(facts)
    return {
        "since": period.since,
        "until": period.until,
        "first": period.first,
        "last": period.last,
        "span": period.span,
        "gaps": [{"begin": b, "end": e, "seconds": e - b} for b, e in period.gaps[:GAPS_SHOWN]],
        "gaps_total": len(period.gaps),
        "longest_gap": period.longest_gap,
        "known": len(facts.known),
        "compared": len(compared),
        "not_compared": sorted(facts.known - compared)[:50],
        "only_rest": sorted({t.symbol for t in sided if t.missing_ws > t.missing_rest})[:50],
        "only_stream": sorted({t.symbol for t in sided if t.missing_rest > t.missing_ws})[:50],
        "cells": total,
        "cells_compared": done,
        "settlements": coverage.settlements(facts),
    }


def _totals(facts: Facts) -> Document:
    outcomes = facts.tally.outcomes

    def counted(*, of: str | None = None, by: str | None = None) -> dict[str, int]:
        found = {"match": 0, "mismatch": 0, "significant": 0}
        for (source, field, outcome), many in outcomes.items():
            if of in (None, field) and by in (None, str(source)):
                found[outcome] += many
        return {"total": sum(found.values()), **found}

    sources = sorted({str(source) for source, _, _ in outcomes})
    return {
        "all": counted(),
        "by_field": {name: counted(of=name) for name in FIELDS},
        "by_source": {name: counted(by=name) for name in sources},
        "unexplained": facts.tally.unexplained.total(),
        "explained": facts.tally.lag + facts.tally.claimed,
        "controls": facts.tally.controls.planted,
        "controls_missed": facts.tally.controls.missed,
    }


def _quantile(spread: Spread, share: float) -> float:
    """The smallest value that `share` of all do not exceed; all but `values` are zero."""
    position = math.ceil(share * spread.many) - 1 - (spread.many - len(spread.values))
    return spread.values[position] if 0 <= position < len(spread.values) else 0.0


def _figures(spread: Spread) -> Document:
    same = spread.many - len(spread.values)
    # A bucket holds what is above the limit before it and not above its own.
    edges = [same + bisect_right(spread.values, limit) for limit in BUCKETS_PCT] + [spread.many]
    return {
        "comparisons": spread.many,
        "average": spread.average,
        "median": _quantile(spread, 0.5),
        "p95": _quantile(spread, 0.95),
        "p99": _quantile(spread, 0.99),
        "maximum": spread.values[-1] if spread.values else 0.0,
        "buckets": [edges[0], *(b - a for a, b in pairwise(edges))],
    }


def _differences(facts: Facts) -> Document:
    found: Document = {"limits": list(BUCKETS_PCT)}
    for name, spreads in (("all", facts.tally.everything), ("aligned", facts.tally.aligned)):
        found[name] = {"both": _figures(Spread.of(spreads.values()))}
        found[name] |= {field: _figures(spreads[field]) for field in FIELDS}
    return found


def _worst(facts: Facts) -> list[Document]:
    return [
        {
            "at": each.row.at,
            "source": str(each.row.source),
            "symbol": each.row.symbol,
            "field": each.row.field,
            "ws_value": each.row.ws,
            "rest_value": each.row.rest,
            "difference": min(each.difference, MOST_PCT),
            "skew_ms": each.row.skew_ms if isinstance(each.row.skew_ms, int) else None,
        }
        for each in facts.tally.worst.ranked()
    ]


def _worst_symbols(facts: Facts) -> list[Document]:
    tracks = [track for track in facts.tally.both() if track.aligned_sum]
    tracks.sort(key=lambda track: -track.aligned_sum / track.aligned)
    return [
        {
            "symbol": track.symbol,
            "field": track.field,
            "average": track.aligned_sum / track.aligned,
            "comparisons": track.pairs,
            "significant": track.significant,
        }
        for track in tracks[:20]
    ]


def _hours(facts: Facts) -> list[Document]:
    hourly, first = facts.tally.hourly, facts.period.first
    found = []
    for hour in sorted({hour for hour, _ in hourly}):
        entry: Document = {"at": first + hour * 3600}
        for field in FIELDS:
            known = hourly.get((hour, field), Hour())
            entry["rate" if field == RATE else "price"] = {
                "comparisons": known.many,
                "average": known.average,
                "maximum": known.maximum,
            }
        found.append(entry)
    return found


def _skew(facts: Facts) -> Document:
    coarse: dict[int, int] = {}
    for step, many in facts.tally.skews.items():
        coarse[step // 20] = coarse.get(step // 20, 0) + many
    differ: dict[int, int] = {}
    for (step, _), many in facts.tally.grid.items():
        differ[step] = differ.get(step, 0) + many
    return {
        "step_ms": SKEW_STEP_MS * 20,
        "median_ms": timing.median_skew(facts),
        "identical": [[step, many - differ.get(step, 0)] for step, many in sorted(coarse.items())],
        # [skew step, quarter decade of the difference in percent, comparisons]
        "different": [[step, size, n] for (step, size), n in sorted(facts.tally.grid.items())],
    }


def _rest(facts: Facts) -> Document:
    """Saved is what one premiumIndex call per symbol, of weight 1, would have cost, less what the
    calls for prices cost. A poll is a loop of the open-interest poller: what it asked there is
    counted, one call per symbol; where it did not run, its usual loop is supposed."""
    span, known, used = facts.period.span, len(facts.known), facts.usage.used
    prices = [spent for (_, route), spent in used.items() if "premium" in route.lower()]
    calls, weight = (sum(column) for column in zip((0, 0), *prices, strict=True))
    polls = sum(many for (_, route), (many, _) in used.items() if route == POLLED_ROUTE)
    supposed = round(min(known, POLLED_SYMBOLS) * span / POLL_SECONDS)

    def instead(asked: int) -> Document:
        saved = {"saved": asked - calls, "saved_weight": asked * ONE_SYMBOL_WEIGHT - weight}
        return {"calls": asked, "weight": asked * ONE_SYMBOL_WEIGHT, **saved}

    return {
        "calls": facts.usage.calls,
        "weight": facts.usage.weight,
        "used": [
            {"caller": caller, "route": route, "calls": calls, "weight": weight}
            for (caller, route), (calls, weight) in sorted(used.items())
        ],
        "price_calls": calls,
        "price_weight": weight,
        "instead_of_five_minutes": instead(round(known * span / FUNDING_POLL_SECONDS)),
        "instead_of_polls": instead(polls or supposed) | {"counted": polls > 0},
    }
