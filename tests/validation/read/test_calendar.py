"""The calendar: gaps, witnesses of settlements, and minutes out of order."""

from collections.abc import Iterable

import pytest

from validation.read.calendar import GAPS_KEPT, SETTLEMENT_SECONDS, Calendar, Gaps

SETTLEMENT = 62_152.0 * SETTLEMENT_SECONDS


def test_gaps_of_more_than_five_minutes_are_kept() -> None:
    gaps = Gaps(1_000.0)
    for at in (1_000.0, 1_300.0, 1_601.0, 1_700.0):
        gaps.add(at)
    assert gaps.found == [(1_300.0, 1_601.0)]
    assert gaps.longest == 301.0


def test_number_of_gaps_is_bounded() -> None:
    gaps = Gaps(0.0)
    for number in range(GAPS_KEPT + 9):
        gaps.add(number * 400.0)
    gaps.add(1e9)
    assert len(gaps.found) == GAPS_KEPT
    assert gaps.longest > 1e8


def test_hours_count_from_the_first_pair() -> None:
    calendar = Calendar(1_000.0)
    assert [calendar.begin_instant(at)[0] for at in (900.0, 1_000.0, 4_599.0, 4_600.0)] == [
        *(0, 0, 0, 1)
    ]


@pytest.mark.parametrize(
    ("after", "expected"),
    [(-5_401, None), (-5_400, False), (-1, False), (0, True), (5_400, True), (5_401, None)],
)
def test_witnesses_are_collected_around_a_settlement(after: float, expected: bool | None) -> None:
    calendar = Calendar(SETTLEMENT - 9_999)
    _, witness = calendar.begin_instant(SETTLEMENT + after)
    keys = [] if expected is None else [(62_152, expected)]
    assert list(calendar.witnesses) == keys
    assert (None if witness is None else witness[:2]) == (
        None if expected is None else (expected, abs(after))
    )


def minutes(rows: Iterable[tuple[int, int]]) -> int:
    """How many are out of order when rows of (minute, id) come in the order of their minutes."""
    calendar = Calendar(0.0)
    for minute, number in rows:
        calendar.add_row(minute * 60.0, number)
    return calendar.backwards()


def test_minutes_written_later_are_out_of_order() -> None:
    assert minutes((minute, minute) for minute in range(99)) == 0
    assert minutes([(1, 1), (2, 4), (3, 2), (4, 3)]) == 0, "two minutes may be a slow reply"
    assert minutes([(1, 1), (2, 9), (3, 2), (4, 3), (5, 4)]) == 1
    assert minutes([(1, 8), (1, 9), (4, 2), (5, 3)]) == 1
