"""How long answers take."""

from math import inf

import pytest

from funding.api.meter import BOUNDS, Meter


def test_durations_are_counted_up_to_each_bound() -> None:
    meter = Meter()
    for seconds in (0.0, BOUNDS[0], 0.0002, 99.0):
        meter.add(seconds)
    found = meter.cumulative()
    assert found[0] == (BOUNDS[0], 2)
    assert dict(found)[0.00025] == 3
    assert found[-2:] == [(5.0, 3), (inf, 4)]
    assert meter.total == pytest.approx(99.00025)


def test_nothing_was_answered_yet() -> None:
    assert {count for _, count in Meter().cumulative()} == {0}
