"""Criteria, verdicts and tables."""

import math

import pytest

from harness.tables import Criterion, Verdict, criteria_table, failed, number, table, verdict


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (math.nan, "–"), (0.0, "0"), (12345.6, "12,346"), (1.2345, "1.23")],
)
def test_numbers_have_three_figures(value: float | None, shown: str) -> None:
    assert number(value) == shown


def test_bad_is_bad_even_where_little_was_measured() -> None:
    assert verdict(True) is Verdict.PASS
    assert verdict(True, measured=False) is Verdict.OPEN
    assert verdict(False, measured=False) is Verdict.FAIL


def test_what_failed_is_picked_and_shown() -> None:
    criteria = [
        Criterion("first", Verdict.PASS, "1"),
        Criterion("second", Verdict.FAIL, "2"),
        Criterion("third", Verdict.OPEN, "3"),
    ]
    assert [each.name for each in failed(criteria)] == ["second"]
    assert "| second      | FAIL      | 2         |" in criteria_table(criteria, "github")


def test_numbers_that_are_text_stay_as_they_are() -> None:
    assert "1.10" in table([("1.10", "")], ("a", "b"), "simple")
