"""The limits of what coverage says of cells, symbols and fields, on either side of them."""

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
from validation.criteria import coverage
from validation.criteria.coverage import cells
from validation.read.differences import Hour
from validation.read.facts import Facts
from validation.read.series import Series
from validation.read.state import Feed
from validation.rules import INDEX, MARK, RATE


def passed(name: str, facts: Facts) -> bool:
    return passes(coverage.CRITERIA, name, facts)


ALL_DAY = (1 << 24) - 1


def hourly(name: str, hours: int, interval: float = 600.0) -> list[Series]:
    """A symbol that was compared in these hours, one bit for each."""
    times = {"pairs": 10, "first_at": BEGIN, "paired_at": BEGIN + 9 * interval}
    return both_fields([name], compared_hours=hours, **times)


def test_cells_are_the_whole_hours_since_the_listing() -> None:
    found = facts_of(
        [*hourly("A", ALL_DAY), *hourly("B", 0b1011 << 20), *hourly("C", ALL_DAY)],
        expected=["A", "B", "NEVER"],
        listed={"B": 20},
        last=BEGIN + 24.9 * HOUR,
    )
    assert cells(found) == {"A": (24, 24), "B": (3, 4), "NEVER": (0, 24)}


def test_cell_counts_where_both_fields_were_compared() -> None:
    price, rate = hourly("A", 0b011)[0], hourly("A", 0b110)[1]
    assert cells(facts_of([price, rate])) == {"A": (1, 24)}
    assert cells(facts_of([price])) == {"A": (0, 24)}


@pytest.mark.parametrize(("interval", "expected"), [(1_900, (12, 24)), (1_901, (12, 12))])
def test_cell_has_two_hours_where_comparisons_are_far_apart(
    interval: float, expected: tuple[int, int]
) -> None:
    every_other = int("01" * 12, 2)
    assert cells(facts_of(hourly("A", every_other, interval))) == {"A": expected}


def test_hours_in_which_rest_refused_have_no_cells() -> None:
    found = facts_of(
        hourly("A", ALL_DAY),
        gaps=[(BEGIN + 2.5 * HOUR, BEGIN + 4.5 * HOUR)],
        rest_pauses=[BEGIN + 3 * HOUR],
    )
    assert cells(found) == {"A": (21, 21)}


def test_short_outage_of_rest_costs_no_cell() -> None:
    begin = BEGIN + 3 * HOUR
    found = facts_of(hourly("A", ALL_DAY), rest_outages=[(begin, begin + 300)])
    assert cells(found) == {"A": (24, 24)}
    found = facts_of(hourly("A", ALL_DAY), rest_outages=[(begin, begin + 301)])
    assert cells(found) == {"A": (23, 23)}


@pytest.mark.parametrize(
    ("missing", "enough"),
    [({}, True), ({0: 4}, True), ({0: 5}, False), ({0: 4, 1: 4}, True), ({0: 24, 1: 1}, False)],
)
def test_few_cells_may_be_missing(missing: dict[int, int], enough: bool) -> None:
    """Of no symbol more than a fifth: one in two hundred would be allowed."""
    series = [
        each
        for number, name in enumerate(symbols(100))
        for each in hourly(name, ALL_DAY >> missing.get(number, 0))
    ]
    assert passed("symbol × hour compared", facts_of(series)) is enough


@pytest.mark.parametrize(
    ("seldom", "majors", "enough"), [(1, [], True), (2, [], False), (1, ["S000"], False)]
)
def test_one_symbol_in_two_hundred_may_be_compared_seldom(
    seldom: int, majors: list[str], enough: bool
) -> None:
    series = [
        each
        for number, name in enumerate(symbols(200))
        for each in hourly(name, 1 if number < seldom else ALL_DAY)
    ]
    assert passed("symbol × hour compared", facts_of(series, majors=majors)) is enough


@pytest.mark.parametrize(("short", "enough"), [(24, True), (25, False)])
def test_one_cell_in_a_hundred_may_be_missing(short: int, enough: bool) -> None:
    """One hour of so many symbols, of 2,400 cells."""
    series = [
        each
        for number, name in enumerate(symbols(100))
        for each in hourly(name, ALL_DAY >> 1 if number < short else ALL_DAY)
    ]
    assert passed("symbol × hour compared", facts_of(series)) is enough


@pytest.mark.parametrize(("interval", "enough"), [(4_500, True), (4_501, False)])
def test_comparisons_an_hour_apart_are_not_enough(interval: float, enough: bool) -> None:
    found = facts_of(hourly("A", ALL_DAY, interval))
    assert passed("symbol × hour compared", found) is enough


def test_nothing_compared_is_not_enough() -> None:
    assert not passed("symbol × hour compared", facts_of([]))


@pytest.mark.parametrize(
    ("compared", "minimum", "rows_per_frame", "enough"),
    [
        (200, 200, 0.0, True),
        (199, 199, 0.0, True),  # one of two hundred is missing
        (199, 200, 0.0, False),
        (198, 100, 0.0, False),
        (200, 100, 200.0, True),
        (200, 100, 200.5, False),
    ],
)
def test_all_symbols_are_compared_and_enough_of_them(
    compared: int, minimum: int, rows_per_frame: float, enough: bool
) -> None:
    found = facts_of(
        both_fields(symbols(compared), pairs=1),
        expected=symbols(200),
        minimum_symbols=minimum,
        feed=Feed(True, BEGIN, rows_per_frame),
    )
    assert passed("symbols compared", found) is enough
    if compared == 199:
        strict = facts_of(
            both_fields(symbols(199), pairs=1), expected=symbols(200), majors=["S199"]
        )
        assert not passed("symbols compared", strict)


def test_symbols_that_do_not_trade_are_not_counted_as_enough() -> None:
    series = both_fields(symbols(20), pairs=1)
    assert passed("symbols compared", facts_of(series, minimum_symbols=20))
    for trading, enough in ((15, True), (14, False)):  # three quarters of the least
        few = facts_of(series, expected=symbols(trading), minimum_symbols=20)
        assert passed("symbols compared", few) is enough


@pytest.mark.parametrize(
    ("series", "enough"),
    [
        (both_fields(["A", "B"], pairs=1), True),
        ([*both_fields(["A"], pairs=1), Series("B", MARK, pairs=1), Series("B", RATE)], True),
        (
            [
                *both_fields(["A"], pairs=1),
                *(Series(s, f, pairs=int(f is MARK)) for s in "BC" for f in (MARK, RATE)),
            ],
            False,
        ),
        ([*both_fields(["A"], pairs=1), Series("B", MARK, pairs=1)], False),
        ([*both_fields(["A"], pairs=1), Series("B", RATE, pairs=1)], False),
        (both_fields(["A"]), False),
        ([*both_fields(["A"], pairs=1), Series("A", INDEX, pairs=1)], True),
        ([*both_fields(["A", "B"], pairs=1), Series("A", INDEX, pairs=1)], False),
    ],
)
def test_each_symbol_has_all_fields_and_half_have_rates(series: list[Series], enough: bool) -> None:
    assert passed("all fields", facts_of(series)) is enough


def test_symbol_that_is_not_expected_needs_no_fields() -> None:
    series = [*both_fields(["A"], pairs=1), Series("B", MARK, pairs=1)]
    assert passed("all fields", facts_of(series, expected=["A"]))


def aligned(*symbols_: tuple[int, int], hours: tuple[tuple[int, int], ...] = ()) -> Facts:
    """Symbols and hours, each with so many pairs and so many of them of one event time."""
    names = symbols(len(symbols_))
    found = facts_of(
        [
            Series(name, MARK, pairs=pairs, same_time=same)
            for name, (pairs, same) in zip(names, symbols_, strict=True)
        ],
        majors=names[:1],
    )
    for number, (many, same) in enumerate(hours):
        hour = found.tally.hourly[number, MARK] = Hour()
        hour.many, hour.aligned_many = many, same
        found.tally.hourly[number, RATE] = Hour()
    return found


@pytest.mark.parametrize(
    ("found", "enough"),
    [
        (aligned((100, 5)), True),
        (aligned((1_000, 49)), False),
        (aligned(), False),
        # a symbol that has a third of the others' share is seldom read at one time with REST
        (aligned(*[(120, 120)] * 99, (19, 1)), True),  # too few to say
        (aligned(*[(120, 120)] * 99, (20, 1)), True),  # one of a hundred
        (aligned(*[(120, 120)] * 98, (20, 1), (20, 1)), False),
        (aligned((20, 1), *[(120, 120)] * 99), False),  # a major
        (aligned(*[(120, 120)] * 98, (30, 10), (30, 10)), True),
        # never, where that is not chance
        (aligned(*[(100, 100)] * 99, (11, 0)), False),
        (aligned(*[(100, 100)] * 99, (10, 0)), True),
        (aligned(*[(100, 50)] * 99, (20, 0)), True),
    ],
)
def test_symbols_are_read_at_one_time_with_rest(found: Facts, enough: bool) -> None:
    assert passed("pairs of one event time", found) is enough


@pytest.mark.parametrize(
    ("poor", "hours", "enough"), [(1, 20, True), (2, 39, False), (2, 40, True), (1, 19, False)]
)
def test_few_hours_may_lack_pairs_of_one_event_time(poor: int, hours: int, enough: bool) -> None:
    good = ((100, 5),) * (hours - poor)
    assert passed(
        "pairs of one event time", aligned((100, 50), hours=good + ((100, 4),) * poor)
    ) is (enough)


def line(name: str, facts: Facts) -> tuple[str, str, bool]:
    """What the report says of a criterion: what was found, what is wanted, and the verdict."""
    return criterion(coverage.CRITERIA, name, facts)[1:4]


def test_lines_of_the_report() -> None:
    day = facts_of([*hourly("A", ALL_DAY), *hourly("B", ALL_DAY >> 12)], rows=9)
    assert line("span", day) == ("24 h 00 min", "at least 24 h", True)
    assert line("longest gap", day) == ("0 s", "at most 10 min", True)
    found = "75.00 % (36 of 48); seldom: 1: B"
    assert line("symbol × hour compared", day) == (found, "at least 99 %", False)
    found = "2 of 2 symbols have rates; a field missing: none"
    assert line("all fields", day) == (found, "half at least; none", True)


def test_line_of_the_symbols_names_the_missing() -> None:
    found = facts_of(
        both_fields(["A", "B"], pairs=1),
        expected=["A", "C"],
        minimum_symbols=1,
        feed=Feed(True, BEGIN, 1.6),
    )
    wanted = "all, and at least 2"
    assert line("symbols compared", found) == ("1 of 2 expected; missing: 1: C", wanted, False)


def test_line_of_the_fields_names_those_that_lack_one() -> None:
    series = [*both_fields("A", pairs=1), Series("A", INDEX), *both_fields("B", pairs=1)]
    found = "2 of 2 symbols have rates; a field missing: 1: B"
    assert line("all fields", facts_of(series)) == (found, "half at least; none", False)


def test_line_of_one_event_time_names_those_that_have_few() -> None:
    found = aligned((100, 100), (100, 10), (50, 0), hours=((100, 100), (100, 0)))
    assert line("pairs of one event time", found) == (
        "44.00 % of the pairs; seldom: 2: S001, S002; never: 1: S002; 1 h without",
        "5 %; 1 %; none; 5 % of hours",
        False,
    )
