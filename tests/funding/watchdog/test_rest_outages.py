"""funding/watchdog/rest_outages.py: what is stored of the times in which REST did not answer."""

import pytest

from funding import errors
from funding.watchdog.rest_outages import RestOutages
from tests.support.clock import ManualClock

HAND_WALL = ManualClock().wall
ILL = errors.RestUnreachable("timed out")


@pytest.fixture
def hand() -> ManualClock:
    return ManualClock()


@pytest.fixture
def outages(hand: ManualClock) -> RestOutages:
    return RestOutages("binance", hand.clock())


def test_outage_lasts_from_its_first_failure_until_the_answer(
    hand: ManualClock, outages: RestOutages
) -> None:
    assert outages.failed("one", ILL) is None
    hand.advance(60)
    failing = outages.failed("one", errors.RestGarbled("not JSON"))
    hand.advance(60)
    ended = outages.answered("one")
    assert failing is not None
    assert ended is not None
    assert (ended.kind, ended.rule, ended.detail) == ("rest-unavailable", "binance", "timed out")
    assert (failing.at, failing.duration_seconds) == (HAND_WALL, 60)
    assert (ended.at, ended.duration_seconds) == (HAND_WALL, 120)
    assert outages.answered("one") is None


def test_single_failure_is_not_stored(hand: ManualClock, outages: RestOutages) -> None:
    for _ in range(2):
        assert outages.failed("one", ILL) is None
        hand.advance(60)
        assert outages.answered("one") is None


def test_outage_ends_when_nothing_fails_any_more(hand: ManualClock, outages: RestOutages) -> None:
    outages.failed("one", ILL)
    outages.failed("all", ILL)
    hand.advance(60)
    assert outages.answered("one") is None, "all symbols are not compared yet"
    ended = outages.answered("all")
    assert ended is not None
    assert ended.duration_seconds == 60


def test_step_of_the_wall_clock_does_not_lengthen_an_outage(
    hand: ManualClock, outages: RestOutages
) -> None:
    outages.failed("one", ILL)
    hand.advance(60)
    hand.wall += 3_600
    failing = outages.failed("one", ILL)
    assert failing is not None
    assert failing.duration_seconds == 60


def test_own_budget_is_not_an_outage(outages: RestOutages) -> None:
    for _ in range(3):
        assert outages.failed("one", errors.RestOverBudget("used up")) is None
