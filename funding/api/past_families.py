"""The metrics of what changes slowly: comparisons, programs, REST usage and verdicts."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from funding.api.metrics import Buckets, Family, Kind, gauge
from funding.model.verdict import GO, Verdict
from funding.store.metrics_reader import DIFFERENCE_BOUNDS_PCT, Compared, RestUsed
from funding.store.overview_reader import Saved, Started


class Past(NamedTuple):
    """What changes slowly, and may be some seconds old."""

    compared: Sequence[Compared]
    ends: Sequence[tuple[str, str, int]]
    starts: Sequence[Started]
    rest: Sequence[RestUsed]
    saved: Sequence[Saved]
    verdicts: Sequence[Verdict]
    waiting_posts: int | None


def families(past: Past) -> list[Family]:
    """All metrics of `past`."""
    return [
        *_of_comparisons(past.compared),
        *_of_programs(past.starts, past.ends),
        *_of_rest(past.rest, past.saved),
        *_of_verdicts(past.verdicts),
        Family(
            Kind.GAUGE,
            "funding_posts_waiting",
            "Alerts that no target has accepted yet",
            [],
            [((), past.waiting_posts)],
        ),
    ]


def _of_comparisons(compared: Sequence[Compared]) -> list[Family]:
    outcomes: Counter[tuple[str, str]] = Counter()
    for each in compared:
        outcomes[each.exchange, each.outcome] += each.values
    fields = sorted({(each.exchange, each.field) for each in compared})
    return [
        Family(
            Kind.GAUGE,
            "funding_comparisons_last_hour",
            "Values compared with REST in the last hour",
            ["exchange", "outcome"],
            [(key, float(count)) for key, count in sorted(outcomes.items())],
        ),
        Family(
            Kind.GAUGE_HISTOGRAM,
            "funding_difference_percent",
            "How far apart stream and REST were in the last hour, without sign",
            ["exchange", "field"],
            [
                (key, _differences(each for each in compared if (each.exchange, each.field) == key))
                for key in fields
            ],
        ),
    ]


def _differences(compared: Iterable[Compared]) -> Buckets:
    found = list(compared)
    below = [sum(counts) for counts in zip(*(each.below for each in found), strict=True)]
    counts = [*below, sum(each.differences for each in found)]
    bounds = (*DIFFERENCE_BOUNDS_PCT, float("inf"))
    return Buckets(list(zip(bounds, counts, strict=True)), sum(each.total_pct for each in found))


def _of_programs(starts: Sequence[Started], ends: Sequence[tuple[str, str, int]]) -> list[Family]:
    return [
        Family(
            Kind.GAUGE,
            "funding_program_started_timestamp_seconds",
            "When supervisord started the program last",
            ["program"],
            [((each.program,), each.at) for each in starts],
        ),
        Family(
            Kind.GAUGE,
            "funding_program_ends_last_day",
            "How often a program crashed or was restarted in the last 24 hours",
            ["program", "kind"],
            [((program, kind), float(count)) for program, kind, count in ends],
        ),
    ]


def _of_rest(used: Sequence[RestUsed], saved: Sequence[Saved]) -> list[Family]:
    rest = {each.exchange: each for each in used}
    return [
        gauge(
            "rest_weight_last_minute",
            "REST weight used in the last whole minute",
            {name: each.last_minute for name, each in rest.items()},
        ),
        gauge(
            "rest_weight_today",
            "REST weight used on the present UTC day",
            {name: each.weight for name, each in rest.items()},
        ),
        gauge(
            "rest_calls_today",
            "REST calls on the present UTC day",
            {name: each.calls for name, each in rest.items()},
        ),
        gauge(
            "rest_weight_saved_today",
            "REST weight that asking by symbol would have cost beside that",
            {each.exchange: each.weight_saved for each in saved},
        ),
    ]


def _of_verdicts(last: Sequence[Verdict]) -> list[Family]:
    verdicts = {each.exchange: each for each in last}
    return [
        gauge(
            "validation_go",
            "1 where the last report says GO",
            {name: float(each.word == GO) for name, each in verdicts.items()},
        ),
        gauge(
            "validation_timestamp_seconds",
            "When the last report was made",
            {name: each.at for name, each in verdicts.items()},
        ),
        gauge(
            "validation_lapses_timestamp_seconds",
            "When the last GO ends by its age",
            {name: each.lapses_at for name, each in verdicts.items()},
        ),
    ]
