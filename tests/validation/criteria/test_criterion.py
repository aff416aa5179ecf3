"""One line of the verdict, and how its figures are written."""

import pytest

from validation.criteria.criterion import Criterion, duration, forbid, named, percent


def test_symbols_are_named_and_many_are_counted() -> None:
    assert named([]) == "none"
    assert named(["B", "A", "B"]) == "2: A, B"
    assert named("FEDCBA") == "6: A, B, C, D, E, …"
    assert named("FED", 2) == "3: D, E, …"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.5, "1 min 00 s"),
        (665, "11 min 05 s"),
        (3_600, "1 h 00 min"),
        (87_120, "24 h 12 min"),
    ],
)
def test_duration(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


def test_all_is_written_only_when_nothing_is_missing() -> None:
    assert percent(1.0) == "100.00 %"
    assert percent(0.999999) == "99.99 %"
    assert percent(0.5) == "50.00 %"


def test_forbidden_count_or_symbols() -> None:
    assert forbid("rows", 0) == Criterion("rows", "0", "none", True)
    assert forbid("rows", 1_200) == Criterion("rows", "1,200", "none", False)
    assert forbid("symbols", set(), "none at all") == Criterion(
        "symbols", "none", "none at all", True
    )
    assert forbid("symbols", {"A"}) == Criterion("symbols", "1: A", "none", False)
