"""The marks of all symbols, in each mode, against a service and an exchange that run."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from funding.consumers.mark_prices import COMPARE_SECONDS, MarkPrices
from harness.processes import until
from tests.conftest import free_port
from tests.support.api_and_ingest import World, side_by_side
from tests.support.clock import Hand, rows


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with side_by_side(tmp_path_factory.mktemp("world")) as made:
        yield made


def made(world: World, hand: Hand, mode: str, **changes: object) -> MarkPrices:
    settings = world.settings(FUNDING_MODE=mode, FUNDING_FORCE_MODE=1, **changes)
    return MarkPrices(settings, f"test {mode}", hand.clock())


def compared(world: World, mode: str) -> int:
    source = f"test {mode}"
    found = rows(world.database, "SELECT count(*) FROM comparison WHERE source = ?", source)
    return int(found[0][0])


@pytest.mark.parametrize("mode", ["websocket", "websocket-only"])
def test_without_rest_there_is_no_call_of_premium_index(world: World, mode: str) -> None:
    before = world.exchange.calls()
    with closing(made(world, Hand(), mode)) as marks:
        for _ in range(30):
            found = marks.read()
            assert set(found) == set(world.symbols)
            assert found["BTCUSDT"].mark_price
    assert world.exchange.calls() == before
    assert compared(world, mode) == 0


def test_rest_is_one_call_for_all(world: World) -> None:
    before = world.exchange.calls()
    with closing(made(world, Hand(), "rest")) as marks:
        assert set(marks.read()) == set(world.symbols)
    assert world.exchange.calls() == before + 1


def test_a_price_of_nothing_is_no_price(world: World) -> None:
    with (
        world.exchange.faults(drift={"BTCUSDT": -1.0}),
        closing(made(world, Hand(), "rest")) as marks,
    ):
        found = marks.read()
    assert found["BTCUSDT"].mark_price is None
    assert found["BTCUSDT"].funding_rate is not None
    assert found["ETHUSDT"].mark_price


def test_parallel_compares_all_but_not_at_every_read(world: World) -> None:
    hand, before = Hand(), world.exchange.calls()
    with closing(made(world, hand, "parallel")) as marks:
        for _ in range(3):
            assert set(marks.read()) == set(world.symbols)
            hand.pass_seconds(20)
        assert world.exchange.calls() == before + 1
        until(lambda: compared(world, "parallel") == 2 * len(world.symbols), "all are compared")
        hand.pass_seconds(COMPARE_SECONDS)
        marks.read()
        assert world.exchange.calls() == before + 2
    assert compared(world, "parallel") == 4 * len(world.symbols)


def test_every_scan_of_the_volume_alert_compares(world: World) -> None:
    """Five minutes apart, less the minute that the one before had to wait for the budget."""
    hand, before = Hand(), world.exchange.calls()
    with closing(made(world, hand, "parallel")) as marks:
        for seconds in (300.0, 299.7, 300.4, 243.0):
            marks.read()
            hand.pass_seconds(seconds)
        marks.read()
    assert world.exchange.calls() == before + 5


def test_parallel_takes_rest_where_the_service_is_away(world: World) -> None:
    with closing(made(world, Hand(), "parallel", FUNDING_API_PORT=free_port())) as marks:
        for _ in range(2):
            assert set(marks.read()) == set(world.symbols)


def test_websocket_only_has_nothing_without_the_service(world: World) -> None:
    with closing(made(world, Hand(), "websocket-only", FUNDING_API_PORT=free_port())) as marks:
        assert marks.read() == {}
