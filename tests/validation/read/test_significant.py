"""Significant differences, by what accounts for them."""

from tests.support.report_rows import row
from validation.read.series import Series
from validation.read.significant import SignificantPairs
from validation.rules import MARK, RATE


def test_each_pair_has_one_reason() -> None:
    pairs, series = SignificantPairs(), Series("BTCUSDT", MARK)
    pairs.add(row(skew_ms=0), series, 1.0, False)
    assert series.significant == 0, "1 % is not significant"
    pairs.add(row(skew_ms=1_500), series, 2.0, False)
    pairs.add(row(skew_ms=500, claimed=1), series, 2.0, False)
    pairs.add(row(skew_ms=500, claimed=0), series, 2.0, False)
    pairs.add(row(skew_ms="x", claimed=1), series, 2.0, False)
    assert (pairs.lag, pairs.claimed, pairs.at_settlement) == (1, 1, 0)
    assert pairs.unexplained == {"BTCUSDT": 2}
    assert (series.significant, series.claimed) == (4, 1)


def test_rates_of_two_funding_intervals_are_not_judged() -> None:
    pairs, series = SignificantPairs(), Series("BTCUSDT", RATE)
    pairs.add(row(field="funding_rate"), series, 200.0, True)
    assert (pairs.at_settlement, pairs.unexplained.total(), series.significant) == (1, 0, 0)
