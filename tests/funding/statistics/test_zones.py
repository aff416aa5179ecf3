"""The zone of signals: hysteresis, and the least distance from the mean."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.statistics.zones import LEAST_DISTANCE, direction, level, zone_of_level

FAR = 2 * LEAST_DISTANCE


@pytest.mark.parametrize(
    ("previous", "z_score", "expected"),
    [
        (0, 2.0, 0), (0, 2.01, 1), (0, 3.0, 1), (0, 3.01, 2), (0, -2.5, -1), (0, -3.5, -2),
        (1, 1.95, 1), (1, 1.9, 0), (1, 3.0, 1), (1, 3.01, 2), (1, -2.5, -1), (1, -1.95, 0),
        (2, 2.95, 2), (2, 2.9, 1), (2, 1.95, 1), (2, 1.9, 0), (2, -3.5, -2), (2, -2.95, -1),
        (-1, -1.95, -1), (-1, 1.95, 0), (-2, -2.95, -2), (-2, -2.9, -1), (-2, 0.0, 0),
    ],
)  # fmt: skip
def test_level_after_another(previous: int, z_score: float, expected: int) -> None:
    assert level(previous, z_score, FAR) == expected


@given(st.integers(-2, 2), st.floats(-10, 10))
def test_a_value_at_rest_changes_nothing(previous: int, z_score: float) -> None:
    once = level(previous, z_score, FAR)
    assert level(once, z_score, FAR) == once


@given(st.integers(-2, 2), st.floats(-5, 5), st.lists(st.floats(-0.049, 0.049), max_size=20))
def test_noise_below_the_hysteresis_crosses_at_most_once(
    start: int, centre: float, noise: list[float]
) -> None:
    levels = [start]
    for each in noise:
        levels.append(level(levels[-1], centre + each, FAR))
    assert len(set(levels[1:])) <= 2
    changes = sum(before != after for before, after in pairwise(levels[1:]))
    assert changes <= 1


def test_arbusdc_is_half_a_basis_point_from_its_mean() -> None:
    assert level(0, -99.5, -0.5e-4 / 8) == 0
    assert level(0, -99.5, -1.0e-4 / 8) == -2


def test_distance_has_its_own_hysteresis() -> None:
    near = 0.95 * LEAST_DISTANCE
    assert level(0, 4.0, near) == 0
    assert level(2, 4.0, near) == 2
    assert level(-2, 4.0, near) == 0
    assert level(2, 4.0, 0.89 * LEAST_DISTANCE) == 0


def test_names() -> None:
    assert [zone_of_level(each) for each in (-2, -1, 0, 1, 2)] == [
        "extreme", "high", "normal", "high", "extreme",
    ]  # fmt: skip
    assert (direction(-2, 0), direction(1, 0)) == ("up", "down")
