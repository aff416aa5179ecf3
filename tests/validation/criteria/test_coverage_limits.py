"""The limits of what coverage says of time and settlements, from facts on either side of them."""

import pytest

from tests.support.report_facts import (
    BEGIN,
    HOUR,
    both_fields,
    criterion,
    facts_of,
    passes,
    symbols,
)
from validation.criteria import coverage, service
from validation.criteria.coverage import settlements, witness_seconds
from validation.read.facts import Facts
from validation.read.series import Series
from validation.rules import RATE


def passed(name: str, facts: Facts) -> bool:
    return passes(coverage.CRITERIA, name, facts)


@pytest.mark.parametrize(("seconds", "enough"), [(24 * HOUR, True), (24 * HOUR - 1, False)])
def test_span_is_a_whole_day(seconds: float, enough: bool) -> None:
    assert passed("span", facts_of([], last=BEGIN + seconds)) is enough


@pytest.mark.parametrize(
    ("gaps", "pauses", "fair"),
    [
        ([(0, 600)], [], True),
        ([(0, 601)], [], False),
        ([(1_000, 1_400), (2_000, 2_601)], [], False),
        # REST refused: shortly before the gap, or within it
        ([(1_000, 9_000)], [940], True),
        ([(1_000, 9_000)], [939], False),
        ([(1_000, 9_000)], [9_000], True),
        ([(1_000, 9_000)], [9_001], False),
        ([(1_000, 9_000), (20_000, 20_601)], [1_000], False),
        # for at most six hours
        ([(0, 21_600)], [0], True),
        ([(0, 21_601)], [0], False),
        ([(0, 12_000), (20_000, 30_000)], [0, 20_000], False),
    ],
)
def test_gap_is_at_most_ten_minutes_unless_rest_refused(
    gaps: list[tuple[float, float]], pauses: list[float], fair: bool
) -> None:
    spans = [(BEGIN + begin, BEGIN + end) for begin, end in gaps]
    longest = max(end - begin for begin, end in gaps)
    found = facts_of([], gaps=spans, longest_gap=longest, rest_pauses=[BEGIN + at for at in pauses])
    assert passed("longest gap", found) is fair


@pytest.mark.parametrize(
    ("gap", "outage", "fair"),
    [
        ((1_000, 9_000), (1_060, 9_000), True),
        ((1_000, 9_000), (1_300, 8_700), True),  # ten minutes of it are not explained
        ((1_000, 9_000), (1_300, 8_699), False),
        ((1_000, 9_000), (20_000, 29_000), False),
        ((1_000, 22_600), (1_000, 22_600), True),
        ((1_000, 22_601), (1_000, 22_601), False),  # six hours
    ],
)
def test_gap_in_which_rest_did_not_answer_is_not_counted(
    gap: tuple[float, float], outage: tuple[float, float], fair: bool
) -> None:
    outages = [(BEGIN + outage[0], BEGIN + outage[1])]
    gaps = [(BEGIN + gap[0], BEGIN + gap[1])]
    found = facts_of([], gaps=gaps, longest_gap=gap[1] - gap[0], rest_outages=outages)
    assert passed("longest gap", found) is fair


@pytest.mark.parametrize(("begin", "there"), [(1_300, True), (1_301, False)])
def test_watchdog_that_compares_nothing_may_wait_for_rest(begin: float, there: bool) -> None:
    outages, unwatched = [(BEGIN + begin, BEGIN + 8_700)], [(BEGIN + 1_000, BEGIN + 9_000)]
    found = facts_of([], unwatched=unwatched, rest_outages=outages)
    assert passes(service.CRITERIA, "watchdog there", found) is there


@pytest.mark.parametrize(("edge", "fair"), [(600, True), (599, False)])
def test_span_counts_what_rest_missed_at_its_ends(edge: float, fair: bool) -> None:
    found = facts_of(
        [], last=BEGIN + 24 * HOUR - 600, rest_outages=[(BEGIN + 24 * HOUR - edge, BEGIN + 90_000)]
    )
    assert passed("span", found) is fair


@pytest.mark.parametrize(
    ("interval", "first", "enough"),
    [(3_600, 3_599, True), (3_600, 3_601, False), (600, 599, False)],
)
def test_settlement_at_the_edge_of_the_period_is_not_missed_with_a_long_interval(
    interval: float, first: float, enough: bool
) -> None:
    """Two are witnessed, and one lies so many seconds after the first comparison."""
    found = facts_of(compared_each(interval), first=BEGIN + 28_800 - first)
    for number in (2, 3):
        for late in (False, True):
            near = dict.fromkeys(symbols(4), 60.0)
            found.tally.calendar.witnesses[INSTANT + number, late] = near
    assert passed("funding settlements", found) is enough


def test_settlement_that_was_witnessed_is_not_excused_as_well() -> None:
    found = facts_of(compared_each(600), rest_outages=[(BEGIN - 9, BEGIN + 9)])
    for late in (False, True):
        near = dict.fromkeys(symbols(4), 60.0)
        found.tally.calendar.witnesses[INSTANT, late] = near
    assert not passed("funding settlements", found)


def compared_each(interval: float, many: int = 4) -> list[Series]:
    """Symbols that were compared ten times, at this interval."""
    times = {"pairs": 10, "first_at": BEGIN, "paired_at": BEGIN + 9 * interval}
    return both_fields(symbols(many), **times)


@pytest.mark.parametrize(
    ("interval", "seconds"),
    [(600, 1_800), (1_200, 1_800), (1_400, 2_100), (3_600, 5_400), (7_200, 5_400)],
)
def test_witness_of_a_settlement_is_one_and_a_half_intervals_away_at_most(
    interval: float, seconds: float
) -> None:
    assert witness_seconds(facts_of(compared_each(interval))) == seconds


INSTANT = int(BEGIN) // 28_800


def witnessed(
    before: int, after: int, distance: float, many: int = 4, instant: int = INSTANT + 1
) -> Facts:
    """A settlement near which the rates of so many of `many` symbols were compared."""
    found = facts_of(compared_each(600, many))
    for late, count in ((False, before), (True, after)):
        seen = dict.fromkeys(symbols(count), distance)
        found.tally.calendar.witnesses[instant, late] = seen
    return found


@pytest.mark.parametrize(
    ("before", "after", "distance", "many", "known"),
    [
        (2, 2, 1_800.0, 4, True),
        (2, 2, 1_800.1, 4, False),
        (1, 4, 60.0, 4, False),
        (4, 1, 60.0, 4, False),
        (2, 3, 60.0, 5, False),
        (3, 3, 60.0, 5, True),
    ],
)
def test_settlement_is_witnessed_by_half_of_the_symbols_on_either_side(
    before: int, after: int, distance: float, many: int, known: bool
) -> None:
    found = settlements(witnessed(before, after, distance, many))
    assert found == ([(INSTANT + 1) * 28_800] if known else [])


def test_half_is_counted_of_the_symbols_with_funding() -> None:
    found = witnessed(2, 2, 60.0)
    for name in ("X", "Y", "Z"):
        found.tally.series[RATE][name] = Series(name, RATE)
    assert settlements(found) == [(INSTANT + 1) * 28_800]


def test_no_settlement_is_witnessed_without_rates() -> None:
    found = facts_of([])
    found.tally.calendar.witnesses[INSTANT, False] = {}
    found.tally.calendar.witnesses[INSTANT, True] = {}
    assert settlements(found) == []


@pytest.mark.parametrize(
    ("seen", "gap", "enough"),
    [
        (3, None, True),
        (2, None, False),
        (2, (27_000, 30_000), True),  # REST refused around the second
        (2, (20_000, 26_999), False),
        (2, (30_601, 40_000), False),
        (2, (25_000, 27_000), True),
        (2, (30_600, 31_000), True),
        (1, (27_000, 30_000), False),
        (1, (27_000, 58_000), True),
        (0, (0, 86_400), False),  # one at least
    ],
)
def test_three_settlements_are_witnessed_less_those_in_which_rest_refused(
    seen: int, gap: tuple[float, float] | None, enough: bool
) -> None:
    spans = [] if gap is None else [(BEGIN + gap[0], BEGIN + gap[1])]
    found = facts_of(compared_each(600), gaps=spans, rest_pauses=[begin for begin, _ in spans])
    for number in range(seen):
        for late in (False, True):
            near = dict.fromkeys(symbols(4), 60.0)
            found.tally.calendar.witnesses[INSTANT - number, late] = near
    assert passed("funding settlements", found) is enough


def line(name: str, facts: Facts) -> tuple[str, str, bool]:
    """What the report says of a criterion: what was found, what is wanted, and the verdict."""
    return criterion(coverage.CRITERIA, name, facts)[1:4]


def test_line_of_a_gap_tells_how_long_rest_refused() -> None:
    gaps = [(BEGIN, BEGIN + 660), (BEGIN + 5_000, BEGIN + 9_000), (BEGIN + 9_500, BEGIN + 9_810)]
    found = facts_of([], gaps=gaps, longest_gap=4_000.0, rest_pauses=[BEGIN + 5_000])
    assert line("longest gap", found)[0] == "11 min 00 s; 1 h 06 min without REST"
    refused = facts_of([], gaps=gaps[1:2], longest_gap=4_000.0, rest_pauses=[BEGIN + 5_000])
    assert line("longest gap", refused)[0] == "0 s; 1 h 06 min without REST"
    assert line("longest gap", facts_of([], longest_gap=299.0))[0] == "4 min 59 s"


def test_line_of_the_settlements_counts_them() -> None:
    assert line("funding settlements", witnessed(4, 4, 60.0)) == ("1", "at least 3", False)
