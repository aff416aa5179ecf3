"""Checks of the exchanges beside Binance."""

from dataclasses import replace
from math import inf
from typing import Any

import pytest

from funding.health.checks import check
from funding.health.facts import LastComparison, OtherFeed, Process, ProcessState, ingest_program
from funding.health.findings import Level
from tests.support.health_facts import FEED, HEALTHY, PROGRAMS, compared

KUCOIN = OtherFeed(
    "kucoin",
    300,
    feed=replace(FEED, exchange="kucoin", pid=31, heartbeat_uptime=600.0),
    heartbeat_age=0.3,
    last_frame_age=0.2,
    newest=0.2,
    fresh=682,
    answered=60.0,
    program="funding:ingest-kucoin",
)
INGEST = Process("funding:ingest-kucoin", ProcessState.RUNNING, 31, "", 500.0, 40 << 20)
FACTS = replace(HEALTHY, others=[KUCOIN], processes=(*PROGRAMS, INGEST))


def said(level: Level, **changes: Any) -> list[str]:
    """What is said of the other exchange, by this level."""
    facts = replace(FACTS, others=[KUCOIN._replace(**changes)])
    own = [each for each in check(facts) if each.text.startswith("kucoin")]
    assert {each.about for each in own} == {"kucoin"}
    return [each.text for each in own if each.level is level]


def test_healthy_feed_is_one_line() -> None:
    assert said(Level.INFO) == ["kucoin: 682 fresh symbols"]
    assert said(Level.WARNING) == said(Level.ERROR) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"feed": None}, "no quotes are stored yet"),
        ({"heartbeat_age": 60.0}, "ingest has not written for 60 s"),
        ({"heartbeat_age": inf}, "since this machine started"),
        ({"feed": replace(FEED, connected=0, last_error="refused")}, "not connected"),
        ({"fresh": 299}, "299 fresh symbols, at least 300 expected"),
    ],
)
def test_trouble_is_an_error_with_the_name_of_the_exchange(
    changes: dict[str, Any], words: str
) -> None:
    (text,) = said(Level.ERROR, **changes)
    assert words in text


def test_comparison_with_rest_is_told_with_the_name_of_the_exchange() -> None:
    agrees = LastComparison(compared((100.0, 100.0, 0.0001, 0.0001)))
    differs = LastComparison(compared((102.0, 100.0, 0.0001, 0.0001)))
    assert len(said(Level.INFO, last_comparison=agrees)) == 4
    (text,) = said(Level.ERROR, last_comparison=differs)
    assert text.startswith("kucoin: BTCUSDT mark_price: stream 102.0, REST 100.0")
    (text,) = said(Level.WARNING, last_comparison=LastComparison(problem="status 451"))
    assert text == "kucoin: no comparison with REST: status 451"


def test_exchange_that_another_ones_ingest_keeps_needs_no_program() -> None:
    facts = replace(HEALTHY, others=[KUCOIN._replace(exchange="binance-coinm", program="")])
    assert [each.text for each in check(facts) if each.level is Level.ERROR] == []


def test_few_symbols_of_an_ingest_that_begins_are_a_warning() -> None:
    feed = replace(FEED, heartbeat_uptime=FEED.started_uptime + 8)
    assert said(Level.WARNING, fresh=184, feed=feed) == [
        "kucoin: 184 fresh symbols, at least 300 expected"
    ]
    assert said(Level.ERROR, fresh=184, feed=feed) == []


def test_stale_symbols_and_markets_that_are_not_followed_are_warnings() -> None:
    feed = replace(FEED, not_followed='{"xyz": "timed out"}')
    assert said(Level.WARNING, stale=["A", "B"], feed=feed) == [
        "kucoin: 2 stale symbols: A, B",
        "kucoin: xyz is not followed: timed out",
    ]


def test_store_that_cannot_be_read_is_one_finding() -> None:
    facts = replace(FACTS, store_problem="corrupt", others=[KUCOIN._replace(feed=None)])
    assert not [each for each in check(facts) if each.text.startswith("kucoin")]


def test_its_ingest_must_run() -> None:
    facts = replace(FACTS, processes=PROGRAMS)
    errors = [each.text for each in check(facts) if each.level is Level.ERROR]
    assert errors == ["supervisord has no program funding:ingest-kucoin"]
    stopped = INGEST._replace(state=ProcessState.STOPPED, pid=0)
    facts = replace(FACTS, processes=(*PROGRAMS, stopped))
    errors = [each.text for each in check(facts) if each.level is Level.ERROR]
    assert errors == ["funding:ingest-kucoin is STOPPED: stopped by an operator; not restarted"]
    facts = replace(FACTS, processes=(*PROGRAMS[1:], INGEST))
    errors = [each.text for each in check(facts) if each.level is Level.ERROR]
    assert errors == ["supervisord has no program funding:ingest"]


def test_facts_know_the_feed_of_a_program() -> None:
    assert FACTS.other("funding:ingest-kucoin") is FACTS.others[0]
    assert FACTS.other("funding:ingest") is None
    assert ingest_program("binance") == "funding:ingest"
