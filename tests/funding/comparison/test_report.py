"""A comparison of all symbols, as text and as data."""

import json
from typing import Any

from funding.comparison.pair import Pair
from funding.comparison.report import as_data, as_text
from tests.support.comparisons import GOOD_PAIRS, NOW, ours, pair_of, rest, round_of

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


def test_text_has_the_worst_first_and_names_other_symbols() -> None:
    assert as_text(MANY, 2) == [
        "2025-12-03T01:33:30Z  7 symbols, 21 values compared with REST",
        "",
        "symbol        field       stream  REST  difference %  skew ms  outcome",
        "LATE          mark_price     105   100       +5.0000    -2500  significant, lag",
        "币安人生USDT  mark_price    97.5   100       -2.5000        0  significant",
        "",
        "only in the stream (1): OURS",
        "only in REST (1): THEIRS",
        "funding rate on one side only (1): HALF",
        "older than 180 s here (1): LATE",
        "12 match, 7 mismatch, 2 significant (1 not explained by lag); average 0.5358 %, median"
        " 0.0000 %, maximum 5.0000 %",
        "POOR: 2 of 7 symbols are on one side only; significant differences that lag does not"
        " explain: 1; the average difference is 0.536 %",
    ]


def test_equal_values_need_no_table() -> None:
    lines = as_text(round_of(*GOOD_PAIRS), 10)
    assert len(lines) == 4
    assert lines[-1] == "EXCELLENT"
    assert len(as_text(MANY, 0)) == 8


def test_data_is_strict_json() -> None:
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
