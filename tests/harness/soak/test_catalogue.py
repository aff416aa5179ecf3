"""The catalogue of faults."""

import random

from harness.soak.catalogue import ALL, shuffled
from harness.soak.speed import Speed


def test_the_catalogue() -> None:
    names = [kind.name for kind in ALL]
    assert len(set(names)) == len(names)
    assert all(0 < kind.bound(Speed(speed, False)) <= 60 for kind in ALL for speed in (1.0, 5.0))
    assert all(kind.deadly for kind in ALL if kind.destroys or kind.stops)


def test_each_kind_comes_once_in_random_order() -> None:
    order = shuffled(ALL, random.Random(3))
    assert set(order) == set(ALL)
    assert len(order) == len(ALL)
    assert order != shuffled(ALL, random.Random(4))
