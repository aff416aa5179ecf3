"""A rate that moves far within five minutes."""

import pytest

from funding.statistics.moves import SLOT_MS, RateWindow

START_MS = 1_764_000_000_000


def slot_of(second: float) -> int:
    return int(START_MS + second * 1000) // SLOT_MS


def told(*samples: tuple[float, float], interval: int = 8) -> list[tuple[float, float]]:
    """When a move was told and from what rate, of (second, rate in bp)."""
    (at, before), *rest = samples
    held = slot_of(at)
    window = RateWindow(held, before * 1e-4, interval)
    found = []
    for at, rate in rest:
        start = window.moved_from(slot_of(at), rate * 1e-4, interval, before * 1e-4, held)
        held, before = slot_of(at), rate
        if start is not None:
            found.append((at, round(start * 1e4, 3)))
    return found


@pytest.mark.parametrize(
    ("before", "after", "is_told"),
    [
        (1.0, 2.0, True), (1.0, 1.99, False), (20.0, 22.0, False), (20.0, 22.01, True),
        (-1.0, 0.0, True), (0.0, 1.0, True), (0.0, 0.99, False),
        (-5.0, -6.0, True), (5.0, 4.0, True), (1.0, -1.0, True), (1.0, 1.0, False),
    ],
)  # fmt: skip
def test_a_tenth_of_itself_and_a_basis_point(before: float, after: float, is_told: bool) -> None:
    assert bool(told((0, before), (60, after))) is is_told


def test_a_basis_point_is_per_eight_hours() -> None:
    assert told((0, 1.0), (60, 1.13), interval=1) == [(60, 1.0)]
    assert told((0, 1.0), (60, 1.12), interval=1) == []


def test_slow_move_within_five_minutes_is_seen_and_a_slower_one_is_not() -> None:
    assert told(*((second, 10 + second / 240) for second in range(0, 301, 3))) == [(243, 10.0)]
    assert told(*((second, 10 + second / 400) for second in range(0, 3_000, 3))) == []


def test_move_is_told_once_and_then_from_where_it_came() -> None:
    assert told((0, 10), (1, 12), (2, 12), (3, 12.5), (4, 13.3)) == [(1, 10.0), (4, 12.0)]


def test_way_down_from_a_peak_within_the_window() -> None:
    assert told((0, 10), (100, 10.9), (200, 9.7)) == [(200, 10.9)]


def test_rate_that_stood_still_for_long_has_just_moved() -> None:
    assert told((0, 10), (3_000, 10), (3_001, 12)) == [(3_001, 10.0)]


def test_rate_of_before_an_outage_is_forgotten() -> None:
    assert told((0, 10), (299, 12)) == [(299, 10.0)]
    assert told((0, 10), (320, 12), (321, 12)) == []
