"""harness/machines/takers.py: the thresholds that make the takers' signals."""

from funding.statistics.thresholds import thresholds as parse
from harness.machines.takers import LEVELS, SIGNALLED, thresholds


def test_thresholds_are_around_the_prices_of_the_stand_in() -> None:
    found = parse(thresholds())
    assert len(found) == SIGNALLED * len(LEVELS)
    prices = [each.value for each in found if each.symbol == found[0].symbol]
    assert len(prices) == len(LEVELS)
    assert max(prices) / min(prices) < 1.01
