"""Gaps are found, asked about and filled; those that the exchange does not fill are noted once."""

import pytest

from funding import errors
from funding.history.gap_search import MANY
from tests.support.history_world import HistoryWorld, hour

HOURS = range(-720, 1, 4)
GAPS = "SELECT symbol, missing, asked_at FROM funding_gap ORDER BY symbol"
EVENTS = "SELECT detail, count FROM event WHERE kind = 'missed-settlement'"


def stored_without(world: HistoryWorld, *missing: int, names: tuple[str, ...] = ("A",)) -> None:
    """All is settled but at the hours `missing`."""
    world.trade(*names, hours=4, next_hour=4)
    for name in names:
        world.far.settle(name, *(hour(each) for each in HOURS if each not in missing))
        world.table.add(world.far.past[name])


def search(world: HistoryWorld, *names: str) -> None:
    world.run(world.search().run(names or ["A"]))


def test_what_was_only_not_fetched_is_filled_and_no_event(world: HistoryWorld) -> None:
    stored_without(world, -40, -36)
    world.far.settle("A", hour(-40), hour(-36))
    search(world)
    assert len(world.times("A")) == len(HOURS)
    assert world.rows(GAPS) == world.rows(EVENTS) == []
    assert world.far.calls == [("A", hour(-44) + 1, hour(-32) - 1)]


def test_missed_settlement_is_a_gap_and_an_event_and_no_new_interval(world: HistoryWorld) -> None:
    stored_without(world, -40)
    for _ in range(3):
        search(world)
    assert world.rows(GAPS) == [("A", 1, world.hand.wall)]
    assert world.rows(EVENTS) == [("1 settlement after 2025-11-22T20:00Z missed: A", 1)]
    assert len(world.far.calls) == 1
    hours = "SELECT DISTINCT interval_hours FROM funding_rate"
    assert world.rows(hours) == [(4,)]
    assert world.rows("SELECT reason FROM funding_stats") == [(None,)]


def test_what_is_published_late_loses_its_gap(world: HistoryWorld) -> None:
    stored_without(world, 0)
    world.hand.advance(2_400)
    search(world)
    assert world.rows(GAPS) == [("A", 1, world.hand.wall)]
    world.hand.advance(3_600)
    world.far.settle("A", hour(0.4))
    search(world)
    assert world.rows(GAPS) == []
    assert len(world.rows(EVENTS)) == 1
    assert world.times("A")[-1] == 0


def test_a_gap_that_somebody_else_has_filled_loses_its_row(world: HistoryWorld) -> None:
    stored_without(world, -40)
    search(world)
    world.far.settle("A", hour(-40))
    world.table.add(world.far.past["A"])
    search(world)
    assert world.rows(GAPS) == []


def test_many_gaps_at_one_time_are_one_question_and_one_event(world: HistoryWorld) -> None:
    names = tuple(f"S{number}USDT" for number in range(MANY + 1))
    stored_without(world, -40, names=names)
    world.far.settle(names[0], hour(-40))
    search(world, *names)
    assert [call[0] for call in world.far.calls] == ["*"]
    assert world.rows(EVENTS)[0][1] == MANY
    assert len(world.rows(GAPS)) == MANY


@pytest.mark.parametrize("turns", [0, 1, 2])
def test_killed_before_it_is_done_it_notes_nothing_by_half(world: HistoryWorld, turns: int) -> None:
    stored_without(world, -40, names=("A", "B"))
    job = world.search().run(["A", "B"])
    for _ in range(turns):
        next(job)
    job.close()  # type: ignore[attr-defined]
    assert world.rows(GAPS) == world.rows(EVENTS) == []
    search(world, "A", "B")
    assert len(world.rows(GAPS)) == 2
    assert world.rows(EVENTS) == [("1 settlement after 2025-11-22T20:00Z missed: A, B", 2)]


def test_refusals_are_waited_out(world: HistoryWorld) -> None:
    stored_without(world, -40)
    world.far.problems = [errors.RestOverBudget("450 of 450", 33.0)]
    assert world.run(world.search().run(["A"])) == [33.0]
    assert len(world.rows(GAPS)) == 1
