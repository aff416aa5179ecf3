"""The rules: which difference has which outcome, and what may excuse it."""

import pytest

from validation import rules


@pytest.mark.parametrize(
    ("field", "ours", "theirs", "difference", "outcome"),
    [
        (rules.MARK, 100.1, 100.0, 0.1, "match"),
        (rules.MARK, 100.11, 100.0, 0.11, "mismatch"),
        (rules.MARK, 98.9, 100.0, 1.1, "significant"),
        (rules.MARK, 1.0, 0.0, float("inf"), "significant"),
        (rules.MARK, 0.0, 0.0, 0.0, "match"),
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
    ("field", "difference", "skew", "claimed", "reason"),
    [
        (rules.MARK, 1.5, 1001, 0, "lag"),
        (rules.MARK, 1.5, 1000, 0, None),
        (rules.MARK, 1.5, -1000, 1, "claimed"),
        (rules.MARK, 1.5, 5, 1, None),
        (rules.MARK, 1.5, None, 1, None),
        (rules.MARK, 4.0, 2000, 0, "lag"),
        (rules.MARK, 4.5, 2000, 1, None),
        (rules.MARK, 10.0, 60_000, 0, "lag"),
        (rules.MARK, 11.0, 60_000, 1, None),
        (rules.RATE, 300.0, 2000, 0, "lag"),
    ],
)
def test_lag_excuses_only_readings_far_apart(
    field: str, difference: float, skew: int | None, claimed: int, reason: str | None
) -> None:
    assert rules.excuse(field, difference, skew, claimed) == reason


@pytest.mark.parametrize(
    ("past_the_hour", "skew", "turning"),
    [
        (0, 0, True),
        (9_999, 5, True),
        (10_000, 0, False),
        (-1, 0, False),
        (-500, 600, True),
        (10_500, -10_501, True),
        (-500, None, False),
        (None, 0, False),
    ],
)
def test_rates_of_two_funding_intervals_are_not_compared(
    past_the_hour: int | None, skew: int | None, turning: bool
) -> None:
    time = None if past_the_hour is None else 497_215 * rules.HOUR_MS + past_the_hour
    assert rules.may_span_settlement(time, skew) is turning


def test_either_outcome_is_right_at_the_very_limit_and_no_other_word_is() -> None:
    for limit, outcomes in ((0.1, ("match", "mismatch")), (1.0, ("mismatch", "significant"))):
        assert all(rules.stored_agrees(limit, outcome, None) for outcome in outcomes)
        assert not any(rules.stored_agrees(limit, word, None) for word in ("fine", "", None))
