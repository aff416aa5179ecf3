"""The summary of many comparisons, and its verdict."""

import pytest

from funding.comparison.pair import Pair
from funding.comparison.summary import summarise
from tests.support.comparisons import GOOD_PAIRS, ours, pair_of, rest, round_of


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
def test_verdict_and_its_reasons(pairs: list[Pair], verdict: str, failings: list[str]) -> None:
    summary = round_of(*pairs).summary
    assert (summary.verdict, summary.failings) == (verdict, failings)


def test_summary_counts_and_measures() -> None:
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
