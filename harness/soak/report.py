"""The verdicts and tables of a soak, as markdown and as data."""

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from harness.soak.fault_courses import Fault
from harness.soak.observations import Observations
from harness.soak.slopes import MEASURES, Slope
from harness.soak.verdict import in_time
from harness.tables import Criterion, criteria_table, table

_FORM = "github"


class FaultRow(NamedTuple):
    """One kind of fault: how often, seconds until recovered, and the bound."""

    name: str
    times: int
    median: float
    most: float
    bound: float
    late: int


def fault_rows(seen: Observations) -> list[FaultRow]:
    """By name."""
    by_name: dict[str, list[Fault]] = defaultdict(list)
    for each in seen.faults:
        by_name[each.kind.name].append(each)
    rows = []
    for name, faults in by_name.items():
        seconds = [each.seconds for each in faults if each.ended] or [math.nan]
        late = sum(not in_time(each, seen.speed) for each in faults)
        bound = faults[0].kind.bound(seen.speed)
        median = statistics.median(seconds)
        rows.append(FaultRow(name, len(faults), median, max(seconds), bound, late))
    return sorted(rows)


def markdown(heading: str, found: Sequence[Criterion], seen: Observations) -> str:
    """Three tables, and what failed."""
    faults = [
        (row.name, row.times, f"{row.median:.1f} s", f"{row.most:.1f} s", f"{row.bound:.1f} s",
         row.late or "")
        for row in fault_rows(seen)
    ]  # fmt: skip
    growth = [
        (program, *map(_cell, measures.values()), f"{_shortest(measures) / 60:.0f}")
        for program, measures in seen.slopes.items()
    ]
    parts = [
        heading,
        criteria_table(found, _FORM),
        table(faults, ("fault", "times", "median", "at most", "bound", "too late"), _FORM),
        table(growth, ("per hour, 95 % interval", *MEASURES, "minutes"), _FORM),
        *(f"{each.name}: {detail}" for each in found for detail in each.details),
    ]
    return "\n\n".join(parts)


def _shortest(measures: Mapping[str, Slope]) -> float:
    return min(each.seconds for each in measures.values())


def _cell(each: Slope) -> str:
    if math.isinf(each.high):
        return "too short"
    return f"{each.per_hour:+.2f} ({each.low:+.2f} to {each.high:+.2f}), at the end {each.last:.1f}"


def data(heading: str, found: Sequence[Criterion], seen: Observations) -> bytes:
    """The same and every fault and anomaly, as JSON."""
    made = {
        "heading": heading,
        "criteria": [each._asdict() for each in found],
        "faults": [each._asdict() for each in fault_rows(seen)],
        "growth": {
            program: {name: each._asdict() for name, each in measures.items()}
            for program, measures in seen.slopes.items()
        },
        "answers": seen.answers,
        "wrong": seen.wrong,
        "events": [
            {
                "fault": each.kind.name,
                "began": round(each.began, 3),
                "seconds": round(each.seconds, 3) if each.ended else None,
            }
            for each in seen.faults
        ],
        "anomalies": seen.anomalies,
    }
    return msgspec.json.format(msgspec.json.encode(made), indent=1)
