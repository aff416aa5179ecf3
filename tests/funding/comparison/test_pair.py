"""Comparing: every rule as a table of values, and what must hold of any values."""

import json
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.comparison.pair import (
    FIELDS,
    SAME_RATE,
    Comparison,
    Pair,
    alarms,
    compare,
    compare_all,
    difference_pct,
    outcome,
    planted_pair,
)
from funding.comparison.report import Round, as_data, as_text
from funding.comparison.summary import summarise
from funding.exchanges.binance.rest import PremiumIndex
from funding.model.feed import StoredQuote

NOW = 1_764_725_610.0
TIME = 1_764_725_610_000
MARK, RATE = FIELDS


def rest(
    symbol: str = "BTCUSDT", price: float = 100.0, rate: float | None = 0.0001, time: int = TIME
) -> PremiumIndex:
    return PremiumIndex(symbol, price, price, rate, TIME + 1, time)


def ours(
    price: float = 100.0, rate: float | None = 0.0001, *, at: int = 0, symbol: str = "BTCUSDT"
) -> StoredQuote:
    """A reading `at` ms after REST's time."""
    return StoredQuote("binance", symbol, price, price, rate, TIME + 1, TIME + at, NOW, 0.5)


def compared(pair: Pair) -> dict[str, Comparison]:
    return {row.field: row for row in compare(pair, "test", "binance", NOW)}


@pytest.mark.parametrize(
    ("field", "mine", "theirs", "percent", "word"),
    [
        (MARK, 100.0, 100.0, 0, "match"),
        (MARK, 100.1, 100.0, 0.1, "match"),
        (MARK, 99.9, 100.0, -0.1, "match"),
        (MARK, 100.1001, 100.0, 0.1001, "mismatch"),
        (MARK, 99.8999, 100.0, -0.1001, "mismatch"),
        (MARK, 101.0, 100.0, 1, "mismatch"),
        (MARK, 99.0, 100.0, -1, "mismatch"),
        (MARK, 101.0001, 100.0, 1.0001, "significant"),
        (MARK, 98.9999, 100.0, -1.0001, "significant"),
        (MARK, 0.00001001, 0.00001, 0.1, "match"),  # of REST's value, however small
        (MARK, 0.00001002, 0.00001, 0.2, "mismatch"),
        (MARK, 100.0, 99.0, 100 / 99, "significant"),  # of REST's, not of ours
        (MARK, 1.0, 0.0, math.inf, "significant"),
        (MARK, 0.0, 0.0, 0, "match"),
        (RATE, 0.0001, 0.0001, 0, "match"),
        (RATE, 0.0, 0.0, 0, "match"),
        (RATE, 0.0001001, 0.0001, 0.1, "match"),
        (RATE, 0.00010011, 0.0001, 0.11, "mismatch"),
        (RATE, 0.000101, 0.0001, 1, "mismatch"),
        (RATE, 0.00010101, 0.0001, 1.01, "significant"),
        (RATE, 0.0000001, 0.0, 0.1, "match"),  # rates pass through zero
        (RATE, 0.00000011, 0.0, 0.11, "mismatch"),
        (RATE, 0.00000001, -0.00000001, 0.02, "match"),
        (RATE, 0.0001, -0.0001, 200, "significant"),
        (RATE, 0.00001, 0.00002, -10, "significant"),  # of 0.0001, not of 0.00002
        (RATE, 0.010009, 0.01, 0.09, "match"),  # of the rate where that is larger
        (RATE, -0.010011, -0.01, -0.11, "mismatch"),
        (RATE, 0.0, -0.0, 0, "match"),
        (RATE, math.nan, 0.0001, math.nan, "significant"),
        (MARK, 100.0, math.nan, math.nan, "significant"),
    ],
)
def test_a_difference_and_what_it_is_called(
    field: str, mine: float, theirs: float, percent: float, word: str
) -> None:
    found = difference_pct(field, mine, theirs)
    assert found == pytest.approx(percent, rel=1e-9, abs=1e-12, nan_ok=True)
    assert outcome(field, mine, theirs) == word


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    ("mine", "theirs", "word"),
    [
        (None, None, "match"),
        (None, 0.0, "mismatch"),
        (0.0, None, "mismatch"),
        (None, 5.0, "mismatch"),
        (5.0, None, "mismatch"),
    ],
)
def test_a_missing_value_matches_only_another(
    field: str, mine: float | None, theirs: float | None, word: str
) -> None:
    assert difference_pct(field, mine, theirs) is None
    assert outcome(field, mine, theirs) == word


def by_decimals(field: str, mine: Decimal, theirs: Decimal) -> str:
    """The issue's words, in exact arithmetic."""
    base = abs(theirs) if field == MARK else max(abs(theirs), Decimal("0.0001"))
    percent = abs(mine - theirs) / base * 100
    return "match" if percent <= Decimal("0.1") else "mismatch" if percent <= 1 else "significant"


rates = st.decimals("-0.03", "0.03", places=8)
prices = st.decimals("0.00000001", "200000", places=8)
limits = st.sampled_from([Decimal(n) for n in ("0", "0.001", "-0.001", "0.01", "-0.01", "0.0099")])
last_places = st.integers(-2, 2).map(lambda n: Decimal(n).scaleb(-8))


@given(rates, limits, last_places)
def test_the_outcome_of_rates_is_that_of_exact_arithmetic(
    theirs: Decimal, share: Decimal, more: Decimal
) -> None:
    gap = (max(abs(theirs), Decimal("0.0001")) * share).quantize(Decimal("1e-8"))
    mine = theirs + gap + more
    assert outcome(RATE, float(mine), float(theirs)) == by_decimals(RATE, mine, theirs)


@given(prices, limits, last_places)
def test_the_outcome_of_prices_is_that_of_exact_arithmetic(
    theirs: Decimal, share: Decimal, more: Decimal
) -> None:
    mine = abs(theirs + (theirs * share).quantize(Decimal("1e-8")) + more)
    exact = abs(mine - theirs) / theirs * 100
    if min(abs(exact - 1), abs(exact - Decimal("0.1"))) > Decimal("1e-9") or exact in (
        1,
        Decimal("0.1"),
    ):
        assert outcome(MARK, float(mine), float(theirs)) == by_decimals(MARK, mine, theirs)


finite = st.floats(-1e9, 1e9)


@given(finite, st.floats(0.0, SAME_RATE, exclude_max=True), st.booleans())
def test_identical_rates_match(theirs: float, gap: float, below: bool) -> None:
    mine = theirs - gap if below else theirs + gap
    if abs(mine - theirs) < SAME_RATE:
        assert outcome(RATE, mine, theirs) == "match"


@given(st.sampled_from(FIELDS), st.floats(1e-8, 1e9), st.floats(-0.999, 10))
def test_the_sign_of_a_difference_says_which_is_larger(
    field: str, theirs: float, share: float
) -> None:
    mine = theirs * (1 + share)
    found = difference_pct(field, mine, theirs)
    assert found is not None
    assert (found > 0, found < 0) == (mine > theirs, mine < theirs)
    if field == MARK:
        assert found == pytest.approx(share * 100, rel=1e-6, abs=1e-9)


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
def test_the_nearer_reading_is_paired_and_the_skew_kept(
    before: StoredQuote | None, after: StoredQuote | None, nearer: int
) -> None:
    rows = compared(Pair(rest(), before, after))
    assert [row.skew_ms for row in rows.values()] == [nearer, nearer]
    assert [row.rest_time for row in rows.values()] == [TIME, TIME]


def test_the_paired_reading_gives_the_values() -> None:
    pair = Pair(rest(), ours(1.0, 0.1, at=-900), ours(100.0, 0.0001, at=100))
    assert [row.ws_value for row in compared(pair).values()] == [100.0, 0.0001]


def test_a_row_has_everything_the_table_asks() -> None:
    pair = Pair(rest(price=200.0, rate=None), ours(201.0, None, at=-1), ours(201.0, None, at=-1))
    assert compare(pair, "who", "binance", NOW) == [
        (NOW, "who", "binance", "BTCUSDT", MARK, 201.0, 200.0, 0.5, -1, "mismatch", TIME, 0),
        (NOW, "who", "binance", "BTCUSDT", RATE, None, None, None, -1, "match", TIME, None),
    ]


@pytest.mark.parametrize(
    ("before", "theirs", "after", "lag"),
    [
        # of another moment: more than one second away
        (ours(100, at=-1_001), 150.0, ours(100, at=-1_001), 1),
        (ours(100, at=1_001), 150.0, ours(100, at=1_001), 1),
        (ours(100, at=-1_000), 150.0, ours(100, at=-1_000), 0),
        (ours(100, at=1_000), 150.0, ours(100, at=1_000), 0),
        (None, 150.0, ours(100, at=1_001), 1),
        # between the two readings
        (ours(100, at=-500), 105.0, ours(110, at=500), 1),
        (ours(110, at=-500), 105.0, ours(100, at=500), 1),
        (ours(100, at=-500), 110.0, ours(110, at=600), 1),
        (ours(100, at=-500), 110.5, ours(110, at=500), 0),
        (ours(100, at=-500), 99.5, ours(110, at=500), 0),
        (ours(100), 105.0, ours(100), 0),
        (None, 105.0, ours(100), 0),
        (ours(100), 105.0, None, 0),
    ],
)
def test_lag_explains_what_is_of_another_moment_or_between(
    before: StoredQuote | None, theirs: float, after: StoredQuote | None, lag: int
) -> None:
    assert compared(Pair(rest(price=theirs), before, after))[MARK].explained == lag


def test_a_match_needs_no_explanation_and_each_field_has_its_own() -> None:
    pair = Pair(rest(rate=0.0002), ours(rate=0.0001), ours(rate=0.0003))
    assert [row.explained for row in compared(pair).values()] == [None, 1]


@pytest.mark.parametrize(
    ("before", "theirs", "after"),
    [(None, 0.0001, None), (0.0001, None, 0.0002), (None, 0.0001, 0.0002)],
)
def test_between_needs_numbers(
    before: float | None, theirs: float | None, after: float | None
) -> None:
    pair = Pair(rest(rate=theirs), ours(rate=before, at=-1), ours(rate=after, at=1))
    row = compared(pair)[RATE]
    assert (row.outcome, row.explained) == ("mismatch", 0)


def test_a_symbol_on_one_side_is_a_row_for_each_of_its_values() -> None:
    assert compare(Pair(rest(), None, None), "who", "binance", NOW) == [
        (NOW, "who", "binance", "BTCUSDT", MARK, None, 100.0, None, None, "mismatch", TIME, 0),
        (NOW, "who", "binance", "BTCUSDT", RATE, None, 0.0001, None, None, "mismatch", TIME, 0),
    ]
    assert compare(Pair(None, None, ours(rate=None)), "who", "binance", NOW) == [
        (NOW, "who", "binance", "BTCUSDT", MARK, 100.0, None, None, None, "mismatch", None, 0)
    ]
    assert compare(Pair(None, None, None), "who", "binance", NOW) == []


names = st.sampled_from(["A", "B", "C", "D", "币"])


@given(st.sets(names), st.sets(names), st.sets(names))
def test_no_symbol_of_any_side_is_dropped(
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
    assert [(r.symbol, r.field) for r in rows] == [(s, f) for s in sorted(symbols) for f in FIELDS]
    for row in rows:
        both = row.symbol in replies and row.symbol in before | after
        assert row.outcome == ("match" if both else "mismatch")
        assert (row.ws_value is None) == (row.symbol not in before | after)
        assert (row.rest_value is None) == (row.symbol not in replies)
    assert summarise(rows).one_sided == len(replies ^ (before | after))


@pytest.mark.parametrize("theirs", [90.0, 98.04, 100.0, 102.0])
@pytest.mark.parametrize("rate", [0.0, 0.0001, -0.0001, -0.0005, 0.02, -0.1])
def test_a_control_is_always_significant(theirs: float, rate: float) -> None:
    pair = Pair(rest(price=theirs, rate=rate + 0.0005), ours(rate=rate), ours(rate=rate))
    rows = planted_pair(pair, "binance", NOW)
    assert [(row.field, row.source, row.outcome) for row in rows] == [
        (field, "control", "significant") for field in FIELDS
    ]
    assert [row.ws_value for row in rows] == [100.0, rate]


def test_no_control_is_made_of_what_is_not_there() -> None:
    assert planted_pair(Pair(None, ours(), ours()), "binance", NOW) == []
    assert planted_pair(Pair(rest(), None, None), "binance", NOW) == []
    without = planted_pair(Pair(rest(), ours(rate=None), ours(rate=None)), "binance", NOW)
    assert [(row.field, row.outcome) for row in without] == [(MARK, "significant")]


def round_of(*pairs: Pair, stale: tuple[str, ...] = ()) -> Round:
    rows = [row for pair in pairs for row in compare(pair, "test", "binance", NOW)]
    return Round(NOW, rows, summarise(rows), list(stale), 180.0)


def pair_of(symbol: str, price: float = 100.0, rate: float | None = 0.0001, at: int = 0) -> Pair:
    reading = ours(price, rate, at=at, symbol=symbol)
    return Pair(rest(symbol), reading, reading)


GOOD_PAIRS = [pair_of(f"S{number:03}") for number in range(100)]


@pytest.mark.parametrize(
    ("pairs", "verdict", "failings"),
    [
        (GOOD_PAIRS, "EXCELLENT", []),
        ([*GOOD_PAIRS, pair_of("X", 100.5)], "GOOD", []),
        ([*GOOD_PAIRS, pair_of("X", 105, at=2_000)], "GOOD", []),
        ([*GOOD_PAIRS, Pair(rest("X"), None, None)], "GOOD", []),
        ([*GOOD_PAIRS, pair_of("X", rate=None)], "GOOD", []),
        (
            [*GOOD_PAIRS, pair_of("X", 102)],
            "POOR",
            ["significant differences that lag does not explain: 1"],
        ),
        ([pair_of("X", 100.3, at=2_000)], "POOR", ["the average difference is 0.150 %"]),
        (
            [*GOOD_PAIRS, Pair(rest("X"), None, None), Pair(None, ours(symbol="Y"), None)],
            "POOR",
            ["2 of 102 symbols are on one side only"],
        ),
        ([], "POOR", ["not one symbol is on both sides"]),
        ([Pair(rest("X"), None, None)], "POOR", ["not one symbol is on both sides"]),
    ],
)
def test_the_verdict_and_its_reasons(pairs: list[Pair], verdict: str, failings: list[str]) -> None:
    summary = round_of(*pairs).summary
    assert (summary.verdict, summary.failings) == (verdict, failings)


def test_a_summary_counts_and_measures() -> None:
    pairs = [pair_of("A", 99.5), pair_of("B", 102, at=5_000), pair_of("C", rate=0.0002)]
    pairs += [pair_of("D"), Pair(rest("E"), None, None)]
    assert round_of(*pairs).summary._asdict() == {
        "total": 10,
        "matches": 5,
        "mismatches": 3,
        "significant": 2,
        "unexplained": 1,
        "symbols": 5,
        "one_sided": 1,
        "average_pct": pytest.approx(102.5 / 8),
        "median_pct": 0.0,
        "maximum_pct": pytest.approx(100.0),
    }
    empty = summarise([])
    assert (empty.total, empty.average_pct, empty.median_pct, empty.maximum_pct) == (0, 0, 0, 0)


def test_only_what_is_significant_is_an_alarm() -> None:
    found = round_of(pair_of("A", 100.5), pair_of("B", 102), pair_of("C"))
    assert [(e.at, e.source, e.kind, e.detail) for e in alarms(found.rows)] == [
        (NOW, "test", "significant", "B mark_price: stream 102, REST 100.0")
    ]


MANY = round_of(
    pair_of("SMALL", 100.001),
    pair_of("币安人生USDT", 97.5),
    pair_of("LATE", 105, at=-2_500),
    pair_of("HALF", rate=None),
    pair_of("SAME"),
    Pair(rest("THEIRS"), None, None),
    Pair(None, ours(symbol="OURS"), None),
    stale=("LATE",),
)


def test_the_table_has_the_worst_first_and_everything_else_by_name() -> None:
    assert as_text(MANY, 2) == [
        "2025-12-03T01:33:30Z  7 symbols, 14 values compared with REST",
        "",
        "symbol        field       stream  REST  difference %  skew ms  outcome",
        "LATE          mark_price     105   100       +5.0000    -2500  significant, lag",
        "币安人生USDT  mark_price    97.5   100       -2.5000        0  significant",
        "",
        "only in the stream (1): OURS",
        "only in REST (1): THEIRS",
        "funding rate on one side only (1): HALF",
        "older than 180 s here (1): LATE",
        "7 match, 5 mismatch, 2 significant (1 not explained by lag); average 0.8334 %, median"
        " 0.0000 %, maximum 5.0000 %",
        "POOR: 2 of 7 symbols are on one side only; significant differences that lag does not"
        " explain: 1; the average difference is 0.833 %",
    ]


def test_what_is_equal_needs_no_table() -> None:
    lines = as_text(round_of(*GOOD_PAIRS), 10)
    assert len(lines) == 4
    assert lines[-1] == "EXCELLENT"
    assert len(as_text(MANY, 0)) == 8


def test_as_data_it_is_strict_json() -> None:
    endless = Pair(rest("Z", price=0.0), ours(symbol="Z"), ours(symbol="Z"))
    data: Any = json.loads(json.dumps(as_data(round_of(endless), 5), allow_nan=False))
    assert data["summary"]["maximum_pct"] is None
    assert data["worst"][0]["difference_pct"] is None
    many = as_data(MANY, 3)
    assert (many["at"], many["verdict"]) == (NOW, "POOR")
    assert [row["symbol"] for row in many["worst"]] == ["LATE", "币安人生USDT", "SMALL"]
    assert (many["only_in_stream"], many["only_in_rest"]) == (["OURS"], ["THEIRS"])
    assert (many["half_rates"], many["stale"]) == (["HALF"], ["LATE"])
    assert many["summary"]["failings"] == MANY.summary.failings
