"""What is in trouble, since when, and what still works."""

from dataclasses import replace

from funding.health.facts import Facts, OtherFeed, Probe
from funding.watchdog.troubles import (
    API,
    RECOVERY_SECONDS,
    STEADY_SECONDS,
    Trouble,
    Troubles,
    in_words,
    names,
    problems,
    still_works,
)
from tests.support.health_facts import FEED, HEALTHY

NOW, UP = 1_800_000_000.0, 5_000.0
KUCOIN = OtherFeed(
    "kucoin", 300, replace(FEED, exchange="kucoin"), 0.3, last_frame_age=0.4, newest=0.4, fresh=400
)
BOTH = replace(HEALTHY, others=[KUCOIN])
DOWN = replace(
    BOTH, last_frame_age=64.0, feed=replace(FEED, connected=0, last_error="refused"), quote_ages={}
)
STANDBY = replace(DOWN, feed=replace(FEED, connected=0, standby_since=NOW), filled_in=["A"] * 600,
                  quote_ages={f"S{number}": 1.0 for number in range(600)})  # fmt: skip


def test_each_subject_has_its_problem() -> None:
    assert problems(BOTH) == {"binance": "", "kucoin": "", API: ""}
    few = replace(BOTH, others=[KUCOIN._replace(fresh=9)], port_probe=Probe(False, "refused"))
    assert problems(few) == {
        "binance": "",
        "kucoin": "9 fresh symbols, at least 300 expected",
        API: "does not answer: refused",
    }
    assert "not connected to test.invalid" in problems(DOWN)["binance"]
    damaged = replace(few, store_problem="the database is damaged")
    assert problems(damaged)["binance"] == "the database is damaged"
    assert problems(damaged)["kucoin"] == "", "it is told once"


def test_trouble_begins_with_the_last_frame_and_ends_after_some_good_looks() -> None:
    seen = Troubles()
    seen.observe(BOTH, UP)
    assert seen.present(NOW, UP) == []
    assert seen.well_seconds(UP + 7) == {"binance": 7.0, "kucoin": 7.0, API: 7.0}
    seen.observe(DOWN, UP + 70)
    seen.observe(replace(DOWN, last_frame_age=69.0), UP + 75)
    ((subject, since, reason, well),) = seen.present(NOW, UP + 75)
    assert (subject, since, well) == ("binance", NOW - 69.0, 0.0)
    assert "refused" in reason
    seen.observe(BOTH, UP + 80)
    seen.observe(BOTH, UP + 80 + RECOVERY_SECONDS - 1)
    assert seen.present(NOW, UP + 89) == [], "nobody is told of what is well at this moment"
    assert "binance" not in seen.well_seconds(UP + 89), "a frame came, perhaps in an outage"
    seen.observe(BOTH, UP + 80 + STEADY_SECONDS)
    assert seen.present(NOW, UP + 140) == []
    assert seen.well_seconds(UP + 150)["binance"] == 70.0
    seen.observe(DOWN, UP + 300)
    (again,) = seen.present(NOW, UP + 300)
    assert (again.since, again.well) == (NOW - 64.0, 0.0)


def test_a_feed_that_comes_and_goes_is_in_one_trouble() -> None:
    seen = Troubles()
    seen.observe(BOTH, UP)
    for turn in range(2):
        begin = UP + 100 + 70 * turn
        seen.observe(replace(DOWN, last_frame_age=5.0), begin)
        seen.observe(replace(DOWN, last_frame_age=45.0), begin + 40)
        seen.observe(BOTH, begin + 45)
        seen.observe(BOTH, begin + 60)
        assert seen.present(NOW, begin + 60) == []
    seen.observe(replace(DOWN, last_frame_age=5.0), UP + 240)
    (trouble,) = seen.present(NOW, UP + 240)
    assert (trouble.since, trouble.well) == (NOW - 145.0, 40.0)
    assert trouble.reason.endswith("(it comes and goes: well for 40 s in between)")


def test_a_short_relapse_begins_anew() -> None:
    seen = Troubles()
    seen.observe(BOTH, UP)
    seen.observe(replace(BOTH, port_probe=Probe(False, "late")), UP + 5)
    assert seen.present(NOW, UP + 6) == [Trouble(API, NOW - 1, "does not answer: late")]


def worded(facts: Facts) -> str:
    return still_works(facts)


def test_what_still_works_is_told() -> None:
    assert worded(DOWN) == (
        "quotes of kucoin are fresh; FundingClient asks REST for binance, unless its mode is"
        " websocket-only; the API answers"
    )
    assert "quotes of binance are fresh, since REST stands in" in worded(STANDBY)
    assert worded(replace(HEALTHY, port_probe=Probe(False, "late"))) == (
        "quotes of binance are fresh; the API does not answer"
    )


def test_rest_that_stands_in_for_another_exchange_is_told() -> None:
    feed = replace(FEED, exchange="kucoin", connected=0, standby_since=NOW)
    filled = KUCOIN._replace(feed=feed)
    assert worded(replace(BOTH, others=[filled])) == (
        "quotes of binance are fresh; quotes of kucoin are fresh, since REST stands in;"
        " the API answers"
    )
    assert worded(replace(STANDBY, others=[filled])) == (
        "quotes of binance, kucoin are fresh, since REST stands in; the API answers"
    )
    for nothing in (
        filled._replace(fresh=9),
        filled._replace(feed=replace(feed, standby_since=None)),
    ):
        assert worded(replace(BOTH, others=[nothing])) == (
            "quotes of binance are fresh; the API answers"
        )


def test_words() -> None:
    assert [in_words(seconds) for seconds in (-1, 99, 100, 5_999, 6_000)] == [
        "0 s", "99 s", "2 min", "100 min", "1.7 h"
    ]  # fmt: skip
    assert [names("a"), names("ab"), names("abc")] == ["a", "a and b", "a, b and c"]


def test_a_service_without_binance() -> None:
    facts = replace(DOWN, exchange="hyperliquid")
    assert list(problems(facts)) == ["hyperliquid", "kucoin", API]
    assert "FundingClient asks REST for hyperliquid" in worded(facts)
