"""A client's quotes over a real NATS server, whatever the client's mode."""

import logging
import threading
from collections.abc import Iterator

import pytest

from funding.client.live_service import LiveService
from funding.model.asset import Aliases
from funding.nats.addresses import parse
from funding.runtime.clock import SYSTEM
from funding.runtime.logs import ThrottledWarnings
from harness.processes import until
from tests.conftest import free_port
from tests.funding.client.test_live import REST, contract
from tests.support.nats_server import NatsServer
from tests.support.publisher import Publisher

log = logging.getLogger("test")


def made(url: str) -> LiveService:
    return LiveService(
        parse(url),
        "binance",
        clock=SYSTEM,
        warn=ThrottledWarnings(log, 60, SYSTEM.uptime),
        stale_after=180.0,
        rest_host=REST,
        aliases=Aliases({"XBT": "BTC"}),
    )


@pytest.fixture
def before(publisher: Publisher) -> set[threading.Thread]:
    """The threads that there are without the service: the publisher has one too."""
    assert publisher.connection.connected
    return set(threading.enumerate())


@pytest.fixture
def live(server: NatsServer, before: set[threading.Thread]) -> Iterator[LiveService]:
    service = made(server.url)
    yield service
    service.close()
    until(lambda: threads(before) == [], "its thread ends")


def threads(before: set[threading.Thread]) -> list[str]:
    """Those of connections that are new."""
    new = set(threading.enumerate()) - before
    return [each.name for each in new if each.name == "nats"]


def test_a_quote_and_all_of_them(publisher: Publisher, live: LiveService) -> None:
    asked = live.within(lambda: 30.0)
    publisher.until(lambda: asked.quote("btcusdt").fresh, "a fresh quote")
    publisher.quote("ETHUSDT")
    until(lambda: len(asked.quotes().fresh) == 2, "both")


def test_nothing_begins_before_the_first_question(
    publisher: Publisher, live: LiveService, before: set[threading.Thread]
) -> None:
    assert threads(before) == []
    live.within(lambda: 0.0).quote("BTCUSDT")
    assert threads(before) == ["nats"]
    live.close()
    until(lambda: threads(before) == [], "its thread ends")
    asked = live.within(lambda: 30.0)
    publisher.until(lambda: asked.quote("BTCUSDT").fresh, "it begins again")


def test_many_threads_share_one_table(publisher: Publisher, live: LiveService) -> None:
    tables: list[object] = []
    begin = threading.Barrier(8)

    def ask() -> None:
        begin.wait(60)
        tables.append(live.table)

    asking = [threading.Thread(target=ask) for _ in range(8)]
    for each in asking:
        each.start()
    for each in asking:
        each.join(60)
    assert len(tables) == 8
    assert len(set(map(id, tables))) == 1
    assert publisher.connection.connected


def test_the_contracts_on_an_asset_by_any_of_its_names(
    publisher: Publisher, live: LiveService
) -> None:
    publisher.contract(contract("BTCUSDT", "BTC"))
    publisher.contract(contract("XBTUSDTM", "BTC", "kucoin"))
    asked = live.within(lambda: 30.0)

    def symbols(asset: str) -> list[str]:
        publisher.quote("BTCUSDT")
        publisher.quote("XBTUSDTM", exchange="kucoin")
        return sorted(each.symbol for each in asked.on_asset(asset).fresh)

    both = ["BTCUSDT", "XBTUSDTM"]
    until(lambda: symbols("BTC") == both, "both exchanges")
    assert symbols("xbt") == symbols("1000BTC") == both
    assert symbols("ETH") == []


def test_a_server_that_is_away_is_the_problem_without_a_password() -> None:
    port = free_port()
    service = made(f"nats://user:geheim@127.0.0.1:{port}")
    try:
        found = service.within(lambda: 0.05).quote("BTCUSDT")
        assert found.quote is None
        until(
            lambda: f"127.0.0.1:{port}" in service.within(lambda: 0.0).quote("BTCUSDT").problem,
            "the address is named",
        )
        assert "geheim" not in service.within(lambda: 0.0).quote("BTCUSDT").problem
        assert f"127.0.0.1:{port}" in service.within(lambda: 0.0).quotes().problem
    finally:
        service.close()
