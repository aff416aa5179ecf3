"""What the client answers when the service, REST or the store fails or hangs."""

import inspect
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from funding.client import FundingClient
from funding.client.values import Funding
from funding.model.mode import Mode
from harness.processes import free_port, running, until
from tests.support.api_and_ingest import World, served
from tests.support.clients import (
    Clients,
    api_all,
    api_row,
    in_time,
    locked,
    validated,
)
from tests.support.http_script import Turn, hangs, scripted, sends, trickles

# A service that fails


def test_a_service_that_is_killed_is_replaced_by_rest(
    world: World, make: Clients, database: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    validated(database, "GO", days_ago=0)
    port = free_port()
    settings = world.environment(FUNDING_API_PORT=port)
    with running([sys.executable, "api.py"], tmp_path / "log", settings=settings) as api:
        until(lambda: served(port) > 0, "the API answers")
        both = {str(mode): make(mode, FUNDING_API_PORT=port) for mode in Mode}
        for mode, client in both.items():
            found = client.get("BTCUSDT")
            assert found is not None
            assert (found.source == "rest") == (mode == "rest")
        api.kill()
        api.wait()
        caplog.clear()
        known = len(make.compared())
        for mode, client in both.items():
            calls = world.exchange.calls()
            one, everything = client.get("BTCUSDT"), client.get_all()
            if mode == "websocket-only":
                assert (one, everything, world.exchange.calls()) == (None, {}, calls)
            else:
                assert one is not None
                assert {one.source, *(e.source for e in everything.values())} == {"rest"}
                assert len(everything) == len(world.symbols)
                assert world.exchange.calls() == calls + 2
    told = [r.getMessage() for r in caplog.records]
    assert len(told) == 3, "once a minute for each client that asks the service"
    assert all("the service does not answer: ConnectionRefusedError" in text for text in told)
    assert len(make.compared()) == known, "nothing can be compared with a service that is away"


def with_btcusdt_of_the_service(client: FundingClient) -> Mapping[str, Funding] | None:
    """All quotes, once that of BTCUSDT is fresh: it is late where the machine is busy."""
    everything = client.get_all()
    return everything if everything["BTCUSDT"].source == "websocket" else None


def test_a_stale_symbol_comes_from_rest(
    world: World, make: Clients, database: Path, tmp_path: Path
) -> None:
    """For this service 1.2 s are long; the exchange drops one symbol from the stream."""
    validated(database, "GO", days_ago=0)
    port = free_port()
    settings = world.environment(FUNDING_API_PORT=port, FUNDING_STALE_AFTER=1.2)
    with ExitStack() as stack:
        stack.enter_context(
            running([sys.executable, "api.py"], tmp_path / "log", settings=settings)
        )
        clients = {str(mode): make(mode, FUNDING_API_PORT=port) for mode in Mode}
        stack.enter_context(world.exchange.faults(delist=["ETHUSDT"]))
        until(lambda: served(port) > 0, "the API answers")
        until(lambda: clients["websocket-only"].get("ETHUSDT") is None, "ETHUSDT is stale")
        for mode in ("parallel", "websocket"):
            found = clients[mode].get("ETHUSDT")
            assert found is not None
            assert found.source == "rest"
            everything = until(partial(with_btcusdt_of_the_service, clients[mode]), "a young one")
            assert everything["ETHUSDT"].source == "rest"
        assert "ETHUSDT" not in clients["websocket-only"].get_all()
    with world.exchange.faults(delist=["ETHUSDT"], rest_missing=["ETHUSDT"]):
        assert "BTCUSDT" in clients["rest"].get_all()


def test_a_symbol_that_stays_stale_does_not_bring_rest_back(
    world: World, make: Clients, database: Path
) -> None:
    validated(database, "GO", days_ago=0)
    answer = sends(api_all(api_row("DEAD", stale=True), api_row("BTCUSDT", stale=False)))
    with scripted(answer) as server:
        client, calls = make("websocket", FUNDING_API_PORT=server.port), world.exchange.calls()
        for _ in range(3):
            everything = client.get_all()
            assert everything["BTCUSDT"].source == "websocket"
            assert "DEAD" not in everything
        assert world.exchange.calls() == calls + 1, "REST does not have it either"


def test_a_service_without_a_fresh_quote_is_replaced_by_rest(
    world: World, make: Clients, database: Path
) -> None:
    validated(database, "GO", days_ago=0)
    for answer in (api_all(), api_all(api_row("BTCUSDT", stale=True))):
        with scripted(sends(answer)) as server:
            client = make("websocket", FUNDING_API_PORT=server.port)
            for _ in range(2):
                everything = client.get_all()
                assert len(everything) == len(world.symbols)
                assert {each.source for each in everything.values()} == {"rest"}


def test_the_default_timeout_ends_a_call_to_a_hanging_service(world: World) -> None:
    """That it ends at all is the test."""
    assert inspect.signature(FundingClient).parameters["timeout"].default == 1.0
    with scripted(hangs) as server:
        settings = world.settings(FUNDING_API_PORT=server.port, FUNDING_FORCE_MODE=1)
        client = FundingClient("websocket-only", settings=settings)
        assert client.get("BTCUSDT") is None
        assert len(server.asked) == 1
        client.close()


# REST that fails


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"rest_status": 418, "rest_retry_after": 30}, "REST: status 418"),
        ({"rest_status": 451}, "REST: status 451, restricted location"),
        ({"rest_status": 500}, "REST: status 500"),
        ({"rest_drop": True}, "REST: ProtocolError"),
        ({"rest_hang": 20}, "REST: ReadTimeoutError"),
    ],
)
def test_without_rest_the_service_answers(
    world: World,
    make: Clients,
    database: Path,
    caplog: pytest.LogCaptureFixture,
    fault: dict[str, Any],
    told: str,
) -> None:
    hangs = "rest_hang" in fault
    client = make("parallel", timeout=3.0 if hangs else 20.0)
    with world.exchange.faults(**fault):
        found = client.get("BTCUSDT")
        assert found is not None
        assert found.source == "websocket"
        assert make("rest", timeout=0.5 if hangs else 20.0).get("BTCUSDT") is None
    assert make.compared() == []
    warnings = [r.getMessage() for r in caplog.records if r.name == "client"]
    assert warnings[0].startswith(told)
    assert len(warnings) == 2, "one for each client"


# One deadline for a call


DRIPS = trickles(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b" " * 1_000)


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What each call returns, all made at the same time: their waits are not added up."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [made.result() for made in [pool.submit(call) for call in calls]]


@pytest.mark.parametrize(
    ("rest", "store"), [(hangs, nullcontext), (DRIPS, locked)], ids=["hangs", "drips and lock"]
)
def test_a_call_ends_in_time_when_nobody_answers(
    make: Clients, database: Path, rest: Turn, store: Callable[[Path], AbstractContextManager[None]]
) -> None:
    with scripted(hangs) as service_, scripted(rest) as exchange:
        ports: dict[str, Any] = {
            "FUNDING_API_PORT": service_.port,
            "FUNDING_REST_URL": exchange.url,
        }
        clients = [make(mode, timeout=4.0, FUNDING_FORCE_MODE=1, **ports) for mode in [*Mode] * 2]
        one, every_one = clients[: len(Mode)], clients[len(Mode) :]
        calls = [partial(each.get, "BTCUSDT") for each in one], [each.get_all for each in every_one]
        with store(database), in_time(4.0):
            found = at_once(*calls[0], *calls[1])
        assert found == [None] * len(Mode) + [{}] * len(Mode)


def test_a_service_that_hangs_leaves_time_for_rest(
    world: World, make: Clients, database: Path
) -> None:
    with scripted(hangs) as server:
        changes: dict[str, Any] = {"FUNDING_API_PORT": server.port, "FUNDING_FORCE_MODE": 1}
        modes = ("parallel", "websocket")
        one, every_one = ([make(mode, timeout=4.0, **changes) for mode in modes] for _ in range(2))
        calls = [partial(each.get, "BTCUSDT") for each in one], [each.get_all for each in every_one]
        with in_time(4.0):
            found = at_once(*calls[0], *calls[1])
    assert [each.source for each in found[:2]] == ["rest"] * 2
    assert [{each.source for each in every.values()} for every in found[2:]] == [{"rest"}] * 2


@pytest.mark.parametrize("mode", Mode)
def test_a_locked_store_delays_no_call(
    world: World, make: Clients, database: Path, mode: str
) -> None:
    client = make(mode, timeout=4.0, FUNDING_FORCE_MODE=1)
    with locked(database):
        for _ in range(2):
            with in_time(4.0):
                assert client.get("BTCUSDT") is not None
            with in_time(4.0):
                assert len(client.get_all()) == len(world.symbols)
