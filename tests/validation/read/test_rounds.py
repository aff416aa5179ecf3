"""validation/read/rounds.py: how many prices move far at once."""

import pytest

from validation.read.rounds import FAR, FEWEST, Rounds, far_share


@pytest.mark.parametrize("common", [0.0, -9.0])
def test_far_is_what_is_far_from_the_common_move(common: float) -> None:
    moves = [common] * 98 + [common + FAR, common - FAR - 0.01]
    assert far_share(moves) == 0.01


def test_few_prices_say_nothing() -> None:
    assert far_share([0.0] * (FEWEST - 2) + [99.0]) == 0.0
    assert far_share([0.0] * (FEWEST - 1) + [99.0]) == 1 / FEWEST


def test_largest_share_is_that_of_one_round() -> None:
    rounds = Rounds()
    for at, far in ((1.0, 1), (2.0, 5), (3.0, 2)):
        for number in range(100):
            rounds.add(at, 99.0 if number < far else 0.0)
    assert rounds.largest_share == 0.05
    assert rounds.largest_share == 0.05
