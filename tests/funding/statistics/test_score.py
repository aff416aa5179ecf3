"""Z-score, percentile and zone of a rate."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.model.contract import ContractStatus
from funding.model.signal import Zone
from funding.statistics.score import (
    NOTHING_KNOWN,
    WITHOUT_RATE,
    Normal,
    Scorer,
    no_trading_reason,
    normal,
    score,
    zone_of,
)

QUANTILES = (1e-6, 2e-6, 2e-6, 2e-6, 5e-6)
NORMAL = Normal(mean=2e-6, deviation=1e-6, interval=8, quantiles=QUANTILES, reason=None)


def test_z_score_is_of_the_rate_per_hour() -> None:
    found = score(8 * 4.5e-6, NORMAL)
    assert found.z_score == (8 * 4.5e-6 / 8 - 2e-6) / 1e-6
    assert (found.z_reason, found.zone) == (None, Zone.HIGH)
    assert score(4 * 4.5e-6, NORMAL._replace(interval=4)).z_score == found.z_score
    assert score(-8 * 4.5e-6, NORMAL).z_score == pytest.approx(-6.5)


@pytest.mark.parametrize(
    ("hourly", "percentile"),
    [
        (0.0, 0.0),
        (1e-6, 10.0),
        (1.5e-6, 20.0),
        (2e-6, 50.0),
        (3e-6, 80.0),
        (5e-6, 90.0),
        (1.0, 100.0),
    ],
)
def test_percentile_counts_equal_rates_half(hourly: float, percentile: float) -> None:
    assert score(8 * hourly, NORMAL).percentile == pytest.approx(percentile)


@pytest.mark.parametrize(
    ("normal", "reason"),
    [
        (NORMAL._replace(reason="9 settled rates of 10"), "9 settled rates of 10"),
        (NORMAL._replace(interval=0), "the interval is not known"),
        (
            NORMAL._replace(interval=0, reason="no settled rate is known"),
            "no settled rate is known",
        ),
    ],
)
def test_no_z_score_has_a_reason(normal: Normal, reason: str) -> None:
    found = score(1e-4, normal)
    assert (found.z_score, found.z_reason, found.zone) == (None, reason, None)


def test_percentile_stays_where_only_the_z_score_is_missing() -> None:
    normal = NORMAL._replace(deviation=0.0, reason="all settled rates are equal")
    assert score(8 * 3e-6, normal).percentile == 80.0
    assert score(1e-4, Normal(0.0, 0.0, 8, (), "no settled rate is known")).percentile is None


def test_no_rate_has_no_score() -> None:
    assert score(None, NORMAL) == WITHOUT_RATE
    assert (WITHOUT_RATE.z_reason, NOTHING_KNOWN.z_reason) == (
        "no funding rate",
        "no statistics yet",
    )


@given(st.floats(-0.5, 0.5), st.floats(-1e-3, 1e-3), st.floats(1e-15, 1e-3))
def test_z_score_is_finite(rate: float, mean: float, deviation: float) -> None:
    found = score(rate, NORMAL._replace(mean=mean, deviation=deviation))
    assert found.z_score is not None
    assert math.isfinite(found.z_score)
    assert found.zone == zone_of(found.z_score)


@pytest.mark.parametrize(
    ("z_score", "zone"),
    [
        (2.0, "normal"),
        (2.01, "high"),
        (-2.01, "high"),
        (3.0, "high"),
        (3.01, "extreme"),
        (-99.5, "extreme"),
    ],
)
def test_zone_of_a_z_score(z_score: float, zone: str) -> None:
    assert zone_of(z_score) == zone


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (ContractStatus.TRADING, None),
        (ContractStatus.SETTLING, "the contract is SETTLING, not TRADING"),
        (ContractStatus.CLOSED, "the contract is CLOSED, not TRADING"),
        (ContractStatus.UNKNOWN, "it is not known whether the contract trades"),
        (None, "it is not known whether the contract trades"),
    ],
)
def test_contract_that_does_not_trade(status: ContractStatus | None, reason: str | None) -> None:
    assert no_trading_reason(status) == reason


def test_normal_of_a_row_of_statistics() -> None:
    trading = ContractStatus.TRADING
    assert normal(trading, 8, 1e-5, 2e-5, (1.0,), None) == Normal(1e-5, 2e-5, 8, (1.0,), None)
    assert normal(trading, 8) == Normal(0.0, 0.0, 8, (), "no statistics yet")
    assert normal(trading, None, 1e-5, None, (), None) == Normal(
        1e-5, 0.0, 0, (), "the interval is not known"
    )
    for deviation in (None, 0.0):
        found = normal(trading, 8, 1e-5, deviation, (), None)
        assert (found.deviation, found.reason) == (0.0, "all settled rates are equal")
    outdated = normal(trading, 8, 1e-5, 2e-5, (), None, outdated=True)
    assert outdated.reason == "the interval or the base rate has just changed"
    closed = normal(ContractStatus.CLOSED, None, 1e-5, 2e-5, (), "9 settled rates of 10")
    assert closed.reason == "the contract is CLOSED, not TRADING"


@given(
    st.lists(st.integers(-2, 12), min_size=1, max_size=30), st.lists(st.integers(0, 9), max_size=9)
)
def test_scorer_remembers_nothing_that_matters(rates: list[int], sample: list[int]) -> None:
    known = NORMAL._replace(quantiles=tuple(sorted(float(each) for each in sample)), interval=2)
    scorer = Scorer(known)
    for rate in rates:
        assert scorer.score(float(rate)) == score(float(rate), known)
    assert scorer.score(None) == WITHOUT_RATE
