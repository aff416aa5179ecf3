"""What a long history says, and the published figures that it gives again."""

from pathlib import Path

import pytest

from funding.statistics.study import study, totals
from tests.support.settlements import HOUR_MS, START_MS, real_settlements, settlements


def test_study_of_one_symbol() -> None:
    found = study("BTCUSDT", settlements([0, 8, 16, 32, 40], [1e-4, 1e-4, -1e-4, 1e-4, 2e-4]), 30.0)
    assert found is not None
    assert (found.count, found.hours, found.missing_hours) == (5, 48, 8)
    assert found.coverage == pytest.approx(5 / 6)
    assert (found.positive, found.pinned, found.intervals) == (0.8, 0.6, (8,))
    assert (found.first, found.last) == (START_MS + 3, START_MS + 40 * HOUR_MS + 3)
    assert found.scores == ()
    assert totals([found]) is None
    assert study("BTCUSDT", settlements([0]), 30.0) is None


def test_scores_need_coverage_and_count_from_the_days_before() -> None:
    rates = [1e-5, 2e-5, 3e-5] * 10 + [5e-4]
    found = study("BTCUSDT", settlements(range(0, 248, 8), rates), 5.0)
    assert found is not None
    assert len(found.scores) == 31 - 12
    last = found.scores[-1]
    assert last.z_score is not None
    assert last.z_score > 50
    assert not last.mostly_pinned
    in_all = totals([found])
    assert in_all is not None
    assert (in_all.scores, in_all.largest) == (19, last.z_score)
    assert in_all.above_extreme == 1 / 19


def test_window_without_deviation_is_counted() -> None:
    found = study("BTCUSDT", settlements(range(0, 248, 8), [1e-4] * 30 + [2e-4]), 5.0)
    assert found is not None
    assert all(score.no_deviation and score.z_score is None for score in found.scores)


def test_published_means_over_a_history_with_holes(recorded: Path) -> None:
    path = recorded / "hyperliquid" / "fundingHistory_BTC_ETH_2024-2025_with_page_gaps.csv"
    known = real_settlements(path, "coin", "time", "fundingRate")
    for coin, mean in (("BTC", "17.53"), ("ETH", "14.69")):
        found = study(coin, known[coin], 30.0)
        assert found is not None
        assert f"{found.mean * 8_760 * 100:.2f}" == mean
        assert (found.missing_hours, found.hours) == (5_280, 17_472)
        assert f"{found.coverage:.1%}" == "69.8%"


def test_z_scores_of_a_real_year(recorded: Path) -> None:
    path = recorded / "funding_history_binance_2025-08_2026-08.csv"
    known = real_settlements(path, "symbol", "fundingTime_ms", "fundingRate")
    studies = [study(symbol, rows, 30.0) for symbol, rows in known.items()]
    in_all = totals(each for each in studies if each is not None)
    assert in_all is not None
    assert f"{in_all.above_high:.1%} {in_all.above_extreme:.1%}" == "5.6% 2.0%"
    assert round(in_all.largest) == 158
    missed = {each.symbol: [gap.hours for gap in each.gaps] for each in studies if each}
    assert sorted(symbol for symbol, found in missed.items() if found == [4]) == [
        "ORDIUSDC", "ORDIUSDT", "TIAUSDC", "TIAUSDT", "WIFUSDC", "WIFUSDT",
    ]  # fmt: skip
