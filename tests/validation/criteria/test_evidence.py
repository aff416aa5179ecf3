"""When it was that a criterion was not met: sums that can be made by hand."""

import math

import pytest

from validation.criteria.evidence import Evidence


@pytest.mark.parametrize(
    ("evidence", "clear_from"),
    [
        (Evidence([]), -math.inf),
        (Evidence([(10, 10)]), 10),
        (Evidence([(30, 30), (10, 10), (20, 20)]), 30),
        (Evidence([(30, 30), (10, 10), (20, 20)], allowed=2), 10),
        (Evidence([(30, 30), (10, 10), (20, 20)], allowed=3), -math.inf),
        (Evidence([(100, 200)], allowed=86), 114),
        (Evidence([(100, 200), (300, 350)], allowed=86), 164),
        (Evidence([(100, 200), (300, 390)], allowed=86), 304),
        (Evidence([(100, 200)], allowed=100), -math.inf),
        (Evidence([(100, 200)], allowed=86, whole=True), 100),
        (Evidence([(100, 200), (300, 350)], allowed=60, whole=True), 100),
        (Evidence([(100, 200)], goes_on=True), None),
    ],
)
def test_period_is_clear_from_the_instant_on_after_which_enough_is_gone(
    evidence: Evidence, clear_from: float | None
) -> None:
    assert evidence.clear_from == clear_from


def test_what_is_outside_others_is_weighed() -> None:
    evidence = Evidence([(100, 200), (300, 350), (500, 500)])
    assert evidence.outside([], 10) == 100 + 50 + 1
    assert evidence.outside([(205, 290)], 10) == 1
    assert evidence.outside([(205, 289)], 5) == 50 + 1
