"""The verdicts and tables as markdown, to be read on a terminal and put into the README, and as
data."""

import math
from collections.abc import Sequence
from typing import Any

from harness.soak.growth import MEASURES, Slope
from harness.soak.seen import Seen
from harness.soak.verdict import Criterion, table


def markdown(heading: str, found: Sequence[Criterion], seen: Seen) -> str:
    """Three tables."""
    lines = [heading, "", "| criterion | | seen |", "|---|---|---|"]
    lines += [f"| {each.name} | {each.verdict} | {each.figures} |" for each in found]
    lines += ["", "| fault | times | median | at most | bound |", "|---|---|---|---|---|"]
    for row in table(seen):
        late = f", {row.late} too late" if row.late else ""
        seconds = f"{row.median:.1f} s | {row.most:.1f} s | {row.bound:.1f} s{late}"
        lines.append(f"| {row.name} | {row.times} | {seconds} |")
    lines += ["", "| per hour, 95 % interval | " + " | ".join(MEASURES) + " | minutes |"]
    lines += ["|---" * (len(MEASURES) + 2) + "|"]
    for program, measures in seen.slopes.items():
        cells = [_cell(each) for each in measures.values()]
        minutes = min(each.seconds for each in measures.values()) / 60
        lines.append(f"| {program} | {' | '.join(cells)} | {minutes:.0f} |")
    bad = [f"{each.name}: {detail}" for each in found for detail in each.details]
    return "\n".join([*lines, *(["", *bad] if bad else [])])


def _cell(each: Slope) -> str:
    if math.isinf(each.high):
        return "too short"
    return f"{each.per_hour:+.2f} ({each.low:+.2f} to {each.high:+.2f}), {each.last:.1f} held"


def data(heading: str, found: Sequence[Criterion], seen: Seen) -> dict[str, Any]:
    """The same, for JSON: no infinities."""
    return {
        "heading": heading,
        "criteria": [each._asdict() for each in found],
        "faults": [finite(each._asdict()) for each in table(seen)],
        "growth": {
            program: {name: finite(each._asdict()) for name, each in measures.items()}
            for program, measures in seen.slopes.items()
        },
        "answers": dict(seen.answers),
        "wrong": seen.wrong,
        "events": [
            {
                "fault": each.kind.name,
                "began": round(each.began, 3),
                "seconds": round(each.seconds, 3) if each.ended else None,
            }
            for each in seen.injuries
        ],
        "odd": [finite(dict(zip(each.__slots__, _values(each), strict=True))) for each in seen.odd],
    }


def _values(each: Any) -> list[Any]:
    return [getattr(each, name) for name in each.__slots__]


def finite(row: dict[str, Any]) -> dict[str, Any]:
    """`row` with None for what JSON has no number for."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
    }
