"""The figures and what follows from them; nothing here measures."""

import json
import math

import pytest

from harness.bench.figures import OURS, Figures, p99, ratio


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5.0], 5.0),
        ([1.0, 2.0], 1.99),
        ([float(n) for n in range(101)], 99.0),
        ([float(n) for n in range(100, -1, -1)], 99.0),
    ],
)
def test_p99(values: list[float], expected: float) -> None:
    assert p99(values) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("ours", "other", "expected"),
    [(3.0, 2.0, 1.5), (0.0, 2.0, 0.0), (3.0, 0.0, None), (None, 2.0, None), (3.0, None, None)],
)
def test_ratio(ours: float | None, other: float | None, expected: float | None) -> None:
    assert ratio(ours, other) == expected
    assert ratio(math.nan, 2.0) is None


def test_ratios_are_ours_in_units_of_the_other(figures: Figures) -> None:
    floor, absent = figures.find(3, "one", "floor <x>"), figures.find(3, "one", "absent")
    assert floor is not None
    assert absent is not None
    assert figures.ratio_to(floor) == 2.0
    assert figures.ratio_to(floor, "p99") == pytest.approx(2.98 / 1.98)
    assert figures.ratio_to(absent) is None
    assert figures.ratio_to(figures.lines[0]) is None
    assert figures.data()[1]["ours_by_median"] == 2.0
    figures.single(6, "growth", OURS, "×", math.nan)
    json.dumps(figures.data(), allow_nan=False)
