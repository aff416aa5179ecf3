"""The past is fetched within the budget, and goes on where it was stopped."""

import json
import re
from contextlib import ExitStack, closing

import pytest

from funding import errors
from funding.exchanges.binance.exchange import BINANCE
from funding.exchanges.exchange import Options
from funding.history.backfill import FEW, Backfill
from funding.history.fetcher import Fetcher
from funding.rest.exchange_client import ExchangeClient
from funding.store.durable import DurableConnection
from funding.store.rest_usage import RestUsage
from tests.support.history_world import HistoryWorld, hour
from tests.support.http_script import Turn, reply, scripted, sends
from tests.support.rest_group import error

EVERY_8_HOURS = [hour(-8 * n, n % 3) for n in range(100)]


def test_everything_that_is_missing_is_fetched_once(world: HistoryWorld) -> None:
    world.trade("BTCUSDT", "ETHUSDT")
    for name in ("BTCUSDT", "ETHUSDT"):
        world.far.settle(name, *EVERY_8_HOURS)
    assert world.run(world.backfill().run()) == []
    assert len(world.times("BTCUSDT")) == len(world.times("ETHUSDT")) == 90
    assert [call[0] for call in world.far.calls] == ["BTCUSDT", "ETHUSDT"]
    assert world.rows("SELECT count, reason FROM funding_stats") == [(90, None)] * 2
    world.run(world.backfill().run())
    assert len(world.far.calls) == 2, "nothing is left to ask"


@pytest.mark.parametrize("turns", range(6))
def test_killed_in_any_phase_it_goes_on(world: HistoryWorld, turns: int) -> None:
    """A job is dropped after some turns, as a killed process drops it, and another one begins."""
    names = ["BTCUSDT", *(f"S{n}USDT" for n in range(4))]
    world.trade(*names, hours=1, next_hour=1)
    world.days = 80.0
    for name in names:
        world.far.settle(name, *(hour(-n) for n in range(80 * 24 - 1)))
    first = world.backfill().run()
    for _ in range(turns):
        next(first)
    first.close()  # type: ignore[attr-defined]
    before = len(world.far.calls)
    world.run(world.backfill().run())
    for name in names:
        assert len(world.times(name)) == 80 * 24 - 1, "nothing twice, nothing lost"
    assert before + len(world.far.calls[before:]) <= 5 * 3 + 1


@pytest.mark.parametrize(
    ("problem", "least"),
    [
        (errors.RestOverBudget("450 of 450 used", 37.0), 37.0),
        (errors.RestBanned("status 429", 60.0), 60.0),
        (errors.RestUnreachable("no answer"), 15.0),
        (errors.RestGarbled("nonsense"), 15.0),
    ],
    ids=["budget", "429", "no answer", "garbled"],
)
def test_failures_are_waited_out(
    world: HistoryWorld, problem: errors.RestError, least: float
) -> None:
    world.trade("BTCUSDT")
    world.far.settle("BTCUSDT", *EVERY_8_HOURS)
    world.far.problems = [problem, problem, None]
    assert world.run(world.backfill().run()) == [least, least]
    assert len(world.times()) == 90


def test_429_stops_all_programs_and_the_rest_is_fetched_after_it(world: HistoryWorld) -> None:
    names = "AUSDT", "BUSDT", "CUSDT"
    world.trade(*names)
    clock = world.hand.clock()

    def settled(name: str) -> Turn:
        row = {"symbol": name, "fundingTime": hour(0), "fundingRate": "0.0001"}
        return sends(reply(body=json.dumps([row]).encode()))

    refusal = error(429, -1003, "Too many.", Retry_After="60")
    turns = settled("AUSDT"), refusal, settled("BUSDT"), settled("CUSDT")
    with scripted(*turns) as server, ExitStack() as stack:
        options = Options("ws://unused", server.url)

        def client(caller: str) -> ExchangeClient:
            usage = RestUsage(stack.enter_context(closing(DurableConnection(world.path))))
            return ExchangeClient(BINANCE, options, caller, usage=usage, clock=clock)

        fetcher = Fetcher(client("history"), world.table, clock)
        job = Backfill(fetcher, world.table, days=30.0, settled=lambda _: None, clock=clock).run()
        assert [next(job), next(job)] == [0.0, pytest.approx(60.0)]
        for caller in ("standby", "watchdog"):
            with pytest.raises(errors.RestBanned):
                client(caller).snapshot()
        assert len(server.asked) == 2, "nobody asks"
        world.hand.advance(61)
        assert list(job) == [0.0, 0.0]
        asked = [re.findall(r"symbol=(\w+)", path)[0] for path in server.paths]
    assert asked == ["AUSDT", "BUSDT", "BUSDT", "CUSDT"]
    assert world.times("AUSDT") == [0]


def test_symbol_that_is_refused_costs_itself_alone(world: HistoryWorld) -> None:
    world.trade("BTCUSDT", "OLDUSDT")
    world.far.settle("OLDUSDT", *EVERY_8_HOURS)
    world.far.problems = [errors.RestRefused(400, -1121, "Invalid symbol.")]
    world.run(world.backfill().run())
    assert world.times("BTCUSDT") == []
    assert len(world.times("OLDUSDT")) == 90


def test_all_at_once_comes_first_where_most_have_nothing(world: HistoryWorld) -> None:
    names = [f"S{number}USDT" for number in range(FEW + 1)]
    world.trade(*names)
    for name in names:
        world.far.settle(name, *EVERY_8_HOURS)
    world.run(world.backfill().run_at_once())
    assert [call[0] for call in world.far.calls] == ["*"] * 30
    newest, oldest = world.far.calls[0], world.far.calls[-1]
    assert newest[2] > oldest[2]
    stats = world.rows("SELECT min(count), max(reason) FROM funding_stats")
    assert stats == [(90, None)], "every rate can be compared"
    assert world.table.asked() == {}, "each contract is asked for all the same"
    world.run(world.backfill().run())
    assert len(world.far.calls) == 30 + len(names)
    world.run(world.backfill().run_at_once())
    assert len(world.far.calls) == 30 + len(names), "they all have their history"


def test_an_exchange_without_it_is_asked_for_each(single: HistoryWorld) -> None:
    names = [f"S{number}USDT" for number in range(FEW + 1)]
    single.trade(*names)
    single.run(single.backfill().run_at_once())
    assert single.far.calls == []


def test_contract_listed_yesterday_is_asked_for_its_own_time(world: HistoryWorld) -> None:
    world.trade("NEWUSDT", hours=4, next_hour=4)
    listed = [each._replace(listed_time=hour(-22)) for each in world.far.listed]
    world.set_contracts(*listed)
    world.far.settle("NEWUSDT", *(hour(-4 * n) for n in range(6)))
    world.run(world.backfill().run())
    assert world.far.calls == [("NEWUSDT", hour(-22), int(world.hand.wall * 1_000))]
    assert world.rows("SELECT count, reason FROM funding_stats") == [(6, "6 settled rates of 10")]
