"""Pairs of a stored quote and REST's reply, and the comparisons that come of them."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.comparison.difference import Field
from funding.comparison.pair import (
    Comparison,
    Pair,
    alarms,
    compare,
    compare_all,
    planted_pair,
)
from funding.comparison.summary import summarise
from funding.model.feed import StoredQuote
from funding.model.quote import Source
from tests.support.comparisons import INDEX, MARK, NOW, RATE, TIME, ours, pair_of, rest, round_of


def compared(pair: Pair) -> dict[Field, Comparison]:
    return {row.field: row for row in compare(pair, "test", "binance", NOW)}


@pytest.mark.parametrize(
    ("before", "after", "nearer"),
    [
        (ours(at=-900), ours(at=100), 100),
        (ours(at=-100), ours(at=900), -100),
        (ours(at=0), ours(at=0), 0),
        (ours(at=-3_000), ours(at=-2_000), -2_000),
        (ours(at=2_000), ours(at=3_000), 2_000),
        (None, ours(at=700), 700),
        (ours(at=-700), None, -700),
    ],
)
def test_nearer_stored_quote_is_compared_with_its_skew(
    before: StoredQuote | None, after: StoredQuote | None, nearer: int
) -> None:
    rows = compared(Pair(rest(), before, after))
    assert [row.skew_ms for row in rows.values()] == [nearer] * 3
    assert [row.rest_time for row in rows.values()] == [TIME] * 3


def test_values_are_those_of_the_nearer_quote() -> None:
    pair = Pair(rest(), ours(1.0, 0.1, at=-900), ours(100.0, 0.0001, at=100))
    assert [row.ws_value for row in compared(pair).values()] == [100.0, 0.0001, 100.0]


def test_row_has_all_columns_of_the_table() -> None:
    pair = Pair(rest(price=200.0, rate=None), ours(201.0, None, at=-1), ours(201.0, None, at=-1))
    assert compare(pair, "who", "binance", NOW) == [
        (NOW, "who", "binance", "BTCUSDT", MARK, 201.0, 200.0, 0.5, -1, "mismatch", TIME, 0),
        (NOW, "who", "binance", "BTCUSDT", RATE, None, None, None, -1, "match", TIME, None),
        (NOW, "who", "binance", "BTCUSDT", INDEX, 100.0, 100.0, 0.0, -1, "match", TIME, None),
    ]


@pytest.mark.parametrize(
    ("before", "theirs", "after", "lag"),
    [
        # another moment: more than one second away
        (ours(100, at=-1_001), 150.0, ours(100, at=-1_001), 1),
        (ours(100, at=1_001), 150.0, ours(100, at=1_001), 1),
        (ours(100, at=-1_000), 150.0, ours(100, at=-1_000), 0),
        (ours(100, at=1_000), 150.0, ours(100, at=1_000), 0),
        (None, 150.0, ours(100, at=1_001), 1),
        # between the two stored quotes
        (ours(100, at=-500), 105.0, ours(110, at=500), 1),
        (ours(110, at=-500), 105.0, ours(100, at=500), 1),
        (ours(100, at=-500), 110.0, ours(110, at=600), 1),
        (ours(100, at=-600), 100.0, ours(110, at=500), 1),
        (ours(100, at=-500), 110.5, ours(110, at=500), 0),
        (ours(100, at=-500), 99.5, ours(110, at=500), 0),
        (ours(100), 105.0, ours(100), 0),
        (None, 105.0, ours(100), 0),
        (ours(100), 105.0, None, 0),
    ],
)
def test_lag_explains_a_value_of_another_moment_or_between_two_quotes(
    before: StoredQuote | None, theirs: float, after: StoredQuote | None, lag: int
) -> None:
    assert compared(Pair(rest(price=theirs), before, after))[MARK].explained == lag


def test_match_needs_no_explanation_and_each_field_has_its_own() -> None:
    pair = Pair(rest(rate=0.0002), ours(rate=0.0001), ours(rate=0.0003))
    assert [row.explained for row in compared(pair).values()] == [None, 1, None]


@pytest.mark.parametrize(
    ("before", "theirs", "after"),
    [(None, 0.0001, None), (0.0001, None, 0.0002), (None, 0.0001, 0.0002)],
)
def test_missing_value_is_not_between_others(
    before: float | None, theirs: float | None, after: float | None
) -> None:
    pair = Pair(rest(rate=theirs), ours(rate=before, at=-1), ours(rate=after, at=1))
    row = compared(pair)[RATE]
    assert (row.outcome, row.explained) == ("mismatch", 0)


def test_symbol_on_one_side_gives_a_row_for_each_value() -> None:
    assert compare(Pair(rest(), None, None), "who", "binance", NOW) == [
        (NOW, "who", "binance", "BTCUSDT", MARK, None, 100.0, None, None, "mismatch", TIME, 0),
        (NOW, "who", "binance", "BTCUSDT", RATE, None, 0.0001, None, None, "mismatch", TIME, 0),
        (NOW, "who", "binance", "BTCUSDT", INDEX, None, 100.0, None, None, "mismatch", TIME, 0),
    ]
    assert compare(Pair(None, None, ours(rate=None)), "who", "binance", NOW) == [
        (NOW, "who", "binance", "BTCUSDT", MARK, 100.0, None, None, None, "mismatch", None, 0),
        (NOW, "who", "binance", "BTCUSDT", INDEX, 100.0, None, None, None, "mismatch", None, 0),
    ]
    assert compare(Pair(None, None, None), "who", "binance", NOW) == []
    without_rate = compare(Pair(rest(rate=None), None, None), "who", "binance", NOW)
    assert RATE not in [row.field for row in without_rate]


names = st.sampled_from(["A", "B", "C", "D", "币"])


@given(st.sets(names), st.sets(names), st.sets(names))
def test_symbols_of_every_side_are_compared(
    before: set[str], replies: set[str], after: set[str]
) -> None:
    rows = compare_all(
        [ours(symbol=name) for name in before],
        [rest(name) for name in replies],
        [ours(symbol=name) for name in after],
        source="test",
        exchange="binance",
        at=NOW,
    )
    symbols = before | replies | after
    assert [(r.symbol, r.field) for r in rows] == [(s, f) for s in sorted(symbols) for f in Field]
    for row in rows:
        both = row.symbol in replies and row.symbol in before | after
        assert row.outcome == ("match" if both else "mismatch")
        assert (row.ws_value is None) == (row.symbol not in before | after)
        assert (row.rest_value is None) == (row.symbol not in replies)
    assert summarise(rows).one_sided == len(replies ^ (before | after))


@pytest.mark.parametrize("theirs", [90.0, 98.04, 100.0, 102.0])
@pytest.mark.parametrize("rate", [0.0, 0.0001, -0.0001, -0.0005, 0.02, -0.1])
def test_planted_pair_is_always_significant(theirs: float, rate: float) -> None:
    pair = Pair(rest(price=theirs, rate=rate + 0.0005), ours(rate=rate), ours(rate=rate))
    rows = planted_pair(pair, "binance", NOW)
    assert [(row.field, row.source, row.outcome) for row in rows] == [
        (field, "control", "significant") for field in Field
    ]
    assert [row.ws_value for row in rows] == [100.0, rate, 100.0]


@pytest.mark.parametrize(
    ("price", "rate", "planted_price", "planted_rate"),
    [
        (100.0, 0.0001, 102.0, 0.0006),
        (100.0, -0.0001, 102.0, 0.0004),
        (3.0, 0.0, 3.06, 0.0005),
        (50_000.0, 0.01, 51_000.0, 0.0105),
        (50_000.0, 0.02, 51_000.0, 0.021),  # five percent of the rate, where that is more
        (50_000.0, -0.02, 51_000.0, -0.019),
    ],
)
def test_planted_values_are_ours_moved_by_little(
    price: float, rate: float, planted_price: float, planted_rate: float
) -> None:
    """A comparison that notices only gross differences must not pass."""
    rows = planted_pair(Pair(rest(), ours(price, rate), ours(price, rate)), "binance", NOW)
    planted = {row.field: row.rest_value for row in rows}
    assert planted[MARK] == pytest.approx(planted_price)
    assert planted[RATE] == pytest.approx(planted_rate)
    assert planted[INDEX] == pytest.approx(102.0)


def test_comparison_of_all_symbols_says_by_whom_where_and_when() -> None:
    rows = compare_all([ours()], [rest()], [], source="who", exchange="binance", at=NOW)
    assert {row[:4] for row in rows} == {(NOW, "who", "binance", "BTCUSDT")}


def test_no_pair_is_planted_without_values() -> None:
    assert planted_pair(Pair(None, ours(), ours()), "binance", NOW) == []
    assert planted_pair(Pair(rest(), None, None), "binance", NOW) == []
    without = planted_pair(Pair(rest(), ours(rate=None), ours(rate=None)), "binance", NOW)
    assert [(row.field, row.outcome) for row in without] == [
        (MARK, "significant"),
        (INDEX, "significant"),
    ]


def test_rate_that_the_stream_tells_once_a_minute_may_be_late() -> None:
    pair = Pair(rest(rate=0.0002), ours(rate=0.0001), ours(rate=0.0001))
    for exchange, lag in (("binance", 0), ("kucoin", 1), ("backpack", 0)):
        _, rate, _ = compare(pair, "who", exchange, NOW)
        assert (rate.outcome, rate.explained) == ("significant", lag)
    one_sided = Pair(rest(rate=0.0002), ours(rate=None), ours(rate=None))
    assert compare(one_sided, "who", "kucoin", NOW)[1].explained == 0


def test_index_price_that_is_not_known_is_no_difference() -> None:
    """Backpack's stream may leave it out: in a quote it is 0."""
    without = msgspec.structs.replace(ours(), index_price=0.0)
    index = compared(Pair(rest(), without, without))[INDEX]
    assert (index.ws_value, index.rest_value, index.outcome) == (None, 100.0, "mismatch")
    planted = planted_pair(Pair(rest(), without, without), "backpack", NOW)
    assert [row.field for row in planted] == [MARK, RATE]
    neither = Pair(msgspec.structs.replace(rest(), index_price=0.0), without, without)
    assert compared(neither)[INDEX].outcome == "match"


def test_only_significant_differences_are_alarms() -> None:
    found = round_of(pair_of("A", 100.5), pair_of("B", 102), pair_of("C"))
    assert [(e.at, e.source, e.kind, e.detail) for e in alarms(found.rows)] == [
        (NOW, "test", "significant", "binance: B mark_price: stream 102, REST 100.0")
    ]


def test_each_cause_is_one_alarm_with_its_count() -> None:
    """An outage explains hundreds of differences: they do not bury the one that matters."""
    late = [pair_of(f"L{number}", 103, at=-30_000) for number in range(453)]
    found = round_of(*late, pair_of("B", 102), pair_of("C", 104))
    index = planted_pair(pair_of("P"), "binance", NOW)[-1]
    (told,) = alarms([index])
    assert told.rule == "index_price"
    assert "explained" not in told.detail, "what lag does not explain, whichever field it is"
    lag = "explained by -30000 ms, and 452 more"
    assert [(e.rule, e.count, e.detail) for e in alarms(found.rows)] == [
        ("mark_price", 2, "binance: C mark_price: stream 104, REST 100.0, and 1 more"),
        (
            "lag",
            453,
            f"binance: L0 mark_price: stream 103, REST 100.0, {lag}",
        ),
    ]


def test_differences_of_two_exchanges_are_two_alarms() -> None:
    kucoin = [row._replace(exchange="kucoin") for row in round_of(pair_of("B", 103)).rows]
    found = alarms([*round_of(pair_of("B", 102)).rows, *kucoin])
    assert [(e.program, e.rule, e.count) for e in found] == [
        ("binance", "mark_price", 1), ("kucoin", "mark_price", 1)
    ]  # fmt: skip


def test_rest_is_not_compared_with_itself() -> None:
    """Where REST stood in for the stream, the stored quote is REST's own."""
    filled_in = msgspec.structs.replace(ours(), source=Source.REST)
    for pair in (
        Pair(rest(), filled_in, filled_in),
        Pair(rest(), ours(), filled_in),
        Pair(rest(), filled_in, ours()),
        Pair(None, filled_in, filled_in),
    ):
        assert compared(pair) == {}
        assert planted_pair(pair, "binance", NOW) == []
    other = [msgspec.structs.replace(ours(), symbol="ETHUSDT")]
    rows = compare_all(
        [filled_in, *other], [rest()], other, source="test", exchange="binance", at=NOW
    )
    assert {row.symbol for row in rows} == {"ETHUSDT"}
