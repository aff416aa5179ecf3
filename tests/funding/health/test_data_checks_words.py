"""What the checks of the data say, word for word: a person acts on it."""

from dataclasses import replace

import pytest

from funding.health.checks import check
from funding.health.facts import Facts
from funding.health.findings import Check, Level
from tests.support.health_facts import AGES, FEED, HEALTHY, found, with_rest


def lines(facts: Facts, name: Check) -> list[tuple[Level, str]]:
    """The findings of this check."""
    return [(each.level, each.text) for each in check(facts) if each.check is name]


def test_feed_without_a_connection_says_how_old_the_newest_quote_is() -> None:
    ill = replace(
        HEALTHY,
        feed=replace(FEED, connected=0, last_error="refused"),
        quote_ages=AGES | {"OLD": 100.0},
    )
    assert lines(ill, Check.FEED) == [
        (Level.ERROR, "not connected to test.invalid, no quote for 0 s: refused")
    ]
    nothing = replace(HEALTHY, feed=None)
    assert [level for level, _ in lines(nothing, Check.FEED)] == [Level.ERROR]


def test_lines_of_the_symbols() -> None:
    few = replace(HEALTHY, quote_ages=dict(list(AGES.items())[:499]))
    assert lines(few, Check.SYMBOLS) == [(Level.ERROR, "499 fresh symbols, at least 500 expected")]
    old = replace(HEALTHY, quote_ages=AGES | {"B": 181.0, "A": 999.0, "LATE": 180.0, "ON": 9.0})
    assert lines(old, Check.SYMBOLS) == [(Level.INFO, "602 fresh symbols")]
    assert lines(old, Check.STALE) == [(Level.WARNING, "2 stale symbols (over 180 s): A, B")]
    assert lines(old, Check.BEHIND) == [
        (Level.WARNING, "1 symbols behind the others (over 9 s): LATE")
    ]


def test_lines_of_the_last_frame() -> None:
    assert lines(replace(HEALTHY, last_frame_age=60.0), Check.FRAME) == [
        (Level.INFO, "the last frame is 60.0 s old")
    ]
    assert lines(replace(HEALTHY, last_frame_age=61.6), Check.FRAME) == [
        (Level.ERROR, "the last frame is 62 s old")
    ]
    assert lines(replace(HEALTHY, last_frame_age=None), Check.FRAME) == [
        (Level.ERROR, "no frame has come since ingest started")
    ]


def test_line_of_a_comparison() -> None:
    words = "BTCUSDT mark_price: stream 100.0, REST 105.0, 0 ms apart"
    same = with_rest(100.0, 105.0, 0.0001, 0.0001)
    assert (Check.REST, words) in found(same, Level.ERROR)
    last = same.last_comparison
    assert last is not None
    explained = [row._replace(explained=1) for row in last.rows]
    lagging = replace(same, last_comparison=last._replace(rows=explained))
    assert (Check.REST, f"{words}, explained by lag") in found(lagging, Level.ERROR)
    apart = with_rest(100.0, 105.0, 0.0001, 0.0001, skew_ms=-400)
    assert (Check.REST, words.replace("0 ms", "400 ms")) in found(apart, Level.ERROR)
    alone = with_rest(100.0, None, 0.0001, None)
    words = "BTCUSDT mark_price: stream 100.0, REST None"
    assert (Check.REST, words) in found(alone, Level.WARNING)


@pytest.mark.parametrize(("gap", "level"), [(9.9e-8, Level.INFO), (1e-7, Level.WARNING)])
def test_rates_differ_from_a_ten_millionth_on(gap: float, level: Level) -> None:
    facts = with_rest(100.0, 100.0, 0.0001 + gap, 0.0001)
    levels = [each for each, text in lines(facts, Check.REST) if "funding_rate" in text]
    assert levels == [level]


def test_significant_difference_without_a_skew_is_an_error() -> None:
    facts = with_rest(100.0, 105.0, 0.0001, 0.0001)
    last = facts.last_comparison
    assert last is not None
    rows = [row._replace(skew_ms=None) for row in last.rows]
    unknown = replace(facts, last_comparison=last._replace(rows=rows))
    assert (Check.REST, "BTCUSDT mark_price: stream 100.0, REST 105.0") in found(
        unknown, Level.ERROR
    )
