"""The limits of each criterion of agreement, from facts on either side of them."""

import pytest

from tests.support.report_facts import criterion, facts_of, passes, symbols
from validation.criteria import agreement
from validation.read.facts import Facts
from validation.read.series import Series
from validation.rules import INDEX, MARK, RATE, Field


def equal(*series: Series) -> bool:
    return passes(agreement.CRITERIA, "equal at one event time", facts_of(series))


@pytest.mark.parametrize("field", Field)
def test_one_unequal_value_of_one_event_time_is_enough(field: Field) -> None:
    fair = [Series("S", each, pairs=9_999, same_time=9_999) for each in Field]
    assert equal(*fair)
    assert not equal(*fair, Series("T", field, pairs=9_999, same_time=9_999, unequal=1))


def test_prices_and_rates_must_have_been_read_at_one_event_time() -> None:
    """Index prices need not: an older watchdog does not compare them."""
    price, rate = (Series("S", field, pairs=9, same_time=1) for field in (MARK, RATE))
    assert equal(price, rate)
    assert not equal(price, Series("S", RATE, pairs=9))
    assert not equal(Series("S", MARK, pairs=9), rate)
    assert equal(price, rate, Series("S", INDEX, pairs=9))


@pytest.mark.parametrize(
    ("times", "apart", "passed"),
    [
        ([1, 1], 4, True),
        ([1, 1, 1], 2_999, False),  # three of so few are more than a thousandth
        ([1, 1, 1], 3_000, True),
        ([1], 1_000, True),
        ([2], 1_000_000, False),  # one symbol, again
    ],
)
def test_lag_excuses_a_thousandth_of_the_pairs_and_one_of_each_symbol(
    times: list[int], apart: int, passed: bool
) -> None:
    beyond = [
        Series(name, MARK, pairs=50, same_time=50, beyond_lag=many)
        for name, many in zip(symbols(len(times)), times, strict=True)
    ]
    others = Series("OTHER", MARK, pairs=apart + 7, same_time=7)
    found = facts_of([*beyond, others])
    assert passes(agreement.CRITERIA, "more than lag can move", found) is passed


@pytest.mark.parametrize(
    ("series", "passed"),
    [
        (Series("S", MARK, pairs=90, missing_ws=2), True),
        (Series("S", MARK, pairs=90, missing_rest=3), False),
        (Series("S", MARK, pairs=90, missing_ws=1, missing_both=2), False),
        (Series("S", MARK, pairs=0, missing_rest=1), False),
        (Series("S", MARK, pairs=1, missing_rest=1), True),
        (Series("S", MARK, pairs=0), True),
    ],
)
def test_symbol_may_be_on_one_side_for_a_moment(series: Series, passed: bool) -> None:
    found = facts_of([series], rows=1_000_000)
    assert passes(agreement.CRITERIA, "on one side only", found) is passed
    elsewhere = facts_of([series], rows=1_000_000, expected=["OTHER"])
    assert passes(agreement.CRITERIA, "on one side only", elsewhere)


@pytest.mark.parametrize(
    ("many", "rows", "passed"), [(2, 10, True), (3, 1_499, False), (3, 1_500, True)]
)
def test_few_comparisons_may_be_one_sided(many: int, rows: int, passed: bool) -> None:
    found = facts_of([Series(s, MARK, pairs=9, missing_ws=1) for s in symbols(many)], rows=rows)
    assert passes(agreement.CRITERIA, "on one side only", found) is passed


def line(name: str, facts: Facts) -> tuple[str, str, bool]:
    """What the report says of a criterion: what was found, what is wanted, and the verdict."""
    return criterion(agreement.CRITERIA, name, facts)[1:4]


def test_lines_of_the_report() -> None:
    fair = [Series("B", MARK, pairs=6, same_time=6), Series("A", RATE, pairs=4, same_time=4)]
    off = Series("A", MARK, pairs=5, same_time=4, unequal=1, unequal_sum=0.2, beyond_lag=1)
    rest = "; rate 0 of 4 differ, average 0.00000 %; index 0 of 0 differ, average 0.00000 %"
    assert line("equal at one event time", facts_of(fair)) == (
        f"price 0 of 6 differ, average 0.00000 %{rest}", "all, exactly", True
    )  # fmt: skip
    assert line("equal at one event time", facts_of([*fair, off])) == (
        f"price 1 of 10 differ, average 0.02000 %{rest}; 1: A", "all, exactly", False
    )  # fmt: skip
    wanted = "few; no symbol often"
    assert line("more than lag can move", facts_of([*fair, off])) == (
        "1 of 1 pairs; often: none", wanted, True
    )  # fmt: skip
    often = Series("C", MARK, pairs=9, beyond_lag=2)
    assert line("more than lag can move", facts_of([*fair, often])) == (
        "2 of 9 pairs; often: 1: C", wanted, False
    )  # fmt: skip
    assert line("on one side only", facts_of(fair)) == ("none (0 comparisons)", "none", True)
    missing = Series("C", RATE, pairs=9, missing_ws=2, missing_rest=1)
    assert line("on one side only", facts_of([*fair, missing])) == (
        "1: C (3 comparisons)", "none", False
    )  # fmt: skip
