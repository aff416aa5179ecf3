"""Differences and their outcomes: a table of values, and properties that hold for any values."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.comparison.difference import SAME_RATE, Field, difference_pct, outcome
from tests.support.comparisons import MARK, RATE


@pytest.mark.parametrize(
    ("field", "mine", "theirs", "percent", "expected"),
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
        (MARK, 0.0, -0.0, 0, "match"),  # equal, though not the same object
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
def test_difference_and_outcome(
    field: Field, mine: float, theirs: float, percent: float, expected: str
) -> None:
    found = difference_pct(field, mine, theirs)
    assert found == pytest.approx(percent, rel=1e-9, abs=1e-12, nan_ok=True)
    assert outcome(field, mine, theirs) == expected


@pytest.mark.parametrize("field", Field)
@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        (None, None, "match"),
        (None, 0.0, "mismatch"),
        (0.0, None, "mismatch"),
        (None, 5.0, "mismatch"),
        (5.0, None, "mismatch"),
    ],
)
def test_missing_value_matches_only_a_missing_value(
    field: Field, mine: float | None, theirs: float | None, expected: str
) -> None:
    assert difference_pct(field, mine, theirs) is None
    assert outcome(field, mine, theirs) == expected


def by_decimals(field: Field, mine: Decimal, theirs: Decimal) -> str:
    """The limits of 0.1 % and 1 %, in exact arithmetic."""
    base = abs(theirs) if field == MARK else max(abs(theirs), Decimal("0.0001"))
    percent = abs(mine - theirs) / base * 100
    return "match" if percent <= Decimal("0.1") else "mismatch" if percent <= 1 else "significant"


rates = st.decimals("-0.03", "0.03", places=8)
prices = st.decimals("0.00000001", "200000", places=8)
limits = st.sampled_from([Decimal(n) for n in ("0", "0.001", "-0.001", "0.01", "-0.01", "0.0099")])
last_places = st.integers(-2, 2).map(lambda n: Decimal(n).scaleb(-8))


@given(rates, limits, last_places)
def test_outcome_of_rates_agrees_with_exact_arithmetic(
    theirs: Decimal, share: Decimal, more: Decimal
) -> None:
    gap = (max(abs(theirs), Decimal("0.0001")) * share).quantize(Decimal("1e-8"))
    mine = theirs + gap + more
    assert outcome(RATE, float(mine), float(theirs)) == by_decimals(RATE, mine, theirs)


@given(prices, limits, last_places)
def test_outcome_of_prices_agrees_with_exact_arithmetic(
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


@given(st.sampled_from(Field), st.floats(1e-8, 1e9), st.floats(-0.999, 10))
def test_sign_of_a_difference_tells_which_value_is_larger(
    field: Field, theirs: float, share: float
) -> None:
    mine = theirs * (1 + share)
    found = difference_pct(field, mine, theirs)
    assert found is not None
    assert (found > 0, found < 0) == (mine > theirs, mine < theirs)
    if field == MARK:
        assert found == pytest.approx(share * 100, rel=1e-6, abs=1e-9)
