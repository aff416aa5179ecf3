"""What the settled rates of a window say, and why there may be no Z-score."""

import itertools
import math
import statistics
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funding.statistics.window import (
    Terms,
    base_of,
    moments,
    pinned_share,
    quantiles,
    window,
)
from tests.support.settlements import HOUR_MS, START_MS, real_settlements, settlement, settlements

RATES = st.lists(st.floats(-0.02, 0.02, allow_subnormal=False), min_size=2, max_size=60)


def at(hour: float) -> int:
    return START_MS + round(hour * HOUR_MS)


def test_window_of_regular_settlements() -> None:
    rows = settlements(range(8, 248, 8))
    found = window(rows, at(245), 10.0, Terms(listed_time=at(0)))
    hourly = [row.rate / 8 for row in rows]
    assert found.mean == pytest.approx(statistics.mean(hourly), rel=1e-12)
    assert found.deviation == pytest.approx(statistics.stdev(hourly), rel=1e-12)
    assert (found.samples, found.coverage, found.reason, found.gaps) == (30, 1.0, None, ())
    assert found.since == at(5)
    assert found.quantiles == tuple(sorted(hourly))


def test_older_settlements_tell_the_interval_and_nothing_else() -> None:
    rows = settlements(range(0, 248, 8))
    found = window(rows, at(242), 5.0)
    assert found.since == at(122)
    assert found.samples == 15
    assert found.coverage == 1.0


def test_settlement_of_the_future_does_not_count() -> None:
    assert window(settlements([8, 16, 24]), at(17), 1.0).samples == 2


@pytest.mark.parametrize(
    ("hours", "now", "reason"),
    [
        ([], 10, "no settled rate is known"),
        (range(8, 80, 8), 73, "9 settled rates of 10"),
        ([*range(8, 120, 8), *range(240, 304, 8)], 297, "settled rates cover 59 % of the window"),
        (range(8, 120, 8), 200, "settled rates cover 58 % of the window"),
        ([*range(8, 120, 8), *range(116, 140, 4)], 137.1, "the interval changed 6 settlements ago"),
        ([*range(8, 120, 8), *range(116, 156, 4)], 153.1, None),
        (
            [*range(8, 120, 8), *range(116, 156, 4), *range(153, 160)],
            159.1,
            "the interval changed 7",
        ),
        ([*range(8, 120, 8), *range(116, 156, 4), *range(153, 170)], 169.1, None),
        (range(8, 120, 8), 113, None),
    ],
)
def test_reason_against_a_z_score(hours: range, now: float, reason: str | None) -> None:
    found = window(settlements(hours), at(now), 30.0, Terms(listed_time=at(0)))
    assert (found.reason or "").startswith(reason or "nothing") or found.reason is reason


def test_mixed_intervals_are_compared_per_hour() -> None:
    hours = [*range(8, 120, 8), *range(116, 156, 4), *range(153, 170)]
    steps = [8, *(after - before for before, after in itertools.pairwise(hours))]
    found = window(
        settlements(hours, [1e-5 * step for step in steps]), at(169), 30.0, Terms(at(0), 1)
    )
    assert found.mean == pytest.approx(1e-5)
    assert (found.deviation, found.reason) == (0.0, "all settled rates are equal")


def test_contract_listed_yesterday_is_covered_but_has_too_few_rates() -> None:
    rows = settlements([4, 8, 12, 16, 20, 24])
    found = window(rows, at(25), 30.0, Terms(listed_time=at(2)))
    assert (found.since, found.coverage) == (at(2), 1.0)
    assert found.reason == "6 settled rates of 10"
    unknown = window(rows, at(25), 30.0)
    assert unknown.coverage < 0.04


def test_settlement_is_missing_half_an_hour_after_it_was_due() -> None:
    rows, terms = settlements(range(8, 120, 8)), Terms(listed_time=at(0))
    assert window(rows, at(120.4), 30.0, terms).gaps == ()
    (late,) = window(rows, at(120.6), 30.0, terms).gaps
    assert (late.missing, late.hours, late.before_time) == (1, 8, at(120.6))
    rows = settlements([*range(8, 120, 8), 116])
    assert [gap.hours for gap in window(rows, at(125), 30.0, terms).gaps] == [8]


def test_exchange_says_that_the_interval_has_changed() -> None:
    rows = settlements(range(8, 240, 8))
    after = "the interval changed after the last settlement"
    assert window(rows, at(233), 30.0, Terms(at(0), interval=4)).reason == after
    changed = Terms(at(0), 8, interval_changed_at=at(220) / 1000)
    assert window(rows, at(233), 30.0, changed).reason == "the interval changed 2 settlements ago"
    long_ago = Terms(at(0), 8, interval_changed_at=at(100) / 1000)
    assert window(rows, at(233), 30.0, long_ago).reason is None


def test_base_has_changed() -> None:
    old = [1e-4, 1e-4, 9e-5] * 10
    for new, reason in (
        ([5e-5, 4e-5, 5e-5, 5e-5], "the base rate changed 4 settlements ago"),
        ([5e-5, 4e-5, 5e-5, 5e-5] * 3, None),
        ([5e-5, 4e-5, 3e-5, 2e-5], None),
        ([-0.02, -0.02, -0.02, -0.02], None),
    ):
        rates = old + new
        rows = settlements(range(8, 8 + 8 * len(rates), 8), rates)
        assert window(rows, rows[-1].funding_time + 1, 30.0, Terms(at(0))).reason == reason
    stated = Terms(at(0), base_rate=1e-4 / 8, base_changed_at=at(201) / 1000)
    rows = settlements(range(8, 248, 8), old)
    expected = "the base rate changed 5 settlements ago"
    assert window(rows, at(241), 30.0, stated).reason == expected


def test_pinned_share_is_of_the_base() -> None:
    rates = [1e-4] * 6 + [2e-4, 3e-4, 4e-4, 0.0]
    rows = settlements(range(8, 88, 8), rates)
    assert window(rows, at(81), 30.0).pinned == 0.6
    assert window(rows, at(81), 30.0, Terms(base_rate=0.0)).pinned == 0.1
    assert window(settlements(range(8, 64, 8)), at(57), 30.0).pinned is None


def test_base_is_a_small_rate_that_repeats() -> None:
    assert base_of([1e-4 / 8] * 3 + [2e-5, 3e-5]) == pytest.approx(1.25e-5)
    assert base_of([0.0, 0.0, 0.0, 1e-5]) == 0.0
    assert base_of([-0.02 / 8] * 9 + [1e-5]) is None
    assert base_of([1e-5, 1e-5]) is None
    assert pinned_share([], 0.0) is None


@given(RATES)
def test_moments_are_those_of_exact_arithmetic(rates: list[float]) -> None:
    mean, deviation = moments(rates)
    assert mean is not None
    assert deviation is not None
    assert math.isclose(mean, statistics.mean(rates), rel_tol=1e-9, abs_tol=1e-18)
    spread = max(rates) - min(rates)
    if spread > 1e-6:
        assert math.isclose(deviation, statistics.stdev(rates), rel_tol=1e-9)


@pytest.mark.parametrize("rate", [0.1, 1e-4 / 6, -3.3e-7, 0.0])
def test_equal_rates_have_no_deviation_at_all(rate: float) -> None:
    assert moments([rate] * 91)[1] == 0.0
    assert moments([rate / 3 * 3, rate] * 40)[1] == 0.0
    assert moments([rate]) == (rate, None)
    assert moments([]) == (None, None)


@settings(max_examples=20)
@given(st.lists(st.floats(-1, 1), min_size=102, max_size=300))
def test_quantiles_go_from_the_lowest_to_the_highest(rates: list[float]) -> None:
    found = quantiles(rates)
    assert len(found) == 51
    assert list(found) == sorted(found)
    assert (found[0], found[50]) == (min(rates), max(rates))
    assert found[25] == sorted(rates)[round((len(rates) - 1) / 2)]


def test_few_rates_are_all_kept() -> None:
    assert quantiles([3.0, 1.0, 2.0]) == (1.0, 2.0, 3.0)
    assert len(quantiles([float(n) for n in range(51)])) == 51
    assert quantiles([]) == ()


def test_statistics_of_a_real_year(recorded: Path) -> None:
    path = recorded / "funding_history_binance_2025-08_2026-08.csv"
    known = real_settlements(path, "symbol", "fundingTime_ms", "fundingRate")
    assert len(known) == 36
    for rows in known.values():
        rows.sort()
        newest = rows[-1].funding_time
        found = window(rows, newest, 30.0)
        hours = 4 if len(rows) > 1_500 else 8
        hourly = [row.rate / hours for row in rows if row.funding_time > newest - 30 * 24 * HOUR_MS]
        assert found.mean is not None
        assert found.deviation is not None
        assert math.isclose(found.mean, statistics.mean(hourly), rel_tol=1e-9, abs_tol=1e-18)
        assert math.isclose(found.deviation, statistics.stdev(hourly), rel_tol=1e-9)
        assert found.samples == len(hourly)
        assert found.coverage == pytest.approx(1.0, abs=1e-6)
        assert found.reason is None


def test_special_rate_is_no_sample() -> None:
    rows = [*settlements(range(8, 96, 8)), settlement(40, 0.5, kind="Special")]
    assert window(rows, at(89), 30.0, Terms(at(0))) == window(rows[:-1], at(89), 30.0, Terms(at(0)))
