"""What is remembered of one field of one symbol."""

import pytest

from validation.read.series import Series
from validation.rules import MARK, RATE, Field


def series(field: Field, *pairs: tuple[float, float]) -> Series:
    found = Series("BTCUSDT", field)
    for hour, (ours, theirs) in enumerate(pairs):
        found.add_pair(ours, theirs, 1 << hour)
    return found


def test_side_that_keeps_its_value_while_the_other_moves_is_frozen() -> None:
    found = series(MARK, (1, 1), (1, 2), (1, 3), (1, 3), (1, 4), (2, 5), (2, 6))
    assert (found.frozen_ws.longest, found.frozen_ws.length) == (3, 1)
    assert found.frozen_rest.longest == 0
    mirrored = series(MARK, (1, 1), (2, 1), (3, 1))
    assert (mirrored.frozen_ws.longest, mirrored.frozen_rest.longest) == (0, 2)


def test_moves_are_counted_by_hour() -> None:
    found = series(MARK, (1, 1), (1, 1), (2, 2), (2, 3), (3, 3))
    assert found.compared_hours == 0b11111
    assert found.moving_hours == 0b11100
    assert found.moves == 2, "of REST"


def test_rate_moves_from_the_eighth_decimal_on() -> None:
    assert series(RATE, (1e-4, 1e-4), (1.0005e-4, 1.0005e-4)).moves == 0
    assert series(RATE, (1e-4, 1e-4), (1.02e-4, 1.02e-4)).moves == 1


def test_values_of_one_tick_must_be_equal() -> None:
    found = Series("BTCUSDT", MARK)
    found.add_aligned(100.1, 100.0, 0.1, 6)
    assert found.same_tick == 0
    for ours, difference in ((100.1, 0.1), (100.1, 0.1), (100.0, 0.0), (99.9, 0.1)):
        found.add_aligned(ours, 100.0, difference, 5)
    assert (found.same_tick, found.unequal) == (4, 3)
    assert (found.unequal_run.longest, found.unequal_run.length) == (2, 1)


def test_bias_is_the_mean_of_signed_differences() -> None:
    found = Series("BTCUSDT", MARK)
    assert found.bias == (0.0, 0.0)
    for ours, difference in ((101, 1.0), (99, 1.0), (103, 3.0)):
        found.add_aligned(ours, 100, difference, 500)
    mean, error = found.bias
    assert mean == pytest.approx(1.0)
    assert error == pytest.approx((8 / 3 / 2) ** 0.5)
    assert found.average == pytest.approx(5 / 3)


def test_rest_has_ended_when_no_value_comes_any_more() -> None:
    found = series(MARK, (1, 1))
    assert not found.ended_at_rest
    found.add_missing_rest(7.0)
    found.add_missing_rest(8.0)
    assert (found.ended_at_rest, found.rest_ended_at, found.one_sided) == (True, 7.0, 2)
    found.add_pair(1, 1, 1)
    assert not found.ended_at_rest
    found.add_missing_rest(9.0)
    assert (found.ended_at_rest, found.rest_ended_at) == (True, 9.0)
    found.missing_ws = 1
    assert not found.ended_at_rest, "the stream did not have it always either"
