"""How far apart readings are."""

import math

from validation.read.skews import Skews


def test_unknown_skew_is_infinitely_far_apart() -> None:
    skews = Skews()
    assert [skews.add(skew) for skew in (None, 1.5, "1")] == [math.inf] * 3
    assert (skews.unknown, skews.median_ms(), skews.equal()) == (3, 0.0, [])


def test_median_is_of_the_known_ones() -> None:
    skews = Skews()
    assert [skews.add(skew) for skew in (-1_000, 20, 29, 40, 900)] == [1_000, 20, 29, 40, 900]
    assert skews.median_ms() == 20


def test_pairs_beyond_a_limit_are_counted_on_both_sides() -> None:
    skews = Skews()
    for skew in (9_999, 10_000, -10_000, 10**12, -(10**12), 0):
        skews.add(skew)
    assert skews.count_beyond(10_000) == 4


def test_equal_pairs_are_those_that_do_not_differ() -> None:
    skews = Skews()
    for skew in (0, 190, 199, 200, -1):
        skews.add(skew)
    skews.add_different(190, 0.1)
    skews.add_different(200, 10.0)
    assert skews.equal() == [(-1, 1), (0, 2), (1, 0)]
    assert dict(skews.different) == {(0, -4): 1, (1, 4): 1}
