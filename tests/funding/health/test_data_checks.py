"""Checks of the data: facts in, findings out."""

from dataclasses import replace

import pytest

from funding.health.checks import check
from funding.health.data_checks import symbols_behind
from funding.health.facts import Facts, LastComparison
from funding.health.findings import Level
from funding.health.verdict import Status
from funding.model.feed import Feed
from tests.support.health_facts import AGES, FEED, HEALTHY, assert_only_finding, with_rest

W, E = Level.WARNING, Level.ERROR
TABLE: list[tuple[Facts, Level, str, str]] = [
    # The connection
    (replace(HEALTHY, store_problem="corrupt"), E, "store", "corrupt"),
    (replace(HEALTHY, feed=None, heartbeat_age=None), E, "feed", "no quotes are stored"),
    (replace(HEALTHY, heartbeat_age=10.1), E, "feed", "not written for 10 s"),
    (replace(HEALTHY, feed=replace(FEED, connected=0, last_error="refused")), E, "feed", "refused"),
    (replace(HEALTHY, feed=replace(FEED, good_since=None)), E, "feed", "no good frame has come on"),
    (replace(HEALTHY, feed=replace(FEED, lag_seconds=5.1)), E, "feed", "is 5 s late"),
    (replace(HEALTHY, heartbeat_age=10.1, locked_by="process 5 (sqlite3)"), E, "feed",
     "the database is locked by process 5 (sqlite3): ingest has waited for 10 s"),
    (replace(HEALTHY, feed=replace(FEED, connected=0), unhealthy_since=1_764_725_610.0), E, "feed",
     "since 2025-12-03T01:33:30Z"),
    # A store that cannot be read says nothing about the data
    (Facts(HEALTHY.limits, store_problem="of a newer version", processes=HEALTHY.processes), E,
     "store", "of a newer version"),
    # The symbols
    (replace(HEALTHY, quote_ages=dict(list(AGES.items())[:499])), E, "symbols", "499 fresh"),
    (replace(HEALTHY, quote_ages=AGES | {"DEAD": 180.1}), W, "stale", "1 stale symbols"),
    (replace(HEALTHY, quote_ages=AGES | {"SLOW": 10.1}), W, "behind", "SLOW"),
    # Missing rates
    (replace(HEALTHY, without_rate=["BUSDT", "AUSDT"]), W, "nulls", "AUSDT, BUSDT"),
    # The last frame
    (replace(HEALTHY, contracts_age=7_201.0), W, "contracts", "2 h old"),
    (replace(HEALTHY, last_frame_age=60.1), E, "frame", "60 s old"),
    (replace(HEALTHY, last_frame_age=None), E, "frame", "no frame"),
    # REST
    (with_rest(100.1002, 100.0, 0.0001, 0.0001), W, "rest", "mark_price"),
    (with_rest(101.0, 100.0, 0.0001, 0.0001), W, "rest", "mark_price"),
    (with_rest(101.001, 100.0, 0.0001, 0.0001), E, "rest", "mark_price"),
    (with_rest(101.001, 100.0, 0.0001, 0.0001, skew_ms=1_000), E, "rest", "1000 ms apart"),
    (with_rest(101.001, 100.0, 0.0001, 0.0001, skew_ms=5_000), W, "rest", "5000 ms apart"),
    (with_rest(101.001, 100.0, 0.0001, 0.0001, skew_ms=-5_000), E, "rest", "5000 ms apart"),
    (with_rest(100.0, 100.0, 0.0001001, 0.0001), W, "rest", "funding_rate"),
    (with_rest(100.0, 100.0, -0.0001, 0.0001), W, "rest", "funding_rate"),
    (with_rest(100.0, 100.0, None, 0.0001), W, "rest", "funding_rate"),
    (with_rest(None, 100.0, None, 0.0001), W, "rest", "mark_price"),
    (with_rest(100.0, None, 0.0001, None), W, "rest", "mark_price"),
    (replace(HEALTHY, last_comparison=LastComparison(problem="banned")), W, "rest", "banned"),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "level", "name", "words"), TABLE)
def test_unhealthy_facts(facts: Facts, level: Level, name: str, words: str) -> None:
    assert_only_finding(facts, level, name, words)


@pytest.mark.parametrize(
    "facts",
    [
        replace(HEALTHY, heartbeat_age=10.0),
        replace(HEALTHY, heartbeat_age=10.0, locked_by="process 5 (sqlite3)"),
        replace(HEALTHY, unhealthy_since=1_764_725_610.0),  # until that is so for a while
        replace(HEALTHY, feed=replace(FEED, lag_seconds=5.0)),
        replace(HEALTHY, last_frame_age=60.0),
        replace(HEALTHY, contracts_age=7_200.0),
        replace(HEALTHY, quote_ages=dict(list(AGES.items())[:500])),
        replace(HEALTHY, quote_ages=dict.fromkeys(AGES, 100.0)),  # all alike: the feed is slow
        with_rest(100.1, 100.0, 0.0001, 0.0001),
        with_rest(100.0, 100.0, 0.00010009, 0.0001),
        with_rest(100.0, 100.0, None, None),
        replace(HEALTHY, last_comparison=None),
    ],
)
def test_facts_at_the_limits_are_healthy(facts: Facts) -> None:
    assert {each.level for each in check(facts)} == {Level.INFO}


def test_symbols_are_behind_only_while_others_are_fresh() -> None:
    assert symbols_behind(replace(HEALTHY, quote_ages={"A": 0.1, "B": 9.1, "C": 180.1})) == ["B"]
    assert symbols_behind(replace(HEALTHY, quote_ages={"A": 4.6, "B": 9.1})) == []
    assert symbols_behind(replace(HEALTHY, quote_ages={})) == []


DOWN = replace(FEED, connected=0, last_error="refused")
STANDBY = replace(FEED, standby_since=1_764_725_610.0)


@pytest.mark.parametrize("feed", [STANDBY, replace(DOWN, standby_since=1_764_725_610.0)])
def test_rest_that_stands_in_is_said(feed: Feed) -> None:
    facts = replace(HEALTHY, feed=feed, filled_in=set(AGES))
    texts = [each.text for each in check(facts) if each.level is E]
    assert texts[-1] == (
        "REST stands in for the stream since 2025-12-03T01:33:30Z: 600 quotes are from there"
    )
    assert facts.data.status is Status.DEGRADED
    assert not any("unhealthy since" in text for text in texts)


def test_quotes_of_rest_are_behind_nothing() -> None:
    ages = AGES | {"SLOW": 14.0, "FILLED": 14.0}
    facts = replace(HEALTHY, quote_ages=ages, feed=STANDBY, filled_in={"FILLED"})
    assert symbols_behind(facts) == ["SLOW"]
