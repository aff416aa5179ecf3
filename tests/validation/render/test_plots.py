"""Drawings: well-formed, escaped, and bounded."""

import re
import xml.etree.ElementTree as ET

import pytest

from validation.render import plots

HOSTILE = '<script>"&'
DRAWINGS = {
    "columns": plots.columns_plot(HOSTILE, [HOSTILE, "b"], [(0, 0), (1_500_000, 3)]),
    "no columns": plots.columns_plot("", [], []),
    "curves": plots.time_plot(HOSTILE, [HOSTILE] * 30, [("all", [0.0, 5.0] * 15)], 0.1),
    "broken curve": plots.time_plot(
        HOSTILE,
        ["12:00"] * 7,
        [("all", [1.0, 2.0, None, 3.0, None, 4.0, 5.0])],
        0.1,
        [(-3.0, 2.5, HOSTILE), (4.0, 99.0, "")],
    ),
    "one instant": plots.time_plot("", ["12:00"], [("all", [0.0])], 0.1),
    "skew": plots.skew_plot(HOSTILE, 200, [[-99, 4], [0, 0]], [[99, -99, 1], [0, 99, 10**9]]),
    "bars": plots.bars_plot(HOSTILE, [(HOSTILE, 3.0), ("b", 0.0)], "%"),
    "no bars": plots.bars_plot("", [], "%"),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawing_is_well_formed_and_inside_its_frame(name: str) -> None:
    root = ET.fromstring(DRAWINGS[name])  # our own text
    assert root.tag == "svg"
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for element in root.iter():
        for attribute, limit in (("x", width), ("cx", width), ("y", height), ("cy", height)):
            assert 0 <= float(element.attrib.get(attribute, 0)) <= limit, ET.tostring(element)
        for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", element.attrib.get("points", "")):
            assert 0 <= float(x) <= width
            assert 0 <= float(y) <= height


def test_large_numbers_are_short() -> None:
    assert ">1.5M</text>" in DRAWINGS["columns"]
    assert plots.columns_plot("", ["a"], [(1_200, 999)]).count(">1.2k</text>") == 1


def test_empty_column_is_not_drawn() -> None:
    assert DRAWINGS["columns"].count("<rect") == 2
    assert DRAWINGS["skew"].count("<circle") == 3, "no dot for no comparisons"


def test_curve_breaks_where_nothing_is_known() -> None:
    drawing = DRAWINGS["broken curve"]
    assert [points.count(",") for points in re.findall(r'points="(.*?)"', drawing)] == [2, 2]
    assert drawing.count("<circle") == 1, "a value between two unknown ones is a dot"
    assert drawing.count("<rect") == 2
