"""The summary of many comparisons, and its verdict."""

import pytest

from funding.comparison.difference import Field, Outcome
from funding.comparison.pair import Comparison, Pair
from funding.comparison.summary import RunningSummary, summarise
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
        ([pair_of("X", 100.6, at=2_000)], "POOR", ["the average difference is 0.200 %"]),
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


def test_stream_that_is_late_is_not_excellent() -> None:
    for late_ms, failings in (
        (5_000, []),
        (
            8_000,
            ["the stream is 8 s behind REST: its lag explains the differences, and is not right"],
        ),
        (-8_000, []),
    ):
        pairs = [pair_of(f"S{n}", 100.5, at=-late_ms) for n in range(9)]
        summary = round_of(*pairs, *GOOD_PAIRS[:2], *[pair_of("T", at=-late_ms)] * 40).summary
        assert summary.failings == failings
        assert summary.behind_seconds == late_ms / 1_000


def test_summary_counts_and_measures() -> None:
    pairs = [pair_of("A", 99.5), pair_of("B", 102, at=5_000), pair_of("C", rate=0.0002)]
    pairs += [pair_of("D"), Pair(rest("E"), None, None)]
    assert round_of(*pairs).summary._asdict() == {
        "total": 15,
        "matches": 9,
        "mismatches": 4,
        "significant": 2,
        "unexplained": 1,
        "symbols": 5,
        "one_sided": 1,
        "average_pct": pytest.approx(102.5 / 12),
        "median_pct": 0.0,
        "maximum_pct": pytest.approx(100.0),
        "behind_seconds": 0.0,
    }
    empty = summarise([])
    assert (empty.total, empty.average_pct, empty.median_pct, empty.maximum_pct) == (0, 0, 0, 0)


def rows_of(count: int, percent: float | None, outcome: Outcome) -> list[Comparison]:
    return [Comparison(0, "", "", "", Field.MARK_PRICE, 1, 1, percent, 0, outcome, 0, None)] * count


def test_one_line_for_every_hundred_comparisons() -> None:
    summary = RunningSummary()
    assert summary.add(rows_of(97, 0.0, Outcome.MATCH)) is None
    assert summary.add(rows_of(1, -0.5, Outcome.MISMATCH)) is None
    assert summary.add(rows_of(1, None, Outcome.MISMATCH)) is None
    assert summary.add(rows_of(1, 1.48, Outcome.SIGNIFICANT)) == (
        "100 comparisons: 97 matches, 3 mismatches (1 significant), average 0.0200 %,"
        " maximum 1.4800 %"
    )
    assert summary.add(rows_of(99, 0.0, Outcome.MATCH)) is None
    line = summary.add(rows_of(250, 0.0, Outcome.MATCH))
    assert line is not None
    assert line.startswith("449 comparisons: 446 matches, 3 mismatches (1 significant)")
    assert summary.add(rows_of(1, 0.0, Outcome.MATCH)) is None
    missing = RunningSummary().add(rows_of(100, None, Outcome.MISMATCH))
    assert missing is not None
    assert missing.endswith("average 0.0000 %, maximum 0.0000 %")
