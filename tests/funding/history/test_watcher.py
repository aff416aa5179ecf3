"""Settled rates come soon after they were settled, whatever happens in between."""

from collections.abc import Callable

import pytest

from funding import errors
from funding.history.watcher import ALONE, MANY, SettlementWatcher
from tests.support.history_world import HistoryWorld, hour

NAMES = [f"S{number}USDT" for number in range(MANY)]


@pytest.fixture
def watcher(world: HistoryWorld) -> Callable[[], SettlementWatcher]:
    """Makes one, as a program that starts does."""

    def make() -> SettlementWatcher:
        return SettlementWatcher(
            world.fetcher,
            world.table,
            settled=world.statistics.update,
            missed=world.missed.extend,
            clock=world.hand.clock(),
        )

    return make


def settled_before(world: HistoryWorld, *names: str) -> None:
    for name in names:
        world.far.settle(name, hour(-16), hour(-8), hour(0))


Make = Callable[[], SettlementWatcher]


def test_charged_rate_is_fetched_when_its_time_has_passed(
    world: HistoryWorld, watcher: Make
) -> None:
    world.trade("BTCUSDT")
    settled_before(world, "BTCUSDT")
    one = watcher()
    assert one.step()
    assert world.times() == [0]
    world.hand.advance(7.9 * 3_600)
    world.quote(8, "BTCUSDT")
    assert not one.step()
    world.far.settle("BTCUSDT", hour(8, 11), rate=0.0123)
    world.hand.advance(400)
    world.quote(16, "BTCUSDT")
    assert one.step()
    assert world.times() == [0, 8]
    assert world.rows("SELECT rate FROM funding_rate ORDER BY funding_time DESC LIMIT 1") == [
        (0.0123,)
    ]
    assert world.rows("SELECT symbol FROM funding_stats") == [("BTCUSDT",)]


def test_many_at_once_take_one_call(world: HistoryWorld, watcher: Make) -> None:
    world.trade(*NAMES)
    settled_before(world, *NAMES)
    watcher().step()
    assert [call[0] for call in world.far.calls] == ["*"]
    assert all(world.times(name)[-1] == 0 for name in NAMES)


def test_those_that_are_late_are_asked_for_again(world: HistoryWorld, watcher: Make) -> None:
    """One is 24 minutes late, and one is missed."""
    world.trade(*NAMES)
    settled_before(world, *NAMES)
    late, gone = NAMES[0], NAMES[1]
    one = watcher()
    one.step()
    world.hand.advance(8 * 3_600)
    world.quote(16, *NAMES)
    for name in NAMES[2:]:
        world.far.settle(name, hour(8))
    for minute in range(70):
        if minute == 24:
            world.far.settle(late, hour(8.4))
        one.step()
        world.hand.advance(60)
    assert world.times(late)[-1] == world.times(NAMES[2])[-1] == 8
    assert world.times(gone)[-1] == 0
    assert world.missed == [gone]
    assert len(world.far.calls) < 25


def test_what_the_question_for_all_leaves_out_is_asked_for_alone(
    world: HistoryWorld, watcher: Make
) -> None:
    world.trade(*NAMES)
    settled_before(world, *NAMES)
    hidden = world.far.past
    one = watcher()
    world.far.past = {}
    for _ in range(ALONE):
        one.step()
        world.hand.advance(200)
    world.far.past = hidden
    alone = [call[0] for call in world.far.calls if call[0] != "*"]
    assert sorted(alone) == sorted(NAMES)


def test_after_hours_without_the_program_all_that_passed_is_fetched(
    world: HistoryWorld, watcher: Make
) -> None:
    world.trade("BTCUSDT")
    settled_before(world, "BTCUSDT")
    watcher().step()
    world.far.settle("BTCUSDT", hour(8), hour(16), hour(24))
    world.hand.advance(25 * 3_600)
    world.quote(32, "BTCUSDT")
    watcher().step()
    assert world.times() == [0, 8, 16, 24]


def test_interval_that_shrinks_in_mid_window(world: HistoryWorld, watcher: Make) -> None:
    """8 h → 4 h → 1 h, without a settlement between that is lost or asked for in vain."""
    world.trade("BTCUSDT")
    settled_before(world, "BTCUSDT")
    one = watcher()
    one.step()
    for at, upcoming in ((0.2, 4), (4.01, 8), (4.2, 5), (5.01, 6), (6.01, 7)):
        world.hand.wall = (490_000 + at) * 3_600 + 60
        if at in (4.01, 5.01, 6.01):
            world.far.settle("BTCUSDT", hour(int(at)))
        world.quote(upcoming, "BTCUSDT")
        one.step()
    assert world.times() == [0, 4, 5, 6]
    assert len(world.far.calls) == 4


def test_what_the_backfill_has_fetched_is_not_asked_for(world: HistoryWorld, watcher: Make) -> None:
    world.trade("BTCUSDT")
    settled_before(world, "BTCUSDT")
    one = watcher()
    world.run(world.backfill().run())
    world.far.calls.clear()
    assert not one.step()
    assert world.far.calls == []


def test_contract_without_a_history_is_left_to_the_backfill(single: HistoryWorld) -> None:
    """Where all cannot be asked for at once: its first answer has everything."""
    single.trade(*NAMES)
    settled_before(single, *NAMES)
    one = SettlementWatcher(
        single.fetcher,
        single.table,
        settled=single.statistics.update,
        missed=single.missed.extend,
        clock=single.hand.clock(),
    )
    assert not one.step()
    single.run(single.backfill().run())
    single.far.calls.clear()
    single.hand.advance(8 * 3_600)
    for name in NAMES:
        single.far.settle(name, hour(8))
    single.quote(16, *NAMES)
    assert one.step()
    assert sorted(call[0] for call in single.far.calls) == sorted(NAMES)
    assert {single.times(name)[-1] for name in NAMES} == {8}


def test_refusal_ends_the_round_and_the_next_one_goes_on(
    world: HistoryWorld, watcher: Make
) -> None:
    world.trade("AUSDT", "BUSDT")
    settled_before(world, "AUSDT", "BUSDT")
    world.far.problems = [None, errors.RestBanned("status 429", 60.0)]
    one = watcher()
    with pytest.raises(errors.RestBanned):
        one.step()
    assert world.rows("SELECT symbol FROM funding_stats") == [("AUSDT",)], "what came is used"
    one.step()
    assert world.times("AUSDT") == world.times("BUSDT") == [0]


def test_delisted_contract_is_asked_for_no_more(world: HistoryWorld, watcher: Make) -> None:
    world.trade("AUSDT", "BUSDT")
    settled_before(world, "AUSDT", "BUSDT")
    one = watcher()
    one.step()
    world.set_contracts(*world.far.listed[:1])
    world.hand.advance(8 * 3_600 + 60)
    world.quote(16, "AUSDT")
    world.far.calls.clear()
    one.step()
    assert {call[0] for call in world.far.calls} == {"AUSDT"}
    assert world.times("BUSDT") == [0], "its past stays"


def test_one_call_for_all_extends_what_was_asked_for(world: HistoryWorld, watcher: Make) -> None:
    world.trade(*NAMES)
    settled_before(world, *NAMES)
    world.run(world.backfill().run())
    one = watcher()
    world.hand.advance(8 * 3_600)
    for name in NAMES:
        world.far.settle(name, hour(8))
    world.quote(16, *NAMES)
    one.step()
    assert {asked.until_ms for asked in world.table.asked().values()} == {hour(8)}
    world.far.calls.clear()
    world.run(world.backfill().run())
    assert world.far.calls == []
