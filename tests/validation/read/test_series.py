"""What is remembered of one field of one symbol."""

import math

import pytest

from validation.read.series import ENOUGH_PAIRS, Series
from validation.rules import MARK, RATE, Field


def series(field: Field, *pairs: tuple[float, float]) -> Series:
    found = Series("BTCUSDT", field, 0.0)
    for hour, (ours, theirs) in enumerate(pairs):
        found.add_pair(hour * 600.0, ours, theirs, 1 << hour)
    return found


def test_moves_are_those_of_rest_and_counted_by_hour() -> None:
    found = series(MARK, (1, 1), (1, 1), (2, 2), (2, 3), (3, 3))
    assert found.compared_hours == 0b11111
    assert found.moving_hours == 0b11100, "either side's"
    assert (found.moves, found.moved_at) == (2, 2_400.0)
    assert (found.largest_move, found.average_move) == (1.0, 1.5 / 4)


def test_rate_moves_from_the_eighth_decimal_on() -> None:
    assert series(RATE, (1e-4, 1e-4), (1.0005e-4, 1.0005e-4)).moves == 0
    moved = series(RATE, (1e-4, 1e-4), (1.02e-4, 1.02e-4))
    assert moved.moves == 1
    assert moved.largest_move == pytest.approx(2e-6)


def test_largest_move_of_a_rate_is_within_an_hour() -> None:
    found = series(RATE, *[(1e-4, 1e-4)] * 6, (9e-4, 9e-4), (8e-4, 8e-4))
    assert found.moves == 2
    assert found.largest_move == pytest.approx(1e-4)


def test_move_is_told_in_units_of_the_average_so_far() -> None:
    found = Series("BTCUSDT", MARK)
    prices = [100.0 * 1.01**n for n in range(ENOUGH_PAIRS)]
    told = [found.add_pair(n, price, price, 1) for n, price in enumerate(prices)]
    assert told == [None] * ENOUGH_PAIRS
    last = prices[-1] * 0.97
    assert found.add_pair(99.0, last, last, 1) == pytest.approx(-3.0, rel=0.2)


def test_price_that_is_half_as_much_again_jumps() -> None:
    assert series(MARK, (1, 1), (1.5, 1.5), (1, 1)).jumps == 0
    assert series(MARK, (1, 1), (1.51, 1.51), (1, 1)).jumps == 2


@pytest.mark.parametrize(("skew_ms", "stale"), [(-180_000, 0), (-180_001, 1), (999_999, 0)])
def test_stored_quote_may_be_stale(skew_ms: int, stale: int) -> None:
    found = Series("BTCUSDT", MARK)
    found.add_apart(0.0, skew_ms)
    assert (found.late, found.stale) == (1, stale)


def test_value_of_rest_is_known_without_ours() -> None:
    found = series(MARK, (1, 1), (1, 2))
    assert (found.rest_value, found.rest_moved_at) == (2, 600.0)
    found.note_rest(900.0, 2)
    assert found.rest_moved_at == 600.0
    found.note_rest(1_200.0, 3)
    assert (found.rest_value, found.rest_moved_at, found.last_rest) == (3, 1_200.0, 2)


def test_price_that_is_many_times_the_one_before_leaps() -> None:
    assert series(MARK, (1, 1), (5, 5), (1, 1)).leaps == 0
    assert series(MARK, (1, 1), (5.1, 5.1), (1, 1)).leaps == 2
    assert series(RATE, (1, 1), (9, 9)).leaps == 0, "a rate may"


def test_values_of_one_event_time_must_be_equal() -> None:
    found = Series("BTCUSDT", MARK)
    assert found.average == 0
    assert found.add_same_time(100.0, 100.0, 0.0)
    assert found.add_same_time(100.0, 100.0000001, 1e-7), "written twice"
    assert not found.add_same_time(100.1, 100.0, 0.1)
    assert (found.same_time, found.unequal) == (3, 1)
    assert found.average == pytest.approx(0.1 / 3)


def test_pair_of_unequal_event_times_may_be_late_or_beyond_lag() -> None:
    found = Series("BTCUSDT", MARK)
    for difference, skew in ((0.0, 10_000), (2.1, -1_000), (2.0, 1_000), (0.0, -10_001)):
        found.add_apart(difference, skew)
    assert (found.late, found.beyond_lag, found.same_time) == (1, 1, 0)


def test_interval_is_the_average_between_pairs() -> None:
    assert series(MARK, (1, 1)).interval == math.inf
    assert series(MARK, (1, 1), (1, 1), (1, 1)).interval == 600.0


def test_rest_has_ended_when_no_value_comes_any_more() -> None:
    found = series(MARK, (1, 1))
    assert not found.ended_at_rest
    found.add_missing_rest(7.0)
    found.add_missing_rest(8.0)
    assert (found.ended_at_rest, found.rest_ended_at, found.one_sided) == (True, 7.0, 2)
    found.add_pair(8.5, 1, 1, 1)
    assert not found.ended_at_rest
    found.add_missing_rest(9.0)
    assert (found.ended_at_rest, found.rest_ended_at) == (True, 9.0)
    found.missing_ws = 1
    assert not found.ended_at_rest, "the stream did not have it always either"
