"""The rules: which difference has which outcome, and what may excuse it."""

import pytest

from validation import rules
from validation.exchanges import BINANCE


@pytest.mark.parametrize(
    ("field", "ours", "theirs", "difference", "outcome"),
    [
        (rules.MARK, 100.1, 100.0, 0.1, "match"),
        (rules.MARK, 100.11, 100.0, 0.11, "mismatch"),
        (rules.MARK, 98.9, 100.0, 1.1, "significant"),
        (rules.MARK, 1.0, 0.0, float("inf"), "significant"),
        (rules.MARK, 0.0, 0.0, 0.0, "match"),
        (rules.INDEX, 0.0, 100.0, 100.0, "significant"),
        (rules.RATE, 0.00011, 0.0001, 10.0, "significant"),
        (rules.RATE, 0.0000005, 0.0, 0.5, "mismatch"),
        (rules.RATE, -0.0001, 0.0001, 200.0, "significant"),
        (rules.RATE, 0.00000109, 0.000001, 0.09, "match"),
        (rules.RATE, 0.02004, 0.02, 0.2, "mismatch"),
    ],
)
def test_difference_and_outcome(
    field: str, ours: float, theirs: float, difference: float, outcome: str
) -> None:
    found = rules.difference_pct(field, ours, theirs)
    assert found == pytest.approx(difference)
    assert rules.stored_agrees(found, outcome, found)
    assert rules.stored_agrees(found, outcome, -found)
    assert rules.stored_agrees(found, outcome, None)
    for other in {"match", "mismatch", "significant", "fine", None} - {outcome}:
        if abs(found - rules.MATCH_PCT) > 1e-9:
            assert not rules.stored_agrees(found, other, found)


@pytest.mark.parametrize(
    ("field", "difference", "skew", "expected"),
    [
        (rules.MARK, 1.0, 300, False),
        (rules.MARK, 1.1, 300, True),
        (rules.MARK, 4.0, 2_000, False),
        (rules.INDEX, 4.1, -2_000, True),
        (rules.MARK, 10.0, 60_000, False),
        (rules.MARK, 10.1, 60_000, True),
        (rules.RATE, 300.0, 2_000, False),
    ],
)
def test_lag_moves_prices_only_so_far(
    field: str, difference: float, skew: int, expected: bool
) -> None:
    assert rules.beyond_lag(field, difference, skew) is expected


@pytest.mark.parametrize(
    ("past_the_hour", "expected"), [(0, True), (9_999, True), (10_000, False), (-1, False)]
)
def test_rates_are_not_judged_just_after_a_whole_hour(past_the_hour: int, expected: bool) -> None:
    assert rules.just_settled(497_215 * rules.HOUR_MS + past_the_hour) is expected
    assert rules.just_settled(None) is False


@pytest.mark.parametrize(
    ("mark", "index", "expected"),
    [(100.0, 100.0, False), (125.0, 100.0, False), (126.0, 100.0, True), (74.0, 100.0, True),
     (100.0, 0.0, True)],
)  # fmt: skip
def test_mark_is_near_its_index(mark: float, index: float, expected: bool) -> None:
    assert rules.far_from_index(mark, index) is expected


def test_majors_are_twenty() -> None:
    assert len(BINANCE.majors) == 20
    assert BINANCE.largest <= BINANCE.majors


def test_either_outcome_is_right_at_the_very_limit_and_no_other_word_is() -> None:
    for limit, outcomes in ((0.1, ("match", "mismatch")), (1.0, ("mismatch", "significant"))):
        assert all(rules.stored_agrees(limit, outcome, None) for outcome in outcomes)
        assert not any(rules.stored_agrees(limit, word, None) for word in ("fine", "", None))
