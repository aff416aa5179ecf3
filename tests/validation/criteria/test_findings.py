"""When each criterion was not met, of facts made by hand."""

import pytest

from tests.support.report_facts import BEGIN, HOUR, facts_of
from validation.criteria.evidence import Evidence
from validation.criteria.findings import EVIDENCE
from validation.read.series import Series
from validation.rules import MARK


def series(name: str, **times: float) -> Series:
    found = Series(name, MARK, pairs=20, last_at=BEGIN + 9.0, paired_at=BEGIN + 9.0)
    for each, at in times.items():
        setattr(found, each, at)
    return found


@pytest.mark.parametrize(
    ("name", "found", "reading"),
    [
        ("equal at one event time", "unequal_at", "same_time_at"),
        ("more than lag can move", "beyond_at", "paired_at"),
        ("on one side only", "one_sided_at", "last_at"),
        ("lag", "late_at", "paired_at"),
    ],
)
def test_finding_goes_on_where_the_last_reading_is_one(name: str, found: str, reading: str) -> None:
    over = series("A", **{found: BEGIN + 5.0, "same_time_at": BEGIN + 9.0})
    judged = EVIDENCE[name](facts_of([over, series("B", same_time_at=BEGIN + 9.0)]))
    assert judged == Evidence([(BEGIN + 5.0, BEGIN + 5.0)])
    setattr(over, found, getattr(over, reading))
    judged = EVIDENCE[name](facts_of([over]))
    assert judged is not None
    assert judged.goes_on


def test_gap_until_now_goes_on() -> None:
    gap = (BEGIN + 20 * HOUR, BEGIN + 24 * HOUR)
    found = EVIDENCE["longest gap"](facts_of([], gaps=[gap]))
    assert found == Evidence([gap], goes_on=True, whole=True)
    assert EVIDENCE["longest gap"](facts_of([], gaps=[(BEGIN, BEGIN + 599)])) == Evidence(
        [], 6 * HOUR, whole=True
    )


def test_gap_that_rest_accounts_for_may_last_six_hours() -> None:
    gap = (BEGIN, BEGIN + 7 * HOUR)
    found = EVIDENCE["longest gap"](facts_of([], gaps=[gap], rest_outages=[gap]))
    assert found == Evidence([gap], 6 * HOUR, whole=True)
    assert found.clear_from == BEGIN


def test_hour_with_too_few_symbols_ends_where_the_next_begins() -> None:
    every = [Series(f"S{n}", MARK, pairs=9, compared_hours=(1 << 24) - 1) for n in range(20)]
    every[3].compared_hours ^= 1 << 7
    found = EVIDENCE["symbol × hour compared"](facts_of(every))
    assert found == Evidence([(BEGIN + 8 * HOUR, BEGIN + 8 * HOUR)])
    listed = EVIDENCE["symbol × hour compared"](facts_of(every, listed={"S3": 8}))
    assert listed == Evidence([])
