"""The tally: one pass over the rows."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.report_days import COLUMNS, RATE, failed, run
from tests.support.report_rows import AT, row
from tests.support.report_world import DATED, END, tamper
from validation.read.rows import Row
from validation.read.tally import Tally
from validation.rules import INDEX, MARK


def test_source_without_a_name_is_counted_by_itself(world: Path) -> None:
    tamper(world, "UPDATE comparison SET source = '' WHERE id BETWEEN 400 AND 409;")
    totals = run(world)[1]["totals"]
    assert totals["by_source"][""]["total"] == 10
    assert sum(each["total"] for each in totals["by_source"].values()) == totals["all"]["total"]


def test_rate_may_differ_just_after_a_whole_hour_and_not_half_a_minute_later(
    world: Path,
) -> None:
    instant = (END // 28_800) * 28_800
    for late, wrong in ((0, False), (30, True)):
        at = instant + late + 0.5
        tamper(
            world,
            f"INSERT INTO comparison ({COLUMNS}) VALUES ({at}, 'watchdog', 'binance', 'BTCUSDT',"
            f" 'funding_rate', 0.0001, 0.0003, NULL, 0, 'match',"
            f" {int((instant + late) * 1000) + 200}, 0);",
        )
        _, report = run(world, "--no-store")
        assert ("equal at one event time" in failed(report)) is wrong
        assert any("rates differ at a whole hour" in each for each in report["warnings"])


def test_dated_contract_has_no_rate_and_is_compared(world: Path) -> None:
    tamper(world, f"UPDATE comparison SET ws_value = 0.0001 WHERE {RATE} AND symbol = '{DATED}';")
    assert "on one side only" in failed(run(world)[1])


def tally_of(*rows: Row) -> Tally:
    tally = Tally(AT)
    for each in rows:
        tally.add(each)
    tally.close(AT + 60)
    return tally


@pytest.mark.parametrize(
    "changes",
    [
        {"field": "open_interest"},
        {"field": None},
        {"symbol": ""},
        {"symbol": b"BTCUSDT"},
        {"ws": "NaN"},
        {"rest": float("inf")},
    ],
)
def test_row_that_cannot_be_real_is_unreadable(changes: dict[str, Any]) -> None:
    tally = tally_of(row(**changes))
    assert (tally.rows, tally.unreadable, tally.pairs) == (1, 1, 0)


def test_second_row_of_one_instant_is_a_duplicate() -> None:
    tally = tally_of(row(), row(id=2), row(field="funding_rate"), row(at=AT + 1))
    assert (tally.rows, tally.duplicates, tally.pairs) == (4, 1, 3)


@pytest.mark.parametrize(
    ("changes", "outcome", "wrong"),
    [
        ({"ws": None, "stored": "mismatch"}, "mismatch", 0),
        ({"rest": None, "stored": "significant"}, "mismatch", 0),
        ({"rest": None, "stored": "match"}, "mismatch", 1),
        ({"rest": None, "stored": None}, "mismatch", 1),
        ({"ws": None, "rest": None}, "match", 0),
        ({"ws": None, "rest": None, "stored": "mismatch"}, "match", 1),
    ],
)
def test_missing_value_agrees_only_with_another(
    changes: dict[str, Any], outcome: str, wrong: int
) -> None:
    tally = tally_of(row(field="funding_rate", **changes))
    assert tally.outcomes == {("watchdog", "funding_rate", outcome): 1}
    assert tally.wrong_outcomes == wrong
    assert tally.pairs == 0


def test_only_equal_event_times_are_one_time() -> None:
    tally = tally_of(*(row(at=AT + n, skew_ms=skew) for n, skew in enumerate((0, 1, -1_000, None))))
    assert (tally.everything[MARK].many, tally.aligned[MARK].many) == (4, 1)
    assert tally.series[MARK]["BTCUSDT"].same_time == 1
    assert tally.skews.unknown == 1


def test_index_price_of_zero_differs_from_any_other() -> None:
    tally = tally_of(row(field="index_price", ws=0.0, stored="significant", stored_pct=None))
    series = tally.series[INDEX]["BTCUSDT"]
    assert (series.unequal, tally.no_prices, tally.wrong_outcomes) == (1, 0, 0)


def test_clocks_and_values_that_cannot_be_real_are_counted() -> None:
    tally = tally_of(
        row(at=AT, rest_time=int(AT * 1000) - 30_001),
        row(at=AT + 1, rest_time=None),
        row(at=AT + 2, ws=1.0, rest=0.0),
        row(at=AT + 2.5, ws=0.0, rest=1.0),
        row(at=AT + 3, field="funding_rate", ws=0.003, rest=0.003),
        row(at=AT + 4, field="funding_rate", ws=0.0, rest=0.0),
        row(at=AT + 5, field="funding_rate", ws=1e-4, rest=-1e-4),
        row(at=AT + 6, field="funding_rate", ws=9e-7, rest=-9e-7),
    )
    assert (tally.clocks_apart, tally.without_rest_time, tally.no_prices) == (1, 1, 2)
    assert (tally.large_rates, tally.small_rates) == (1, 2)
