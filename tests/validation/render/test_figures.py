"""The plots of a day: a gap is seen, and so is one symbol that drifts."""

import re
from pathlib import Path
from typing import Any

from tests.support.report_days import drift, run
from tests.support.report_world import END, HOUR, tamper
from validation.render import figures


def over_time(path: Path) -> str:
    """The drawing of the differences over time."""
    found = figures.figures(run(path, "--no-store")[1])
    (drawing,) = re.findall(r'<svg[^>]*aria-label="difference over time">.*?</svg>', found)
    return str(drawing)


def heights(drawing: str, css: str) -> list[float]:
    """How high the points of a curve are, downwards from the top."""
    points = re.findall(rf'points="([^"]*)" class="curve {css}"', drawing)
    return [float(point.split(",")[1]) for part in points for point in part.split()]


def test_one_symbol_half_a_percent_off_is_far_above_the_limit(world: Path) -> None:
    """The average of all symbols hides it."""
    fair = over_time(world)
    tamper(world, drift(0.5))
    drawing = over_time(world)
    (limit,) = re.findall(r'y1="([\d.]+)"[^>]*class="limit"', drawing)
    above = [y < float(limit) - 50 for y in heights(drawing, "largest")]
    assert above.count(False) <= 2, "an hour may have no pair of one event time"
    assert min(heights(drawing, "")) > float(limit)
    assert min(heights(fair, "largest")) > float(limit)


def test_curves_break_at_a_gap_which_is_shaded(world: Path) -> None:
    begin, end = END - 9 * HOUR, END - 6 * HOUR
    assert over_time(world).count("<polyline") == 3
    tamper(world, f"DELETE FROM comparison WHERE compared_at BETWEEN {begin} AND {end};")
    drawing = over_time(world)
    assert drawing.count("<polyline") == 6
    ((x, width, tip),) = re.findall(
        r'<rect x="([\d.]+)"[^>]* width="([\d.]+)"[^>]*class="band"><title>(.*?)</title>', drawing
    )
    left = [float(p.split(",")[0]) for p in re.findall(r'points="([^"]*)"', drawing)[0].split()]
    right = [float(p.split(",")[0]) for p in re.findall(r'points="([^"]*)"', drawing)[1].split()]
    hour = left[1] - left[0]
    assert right[0] - left[-1] > 2 * hour
    assert 2.9 * hour < float(width) < 3.2 * hour
    assert left[-1] <= float(x) + hour
    assert tip.startswith("no comparison for 3 h")


def test_long_period_has_few_ticks_and_an_empty_one_none(world: Path) -> None:
    report: dict[str, Any] = run(world, "--no-store")[1]
    first, hours = report["hours"][0]["at"], report["hours"]
    report["hours"] = [hours[0] | {"at": first + day * 86_400} for day in range(400)]
    drawing = figures.figures(report)
    assert len(re.findall(r'points="([^"]*)" class="curve largest"', drawing)[0].split()) <= 336
    report["hours"] = []
    assert "difference over time" in figures.figures(report)
    assert "none differs" in figures.figures(report)
