"""Differences as they are remembered: quantiles, buckets, hours, the worst."""

from array import array

import pytest

from tests.support.report_rows import row
from validation.read.differences import WORST_KEPT, Differences, Hour, WorstPairs


def test_pairs_without_difference_count_in_average_and_quantiles() -> None:
    found = Differences(8, [array("d", [3.0]), array("d", [1.0])])
    assert found.average == 0.5
    assert [found.quantile(share) for share in (0.5, 0.75, 0.76, 0.88, 1)] == [0, 0, 1, 3, 3]
    assert found.maximum == 3.0


def test_no_pairs_have_no_difference() -> None:
    found = Differences()
    assert (found.average, found.quantile(0.99), found.maximum) == (0, 0, 0)
    assert found.buckets((0.0, 1.0)) == [0, 0, 0]


def test_bucket_includes_its_upper_limit() -> None:
    found = Differences(7, [array("d", [0.5, 1.0, 1.1, 2.0, 9.0])])
    assert found.buckets((0.0, 1.0, 2.0)) == [2, 2, 2, 1]


def test_several_are_one() -> None:
    parts = [Differences(2, [array("d", [value])]) for value in (4.0, 2.0)]
    found = Differences.of(parts)
    assert (found.many, list(found.values), found.average) == (4, [2.0, 4.0], 1.5)


def test_average_of_an_hour_is_that_of_its_aligned_pairs() -> None:
    hour = Hour()
    assert (hour.average, hour.maximum) == (0.0, 0.0)
    hour.many, hour.aligned_many = 3, 2
    hour.aligned.append(1.0)
    hour.apart.append(7.0)
    assert hour.average == pytest.approx(0.5)
    assert hour.maximum == 7.0


def test_worst_pairs_are_kept_and_the_earlier_one_of_two_equals_comes_first() -> None:
    worst = WorstPairs()
    for number in range(40):
        worst.add(float(number // 2), row(id=number))
    found = worst.ranked()
    assert len(found) == WORST_KEPT
    assert [difference for difference, _, _ in found] == sorted(
        (number // 2 for number in range(20, 40)), reverse=True
    )
    assert [pair.id for _, _, pair in found][:4] == [38, 39, 36, 37]
