"""The stand-in exchange as a process, and its control endpoint."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.http_client import ask
from harness.processes import until
from harness.stand_in import StandIn, stand_in


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with stand_in(tmp_path_factory.mktemp("exchange"), "--tick", "0.1") as made:
        yield made


def test_addresses_are_those_of_the_settings(exchange: StandIn) -> None:
    assert exchange.ws_url == f"ws://{exchange.address}/market/stream?streams=!markPrice@arr@1s"
    assert exchange.rest_url == f"http://127.0.0.1:{exchange.port}"


def test_faults_last_as_long_as_the_block(exchange: StandIn) -> None:
    with exchange.faults(silence=True):
        assert exchange.order("faults") == {"silence": True}
    assert exchange.order("faults") == {}
    exchange.fault(silence=True)
    exchange.fault(silence=None)
    assert exchange.order("faults") == {}


def test_calls_and_event_times_are_counted(exchange: StandIn) -> None:
    calls, all_calls, sent = exchange.calls(), exchange.all_calls(), exchange.last_sent()
    ask(exchange.port, "/fapi/v1/premiumIndex")
    ask(exchange.port, "/fapi/v1/time")
    assert exchange.calls() == calls + 1
    assert exchange.all_calls() == all_calls + 2
    until(lambda: exchange.last_sent() > sent, "the next tick")
    exchange.forget_calls()
    assert exchange.order("state")["used_weight"] == 0


def test_one_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="--tick"), stand_in(tmp_path, "--tick", "0"):
        pass
