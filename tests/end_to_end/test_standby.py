"""Ingest, the history program and the API on an exchange whose stream is away for a while."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from funding.client import FundingClient
from harness.http_client import ask
from harness.processes import running, until
from tests.support.api_and_ingest import World, exchange_and_service
from tests.support.clock import rows


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("standby")
    with exchange_and_service(folder) as world:
        settings = world.environment(FUNDING_STANDBY_AFTER=2)
        with running([sys.executable, "history.py"], folder / "history.log", settings=settings):
            yield world


def source(world: World, symbol: str = "BTCUSDT") -> str:
    """Where the API's quote is from; it is fresh all along."""
    answer = ask(world.api_port, f"/funding/{symbol}")
    assert answer.status == 200
    return str(answer.json["source"])


def state(world: World) -> dict[str, Any]:
    """What `/exchanges` says of the exchange."""
    (found,) = ask(world.api_port, "/exchanges").json["data"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("faults", "symbol", "stays"),
    [
        ({"silence": True}, "BTCUSDT", None),
        ({"silence_classes": ["tradfi"]}, "XAUUSDT", "BTCUSDT"),
    ],
)
def test_scripts_go_on_with_quotes_of_rest(
    world: World, faults: dict[str, object], symbol: str, stays: str | None
) -> None:
    until(lambda: source(world, symbol) == "websocket", "the stream flows")
    with world.exchange.faults(**faults):
        until(lambda: source(world, symbol) == "rest", "REST stands in")
        assert state(world)["standbySince"] is not None
        assert any("REST stands in" in reason for reason in state(world)["reasons"])
        settings = world.settings(FUNDING_FORCE_MODE=1)
        with FundingClient("websocket-only", settings=settings, timeout=60.0) as client:
            found = client.get(symbol)
        assert found is not None
        assert found.source == "rest"
        if stays is not None:
            until(lambda: source(world, stays) == "websocket", "the other class flows")
    until(lambda: source(world, symbol) == "websocket", "the stream is back")
    until(lambda: state(world)["standbySince"] is None, "REST stands in no longer")
    select = "SELECT duration_seconds FROM event WHERE kind = 'standby' ORDER BY id DESC LIMIT 1"
    ((seconds,),) = rows(world.database, select)
    assert seconds > 0
    calls = rows(world.database, "SELECT sum(calls) FROM rest_usage WHERE caller = 'standby'")
    assert calls[0][0] >= 1
