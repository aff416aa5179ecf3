"""One question at a time, from the exchange into the store."""

from funding.history.backfill_rules import Piece
from funding.history.fetcher import ROWS_AT_ONCE, newest_of
from funding.model.settlement import Asked, Settlement
from tests.support.history_world import HistoryWorld, hour


def test_answer_and_what_was_asked_are_stored_together(world: HistoryWorld) -> None:
    world.far.settle("BTCUSDT", hour(-16), hour(-8), hour(0))
    assert world.fetcher.piece(Piece("BTCUSDT", hour(-20), hour(1))) == hour(0)
    assert world.times() == [-16, -8, 0]
    assert world.table.asked() == {"BTCUSDT": Asked(hour(-20), hour(0))}
    assert world.fetcher.piece(Piece("BTCUSDT", hour(-20), hour(1))) == hour(0)
    assert world.times() == [-16, -8, 0], "twice is once"


def test_special_rate_stands_beside_the_regular_one_of_its_time(world: HistoryWorld) -> None:
    world.far.past["A"] = [
        Settlement("A", hour(0), 0.0001),
        Settlement("A", hour(0), 0.02, 5.0, "Special"),
    ]
    for _ in "12":
        world.fetcher.piece(Piece("A", hour(-8), hour(1)))
    assert world.rows("SELECT rate_type, rate, mark_price FROM funding_rate") == [
        ("Regular", 0.0001, None),
        ("Special", 0.02, 5.0),
    ]


def test_all_at_once_keeps_what_is_known_and_proves_nothing(world: HistoryWorld) -> None:
    for name in ("A", "B", "UNLISTED"):
        world.far.settle(name, *(hour(-n) for n in range(ROWS_AT_ONCE)))
    found = world.fetcher.of_all(hour(-9_999), hour(1), {"A", "B"}.__contains__)
    assert found == {"A": hour(0), "B": hour(0)}
    assert len(world.times("A")) == len(world.times("B")) == ROWS_AT_ONCE
    assert world.times("UNLISTED") == []
    assert world.table.asked() == {}


def test_whether_all_can_be_asked_at_once(world: HistoryWorld) -> None:
    assert world.fetcher.knows_all


def test_it_cannot_where_the_exchange_answers_about_one_alone(single: HistoryWorld) -> None:
    assert not single.fetcher.knows_all


def test_newest_of_each_symbol() -> None:
    rows = [Settlement(name, at, 0.0) for name, at in (("A", 3), ("B", 1), ("A", 2))]
    assert newest_of(rows) == {"A": 3, "B": 1}
