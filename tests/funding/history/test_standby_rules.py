"""When REST stands in: the rule, without a store."""

from dataclasses import replace

import pytest

from funding.history.standby_rules import StandbyRule, Step, cause, receipt, storable
from funding.model.quote import Quote
from funding.model.silence import Silence
from tests.support.store import NOW_MS, feed_of, quote

FLOWS = Silence(600, 0, 0, 0.5)
SILENT = Silence(600, 600, 0, 30.5)
CLASS = Silence(600, 100, 0, 0.5)
FEW = Silence(600, 29, 0, 0.5)
FILLED = Silence(600, 0, 600, None)
NOTHING = Silence(0, 0, 0, None)


def steps(rule: StandbyRule, *looks: tuple[float, Silence]) -> list[tuple[float, Step]]:
    """What `rule` says at which uptime."""
    found = [(at, rule.update(silence, at)) for at, silence in looks]
    return [(at, step) for at, step in found if step is not None]


def rule(active: bool = False, after: float = 30.0) -> StandbyRule:
    return StandbyRule(after, active=active)


@pytest.mark.parametrize("silence", [SILENT, CLASS])
def test_it_begins_at_once_when_the_silence_has_lasted(silence: Silence) -> None:
    assert steps(rule(), (1_000.0, FLOWS), (1_001.0, silence)) == [(1_001.0, Step.BEGIN)]


def test_few_silent_symbols_are_no_class() -> None:
    assert steps(rule(), *((float(at), FEW) for at in range(600))) == []
    assert steps(rule(), (0.0, FEW._replace(silent=30))) == [(0.0, Step.BEGIN)]
    assert steps(rule(), (0.0, Silence(6, 1, 0, 0.5))) == [(0.0, Step.BEGIN)]


def test_it_calls_every_15_s_until_the_stream_is_back() -> None:
    looks = [(float(at), FILLED) for at in range(1, 40)]
    assert steps(rule(), (0.0, SILENT), *looks, (40.0, FLOWS), (41.0, FLOWS)) == [
        (0.0, Step.BEGIN),
        (15.0, Step.CALL),
        (30.0, Step.CALL),
        (40.0, Step.END),
    ]


def test_the_stream_of_one_class_does_not_end_it() -> None:
    half = Silence(600, 0, 100, 0.5)
    made = rule()
    assert steps(made, (0.0, SILENT), (1.0, half), (15.0, half), (16.0, FLOWS)) == [
        (0.0, Step.BEGIN),
        (15.0, Step.CALL),
        (16.0, Step.END),
    ]
    assert not made.active


@pytest.mark.parametrize("silence", [NOTHING, FILLED])
def test_a_stream_that_has_not_begun_is_given_time(silence: Silence) -> None:
    looks = [(float(at), silence) for at in range(100, 131)]
    assert steps(rule(), *looks) == [(130.0, Step.BEGIN)]
    begun = [(100.0, silence), (110.0, FLOWS), (139.0, silence)]
    assert steps(rule(), *begun) == []


def test_a_new_program_goes_on_with_what_the_one_before_began() -> None:
    made = rule(active=True)
    assert steps(made, (500.0, FILLED), (501.0, FILLED), (515.0, FILLED), (516.0, FLOWS)) == [
        (500.0, Step.CALL),
        (515.0, Step.CALL),
        (516.0, Step.END),
    ]
    assert steps(rule(active=True), (500.0, FLOWS)) == [(500.0, Step.END)]


def test_0_is_never() -> None:
    assert steps(rule(after=0.0), (0.0, SILENT), (900.0, NOTHING)) == []
    assert steps(rule(active=True, after=0.0), (0.0, FILLED)) == [(0.0, Step.END)]


def test_the_cause_in_words() -> None:
    assert cause(SILENT) == "the stream is silent for 30 s"
    assert cause(FILLED) == "the stream is silent"
    assert cause(CLASS) == "100 of 600 symbols are silent"
    assert cause(NOTHING) == "no quote has ever come"


def test_what_the_store_refuses_is_left_out() -> None:
    good = [quote("A"), Quote("B", 1.0, 0.0, None, None, 1)]
    bad = [
        Quote("C", 0.0, 1.0, None, None, 1),
        Quote("D", float("inf"), 1.0, None, None, 1),
        Quote("E", float("nan"), 1.0, None, None, 1),
        Quote("F", 1.0, -1.0, None, None, 1),
        Quote("G", 1.0, 1.0, 1.0, None, 1),
        Quote("H", 1.0, 1.0, None, None, 0),
    ]
    assert storable([*good, *bad]) == good


@pytest.mark.parametrize(
    ("least_delay", "event_age", "expected"),
    [
        (None, 2.0, 4_998.0),  # by the wall clock
        (None, -5.0, 5_000.0),  # an exchange whose clock is ahead
        (5_000.0 - NOW_MS / 1000 - 60.0, 2.0, 4_938.0),  # our wall clock is 60 s behind
        (5_000.0 - NOW_MS / 1000 + 60.0, 2.0, 5_000.0),  # it is 60 s ahead
    ],
)
def test_an_age_counts_from_the_event(
    least_delay: float | None, event_age: float, expected: float
) -> None:
    feed = replace(feed_of(), least_delay=least_delay)
    old = quote(event_time=NOW_MS - int(event_age * 1000))
    assert receipt(old, feed, NOW_MS / 1000, 5_000.0) == pytest.approx(expected)
