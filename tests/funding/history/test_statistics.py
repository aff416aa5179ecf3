"""What is normal for each symbol, from the settled rates into the store."""

import json

import pytest

from funding.history.statistics import SYMBOLS_AT_ONCE
from tests.support.history_world import HistoryWorld, hour


def settle(world: HistoryWorld, symbol: str, *hours: int) -> None:
    world.far.settle(symbol, *(hour(each) for each in hours))
    world.table.add(world.far.past[symbol])


def test_statistics_are_stored_and_replaced(world: HistoryWorld) -> None:
    names = [f"S{number}USDT" for number in range(SYMBOLS_AT_ONCE + 1)]
    world.trade(*names)
    for name in names:
        settle(world, name, *range(-720, 1, 8))
    for _ in "12":
        world.statistics.update(names)
    columns = "count, round(coverage, 2), reason, json_array_length(quantiles) > 20"
    assert world.rows(f"SELECT {columns} FROM funding_stats") == [(90, 1.0, None, 1)] * len(names)


def test_each_rate_is_told_its_interval_and_again_where_more_is_known(world: HistoryWorld) -> None:
    """8 h → 4 h → 1 h. What the first rows looked like is not believed for ever."""
    world.trade("BTCUSDT", hours=1)
    settle(world, "BTCUSDT", -40, -32)
    world.statistics.update(["BTCUSDT"])
    settle(world, "BTCUSDT", -24, -16, -12, -8, -4, -3, -2, -1, 0)
    world.statistics.update(["BTCUSDT"])
    found = world.rows("SELECT interval_hours FROM funding_rate ORDER BY funding_time")
    assert [hours for (hours,) in found] == [8, 8, 8, 8, 4, 4, 4, 1, 1, 1, 1]


@pytest.mark.parametrize(("hours", "expected"), [(None, (4, "settlements")), (8, (8, "exchange"))])
def test_interval_that_the_exchange_does_not_say_is_told_by_settlements(
    world: HistoryWorld, hours: int | None, expected: tuple[int, str]
) -> None:
    world.trade("BTCUSDT", hours=hours)
    source = "exchange" if hours else None
    world.set_contracts(*(each._replace(interval_source=source) for each in world.far.listed))  # type: ignore[arg-type]
    settle(world, "BTCUSDT", -4)
    world.statistics.update(["BTCUSDT"])
    before = world.rows("SELECT funding_interval_hours FROM contract")
    assert before == [(hours,)], "one settlement tells nothing"
    settle(world, "BTCUSDT", -12, -8, 0)
    world.statistics.update(["BTCUSDT"])
    select = "SELECT funding_interval_hours, interval_source FROM contract"
    assert world.rows(select) == [expected]


def test_contract_without_a_settlement_says_so(world: HistoryWorld) -> None:
    world.trade("NEWUSDT")
    world.statistics.update(["NEWUSDT"])
    assert world.rows("SELECT mean, count, reason, quantiles FROM funding_stats") == [
        (None, 0, "no settled rate is known", None)
    ]


def test_quantiles_are_rates_per_hour(world: HistoryWorld) -> None:
    world.trade("BTCUSDT")
    settle(world, "BTCUSDT", *range(-160, 1, 8))
    world.statistics.update(["BTCUSDT"])
    ((text,),) = world.rows("SELECT quantiles FROM funding_stats")
    found = json.loads(text)
    assert found == sorted(found)
    assert max(found) == pytest.approx(6e-5 / 8)
