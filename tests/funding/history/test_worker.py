"""Turn by turn: contracts, the past, each settlement, the hourly search; and the thread itself."""

from collections.abc import Callable
from pathlib import Path

import pytest

from funding import errors
from funding.history.worker import CONTRACTS_SECONDS, HistoryWorker, Turns, World
from harness.processes import until
from tests.support.history_world import HistoryWorld, hour

DAY = 86_400_000
EVERY_8_HOURS = [hour(-8 * n, n % 3) for n in range(100)]


def go(world: HistoryWorld, turns: Turns, seconds: float, step: float = 1.0) -> None:
    """Let `seconds` pass, with a turn each `step`."""
    for _ in range(int(seconds / step)):
        turns.turn()
        world.hand.advance(step)


def prepared(world: HistoryWorld, *names: str) -> Turns:
    world.trade(*names)
    for name in names:
        world.far.settle(name, *EVERY_8_HOURS)
    return Turns(world.parts, world.days, world.hand.clock())


def asked(world: HistoryWorld, symbol: str) -> int:
    return sum(call[0] == symbol for call in world.far.calls)


def test_a_start_stores_contracts_the_past_and_what_is_normal(world: HistoryWorld) -> None:
    turns = prepared(world, "BTCUSDT")
    go(world, turns, 30)
    assert asked(world, "contracts") == 1
    assert len(world.times()) == 90
    assert world.rows("SELECT count, reason FROM funding_stats") == [(90, None)]


def test_contracts_are_read_again_every_quarter_and_after_each_settlement(
    world: HistoryWorld,
) -> None:
    turns = prepared(world, "BTCUSDT")
    go(world, turns, 20)
    go(world, turns, CONTRACTS_SECONDS, 5)
    assert 2 <= asked(world, "contracts") <= 3
    world.hand.wall = hour(8, 0) / 1_000 + 10
    world.far.settle("BTCUSDT", hour(8))
    before = asked(world, "contracts")
    go(world, turns, 90)
    assert world.times()[-1] == 8
    assert asked(world, "contracts") == before + 1


def test_nothing_is_asked_of_the_past_before_there_are_quotes(world: HistoryWorld) -> None:
    world.trade("BTCUSDT")
    world.far.settle("BTCUSDT", *EVERY_8_HOURS)
    world.store.rows("DELETE FROM quote")
    turns = Turns(world.parts, world.days, world.hand.clock())
    go(world, turns, 30)
    assert {call[0] for call in world.far.calls} == {"contracts"}
    world.quote(8, "BTCUSDT")
    go(world, turns, 30)
    assert len(world.times()) == 90


def test_contract_whose_quotes_come_later_is_not_left_until_the_next_list(
    world: HistoryWorld,
) -> None:
    """Where each has a topic, quotes of the last one come minutes after those of the first."""
    names = [f"S{number:02}USDT" for number in range(30)]
    turns = prepared(world, "ETHUSDT", *names)
    world.store.rows("DELETE FROM quote")
    world.quote(8, *names)
    go(world, turns, 10)
    world.quote(8, "ETHUSDT")
    go(world, turns, 60)
    questions = [call for call in world.far.calls if len(call) == 3]
    asked_for = [name for name, since, until in questions if until > since + DAY]
    assert sorted(asked_for) == ["ETHUSDT", *names], "each once"
    assert asked_for.index("ETHUSDT") < 20, "it comes before what was planned before"


def test_what_is_listed_later_gets_its_past_too(world: HistoryWorld) -> None:
    turns = prepared(world, "BTCUSDT")
    go(world, turns, 20)
    world.far.settle("ETHUSDT", *EVERY_8_HOURS)
    listed = world.far.listed[0]
    world.far.listed.append(listed._replace(symbol="ETHUSDT"))
    world.quote(8, "ETHUSDT")
    go(world, turns, CONTRACTS_SECONDS + 60, 5)
    assert len(world.times("ETHUSDT")) == 90


def test_every_hour_statistics_are_renewed_and_gaps_searched(world: HistoryWorld) -> None:
    turns = prepared(world, "BTCUSDT")
    gone = hour(-80, 10 % 3)
    world.far.past["BTCUSDT"] = [
        row for row in world.far.past["BTCUSDT"] if row.funding_time != gone
    ]
    go(world, turns, 60)
    assert world.rows("SELECT missing FROM funding_gap") == [(1,)]
    ((first,),) = world.rows("SELECT computed_at FROM funding_stats")
    go(world, turns, 3_700, 10)
    ((second,),) = world.rows("SELECT computed_at FROM funding_stats")
    assert second - first > 3_500
    assert len(world.rows("SELECT 1 FROM event WHERE kind = 'missed-settlement'")) == 1


@pytest.mark.parametrize("hours", [1, 8])
@pytest.mark.parametrize("late", [0.0, 0.4], ids=["published late", "settled late"])
def test_settlement_24_minutes_late_is_one_settlement(
    world: HistoryWorld, hours: int, late: float
) -> None:
    world.trade("BTCUSDT", hours=hours, next_hour=hours)
    world.far.settle("BTCUSDT", *(hour(-hours * n, n % 3) for n in range(100)))
    turns = Turns(world.parts, 4.0, world.hand.clock())
    go(world, turns, 20)
    for number, wait in ((1, 1_440), (2, 10), (3, 10)):
        world.hand.wall = hour(hours * number, 0) / 1_000 + 5
        world.quote(hours * (number + 1), "BTCUSDT")
        go(world, turns, wait, 10)
        world.far.settle("BTCUSDT", hour(hours * number + (late if number == 1 else 0.0)))
        go(world, turns, 900, 10)
    select = "SELECT interval_hours FROM funding_rate ORDER BY funding_time DESC LIMIT 4"
    assert world.rows(select) == [(hours,)] * 4
    times = [each.funding_time for each in world.table.since("BTCUSDT", hour(1, 0))]
    assert times == [hour(at) for at in (hours + late, 2 * hours, 3 * hours)]
    assert world.rows("SELECT * FROM funding_gap") == []
    assert world.rows("SELECT kind FROM event") == []
    assert world.rows("SELECT funding_interval_hours FROM contract") == [(hours,)]
    ((reason, coverage),) = world.rows("SELECT reason, coverage FROM funding_stats")
    assert (reason, coverage) == (None, 1.0)


def test_an_exchange_that_refuses_is_asked_again_later(world: HistoryWorld) -> None:
    turns = prepared(world, "BTCUSDT")
    world.far.problems = [errors.RestBanned("status 429", 120.0)] * 3
    go(world, turns, 400)
    assert asked(world, "contracts") >= 2
    assert len(world.times()) == 90


def test_a_budget_that_is_used_up_does_not_keep_a_settlement_waiting(world: HistoryWorld) -> None:
    turns = prepared(world, "BTCUSDT")
    go(world, turns, 20)
    world.far.listed.append(world.far.listed[0]._replace(symbol="ETHUSDT"))
    world.quote(8, "ETHUSDT")
    world.far.problems = [None, errors.RestOverBudget("450 of 450", 300.0)]
    go(world, turns, CONTRACTS_SECONDS, 5)
    world.hand.wall = hour(8, 0) / 1_000 + 10
    world.far.settle("BTCUSDT", hour(8))
    go(world, turns, 5)
    assert world.times()[-1] == 8


def test_the_thread_waits_for_the_database_and_ends_when_told(path: Path) -> None:
    path.parent.mkdir()
    with HistoryWorld(path) as world:
        prepared(world, "BTCUSDT")
        aside = path.with_suffix(".aside")
        world.store.close()
        world.reader.close()
        path.rename(aside)
        clock = world.hand.clock()
        worker = HistoryWorker("binance", lambda: world.parts, days=30.0, clock=clock)
        worker.start()
        try:
            world.hand.advance(50)
            until(lambda: worker.turned_at == world.hand.uptime, "a turn")
            worker.check()
        finally:
            worker.stop(30)
        assert not worker.is_alive()


def test_a_defect_is_raised_in_the_main_thread(world: HistoryWorld) -> None:
    def broken() -> World:
        raise ZeroDivisionError

    worker = HistoryWorker("binance", broken, days=30.0, clock=world.hand.clock())
    worker.start()
    worker.join(30)
    with pytest.raises(ZeroDivisionError):
        worker.check()


def test_a_store_that_fails_begins_again(
    world: HistoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(world, "BTCUSDT")
    made: list[int] = []
    really: Callable[..., None] = Turns.__init__

    def init(self: Turns, *arguments: object) -> None:
        made.append(1)
        if len(made) == 1:
            raise errors.StoreLocked("f.db", "locked by another process")
        really(self, *arguments)

    monkeypatch.setattr(Turns, "__init__", init)
    monkeypatch.setattr("funding.history.worker.STORE_SECONDS", 0.01)
    clock = world.hand.clock()
    worker = HistoryWorker("binance", lambda: world.parts, days=30.0, clock=clock)
    worker.start()
    try:
        until(lambda: "contracts" in [call[0] for call in world.far.calls], "the next beginning")
    finally:
        worker.stop(30)
    assert len(made) == 2
