"""The hours that settlements stand for, and the gaps between them."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.model.settlement import REGULAR, StoredSettlement
from funding.statistics.intervals import Gap, gaps, hour_of, last_interval, settled
from tests.support.settlements import (
    HOUR_MS,
    START_HOUR,
    START_MS,
    real_settlements,
    settlement,
    settlements,
)


@pytest.mark.parametrize(
    ("hours", "intervals"),
    [
        ([0, 8, 16, 24], [8, 8, 8, 8]),
        ([0, 8, 16, 20, 24, 25, 26, 27], [8, 8, 8, 4, 4, 1, 1, 1]),
        ([0, 4, 8, 16, 24], [4, 4, 4, 8, 8]),
        ([0, 1, 2, 5, 9, 13], [1, 1, 1, 3, 4, 4]),
        ([0, 4, 8, 16, 20, 24], [4, 4, 4, 4, 4, 4]),
        ([0, 1, 2, 4, 5, 6], [1, 1, 1, 1, 1, 1]),
        ([0, 8, 16, 20], [8, 8, 8, 4]),
        ([0, 4, 8, 16], [4, 4, 4, 4]),
        ([0, 30, 60, 90], [None, None, None, None]),
        ([0, 8], [None, None]),
        ([0], [None]),
        ([], []),
    ],
    ids=str,
)
def test_interval_of_each_settlement(hours: list[float], intervals: list[int | None]) -> None:
    assert [each.interval for each in settled(settlements(hours))] == intervals


def test_two_equal_steps_are_an_interval_and_one_longer_step_is_a_gap() -> None:
    known = settled(settlements([0, 4, 8, 16, 20]))
    assert gaps(known) == [Gap(START_MS + 8 * HOUR_MS + 3, START_MS + 16 * HOUR_MS + 3, 1, 4)]
    assert not gaps(known)[0].is_hole
    assert gaps(settled(settlements([0, 4, 8, 16, 24]))) == []


def test_hole_counts_its_settlements() -> None:
    (hole,) = gaps(settled(settlements([0, 1, 2, 222, 223])))
    assert (hole.missing, hole.hours, hole.is_hole) == (219, 219, True)


def test_stated_interval_is_believed() -> None:
    rows = [settlement(hour, hours=4) for hour in (0, 8, 16)]
    assert [gap.hours for gap in gaps(settled(rows))] == [4, 4]
    assert [each.covered for each in settled(rows)] == [4, 4, 4]


def test_late_settlement_and_jitter_make_no_step() -> None:
    rows = [
        settlement(0),
        settlement(1, jitter=24 * 60_000),
        settlement(2, jitter=0),
        settlement(3),
    ]
    assert [each.step for each in settled(rows)] == [None, 1, 1, 1]
    assert gaps(settled(rows)) == []
    assert hour_of(START_MS - 5) * HOUR_MS == START_MS


def test_special_rate_beside_a_regular_one_is_no_settlement_of_its_own() -> None:
    rows = [
        *settlements([0, 8, 16]),
        settlement(8, 0.5, kind="Special"),
        settlement(12, kind="Special"),
    ]
    known = settled(rows)
    assert [each.interval for each in known] == [8, 8, 8]
    assert max(each.rate for each in known) < 0.1


def test_settlement_from_two_sources_counts_once() -> None:
    rows = [*settlements([0, 8, 16]), settlement(8, 7.0, jitter=9)]
    assert [each.hour for each in settled(rows)] == [each.hour for each in settled(rows[:3])]
    assert 7.0 not in [each.rate for each in settled(rows)]


def test_order_does_not_matter() -> None:
    rows = settlements([0, 1, 2, 4, 5])
    assert settled(rows[::-1]) == settled(rows)


@given(st.lists(st.integers(1, 30), max_size=40))
def test_hours_are_covered_or_missing(steps: list[int]) -> None:
    hours = [sum(steps[:count]) for count in range(len(steps) + 1)]
    known = settled(settlements(hours))
    if all(each.interval for each in known):
        missing = sum(gap.hours for gap in gaps(known))
        assert sum(each.covered for each in known[1:]) + missing == hours[-1]


def test_hour_is_the_nearest_one() -> None:
    for jitter, hour in ((0, 0), (29 * 60_000, 0), (31 * 60_000, 1), (-29 * 60_000, 0)):
        assert hour_of(START_MS + jitter) == START_HOUR + hour


def test_rate_per_hour() -> None:
    known = settled(settlements([0, 8, 16], [8e-4, 1e-4, -4e-4]))
    assert [each.hourly for each in known] == [1e-4, 1.25e-5, -5e-5]
    assert settled(settlements([0]))[0].hourly is None


def test_newest_interval() -> None:
    assert last_interval(settled(settlements([0, 8, 16, 20, 24]))) == 4
    assert last_interval([]) is None


def test_real_history_with_page_holes(recorded: Path) -> None:
    path = recorded / "hyperliquid" / "fundingHistory_BTC_ETH_2024-2025_with_page_gaps.csv"
    for rows in real_settlements(path, "coin", "time", "fundingRate").values():
        known = settled(rows)
        found = gaps(known)
        assert sum(gap.is_hole for gap in found) == 24
        assert [gap.hours for gap in found if not gap.is_hole] == [1]
        assert sum(gap.hours for gap in found) == 5_280
        assert known[-1].hour - known[0].hour + 1 == 17_472


def test_real_change_from_8_to_1_hours(recorded: Path) -> None:
    path = recorded / "hyperliquid" / "fundingHistory_BTC_2023-05_2023-07_8h_then_1h.json"
    rows = [
        StoredSettlement(
            "hl", "BTC", each["time"], REGULAR, float(each["fundingRate"]), None, None, "file"
        )
        for each in json.loads(path.read_text("utf-8"))
    ]
    known = settled(rows)
    assert [each.interval for each in known].count(8) == 82
    assert {each.interval for each in known} == {8, 1}
    assert [(gap.missing, gap.hours) for gap in gaps(known)] == [(1, 1)]
