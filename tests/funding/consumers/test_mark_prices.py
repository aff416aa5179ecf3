"""Mark prices and rates of all symbols, in each mode, with a real service and exchange."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from funding.comparison.difference import Field
from funding.consumers.mark_prices import COMPARE_SECONDS, MarkPrices
from harness.processes import until
from tests.conftest import free_port
from tests.support.api_and_ingest import World, exchange_and_service
from tests.support.clock import ManualClock, rows


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with exchange_and_service(tmp_path_factory.mktemp("world")) as made:
        yield made


def made(world: World, hand: ManualClock, mode: str, **changes: object) -> MarkPrices:
    settings = world.settings(FUNDING_MODE=mode, FUNDING_FORCE_MODE=1, **changes)
    return MarkPrices(settings, f"test {mode}", hand.clock())


def compared(world: World, mode: str) -> int:
    source = f"test {mode}"
    found = rows(world.database, "SELECT count(*) FROM comparison WHERE source = ?", source)
    return int(found[0][0])


@pytest.mark.parametrize("mode", ["websocket", "websocket-only"])
def test_modes_without_rest_make_no_call_of_premium_index(world: World, mode: str) -> None:
    before = world.exchange.calls()
    with closing(made(world, ManualClock(), mode)) as prices:
        for _ in range(30):
            found = prices.read()
            assert set(found) == set(world.symbols)
            assert found["BTCUSDT"].mark_price
    assert world.exchange.calls() == before
    assert compared(world, mode) == 0


def test_mode_rest_makes_one_call_for_all_symbols(world: World) -> None:
    before = world.exchange.calls()
    with closing(made(world, ManualClock(), "rest")) as prices:
        assert set(prices.read()) == set(world.symbols)
    assert world.exchange.calls() == before + 1


def test_price_of_zero_counts_as_missing(world: World) -> None:
    with (
        world.exchange.faults(drift={"BTCUSDT": -1.0}),
        closing(made(world, ManualClock(), "rest")) as prices,
    ):
        found = prices.read()
    assert found["BTCUSDT"].mark_price is None
    assert found["BTCUSDT"].funding_rate is not None
    assert found["ETHUSDT"].mark_price


def test_mode_parallel_compares_all_symbols_but_not_at_every_read(world: World) -> None:
    hand, before = ManualClock(), world.exchange.calls()
    with closing(made(world, hand, "parallel")) as prices:
        for _ in range(3):
            assert set(prices.read()) == set(world.symbols)
            hand.advance(20)
        assert world.exchange.calls() == before + 1
        each = len(Field) * len(world.symbols)
        until(lambda: compared(world, "parallel") == each, "all are compared")
        hand.advance(COMPARE_SECONDS)
        prices.read()
        assert world.exchange.calls() == before + 2
    assert compared(world, "parallel") == 2 * each


def test_every_scan_of_the_volume_alert_compares(world: World) -> None:
    """Five minutes apart, less the minute that the one before had to wait for the budget."""
    hand, before = ManualClock(), world.exchange.calls()
    with closing(made(world, hand, "parallel")) as prices:
        for seconds in (300.0, 299.7, 300.4, 243.0):
            prices.read()
            hand.advance(seconds)
        prices.read()
    assert world.exchange.calls() == before + 5


def test_mode_parallel_reads_rest_while_the_service_is_away(world: World) -> None:
    with closing(made(world, ManualClock(), "parallel", FUNDING_API_PORT=free_port())) as prices:
        for _ in range(2):
            assert set(prices.read()) == set(world.symbols)


def test_mode_websocket_only_has_nothing_without_the_service(world: World) -> None:
    with closing(
        made(world, ManualClock(), "websocket-only", FUNDING_API_PORT=free_port())
    ) as prices:
        assert prices.read() == {}
