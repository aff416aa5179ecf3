"""The bench's sums, goals and tables; nothing here measures."""

import json
import math
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

from harness.bench.figures import OURS, Figures, percentile, ratio
from harness.bench.frames import build, rows_kept, stamped
from harness.bench.goals import GOALS, Goal, against, figure, worst
from harness.bench.page import page
from harness.bench.rows.recovery import Outcome, trials
from harness.bench.run import Run
from harness.bench.table import columns, goals, missed, number, text


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([5.0], 0.5, 5.0),
        ([3.0, 1.0, 2.0], 0.5, 2.0),
        ([1.0, 2.0, 3.0, 4.0], 0.5, 2.0),
        ([float(n) for n in range(1, 101)], 0.99, 99.0),
        ([float(n) for n in range(1, 101)], 1.0, 100.0),
        ([1.0, 2.0], 0.0, 1.0),
    ],
)
def test_percentile_is_a_value_that_was_seen(
    values: list[float], share: float, expected: float
) -> None:
    assert percentile(values, share) == expected


def test_percentile_of_nothing_is_no_number() -> None:
    assert math.isnan(percentile([], 0.5))


@pytest.mark.parametrize(
    ("ours", "other", "expected"),
    [(3.0, 2.0, 1.5), (0.0, 2.0, 0.0), (3.0, 0.0, None), (None, 2.0, None), (3.0, None, None)],
)
def test_ratio(ours: float | None, other: float | None, expected: float | None) -> None:
    assert ratio(ours, other) == expected
    assert ratio(math.nan, 2.0) is None


@pytest.fixture
def figures() -> Figures:
    """Two who answer, and one who does not."""
    made = Figures()
    made.samples(3, "one", OURS, "ms", [1.0, 2.0, 3.0])
    made.samples(3, "one", "floor <x>", "ms", [1.0, 1.0, 2.0])
    made.missing(3, "one", "absent", "not installed")
    made.samples(3, "two", "floor <x>", "ms", [])
    return made


def test_ratios_are_ours_in_units_of_the_other(figures: Figures) -> None:
    floor, absent = figures.find(3, "one", "floor <x>"), figures.find(3, "one", "absent")
    assert floor is not None
    assert absent is not None
    assert (figures.ratio_to(floor), figures.ratio_to(floor, "p99")) == (2.0, 1.5)
    assert figures.ratio_to(absent) is None
    assert figures.ratio_to(figures.held[0]) is None
    assert figures.data()[1]["ours_by_median"] == 2.0
    figures.one(6, "growth", OURS, "×", math.nan)
    json.dumps(figures.data(), allow_nan=False)


def test_a_goal_is_met_missed_or_not_measured(figures: Figures) -> None:
    by_floor = against(3, "one", "floor <x>")
    assert Goal("", by_floor, 2.0).met(figures) is True
    assert Goal("", by_floor, 1.9).met(figures) is False
    assert Goal("", by_floor, 2.1, least=True).met(figures) is False
    assert Goal("", against(3, "one", "nobody"), 1).met(figures) is None
    assert Goal("", worst(by_floor, figure(3, "one", "p99")), 2.9).met(figures) is False
    assert Goal("", worst(figure(9, "none")), 1).met(figures) is None


def test_no_goal_is_met_by_measuring_nothing() -> None:
    assert {verdict for _, _, verdict in goals(Figures())} == {"not measured"}
    assert not missed(Figures())
    assert len({goal.text for goal in GOALS}) == len(GOALS)


def test_the_table_says_why_something_is_missing(figures: Figures) -> None:
    shown = text(figures, "a machine")
    assert "not installed" in shown
    assert "nothing measured" in shown
    assert "2 ×" in shown
    assert shown.index("ours") < shown.index("floor")


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (math.nan, "–"), (0.0, "0"), (12345.6, "12,346"), (1.2345, "1.23")],
)
def test_numbers_have_three_figures(value: float | None, shown: str) -> None:
    assert number(value) == shown


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert columns([("a", "bb", ""), ("ccc", "d", "e")]) == ["  a    bb", "  ccc  d   e"]


def test_the_page_needs_nothing_else_and_escapes(figures: Figures) -> None:
    shown = page(figures, "<machine>")
    HTMLParser().feed(shown)
    assert "<machine>" not in shown
    assert "floor &lt;x&gt;" in shown
    assert "<svg" in shown
    assert "not installed</text>" in shown
    assert not any(mark in shown for mark in ("http:", "https:", "<script", "src="))


def test_a_long_note_stands_below_its_bars_and_is_not_cut() -> None:
    made = Figures()
    made.one(5, "memory", OURS, "MB", 150.0, "<" + "each of many processes, " * 20)
    shown = page(made, "a machine")
    assert "ours: &lt;" + "each of many processes, " * 20 + "</p>" in shown
    assert "150 MB</text>" in shown


def test_frames_are_those_of_the_stand_in_exchange_with_another_event_time() -> None:
    main, tradfi = build(main=40, tradfi=5)
    assert (main.count(b'"s":'), tradfi.count(b'"s":')) == (40, 5)
    assert rows_kept(tradfi) == 5
    moved = json.loads(stamped(main, 1_800_000_000_123))["data"]
    assert {row["E"] for row in moved} == {1_800_000_000_123}
    assert [row["p"] for row in moved] == [row["p"] for row in json.loads(main)["data"]]


@pytest.mark.parametrize(
    ("outcome", "note"),
    [
        (Outcome(), ""),
        (Outcome([1.0]), ""),
        (Outcome([1.0, 2.0]), "of 2"),
        (Outcome([1.0, 2.0], late=1), "of 2; no data within 30 s"),
        (Outcome(absent=2, why="it ended"), "no data before it: it ended"),
    ],
)
def test_a_recovery_says_what_its_figures_do_not(outcome: Outcome, note: str) -> None:
    assert outcome.note(30.0) == note


@pytest.mark.parametrize("quick", [True, False])
def test_the_faults_come_once_in_a_quick_run_and_more_often_in_a_full_one(quick: bool) -> None:
    catalogue = trials(Run(Path(), quick, peers=False))
    assert not [name for name, count in Counter(t.name for t in catalogue).items() if count > 1]
    assert all((trial.times <= 1) is quick for trial in catalogue)
