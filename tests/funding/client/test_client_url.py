"""FundingClient(url=…): the same calls, quotes from NATS."""

import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from funding.client import FundingClient
from funding.errors import SettingError
from funding.model.mode import Mode
from funding.settings.service import Settings, read
from harness.processes import until
from tests.conftest import free_port
from tests.funding.client.test_live import contract
from tests.support.api_and_ingest import World
from tests.support.clients import Clients, in_time
from tests.support.nats_server import NatsServer
from tests.support.publisher import Publisher


def settings(folder: Path, **more: object) -> Settings:
    """Those of a machine without a service."""
    texts = {"FUNDING_DB": folder / "none.db", "FUNDING_API_PORT": free_port()} | more
    return read({name: str(value) for name, value in texts.items()})[0]


@pytest.fixture
def client(server: NatsServer, tmp_path: Path) -> Iterator[FundingClient]:
    with FundingClient(url=server.url, settings=settings(tmp_path), timeout=20.0) as made:
        yield made


def test_without_a_mode_it_is_websocket_only_and_needs_no_report(
    publisher: Publisher, client: FundingClient
) -> None:
    assert client.decision == (Mode.WEBSOCKET_ONLY, "")
    publisher.until(lambda: client.get("BTCUSDT"), "a quote")
    found = client.get("btcusdt")
    assert found is not None
    assert (found.symbol, found.mark_price, found.source) == ("BTCUSDT", 91_000.5, "websocket")
    assert found.exchange == "binance"
    assert found.age_seconds >= 0.5
    assert list(client.get_all()) == ["BTCUSDT"]
    assert client.get("NONE") is None


def test_an_old_quote_is_none(publisher: Publisher, client: FundingClient) -> None:
    publisher.keep("DEAD", sent_ago=400)
    publisher.until(lambda: client.get("BTCUSDT"), "a quote")
    assert client.get("DEAD") is None
    assert list(client.get_all()) == ["BTCUSDT"]


def test_one_asset_on_every_exchange(publisher: Publisher, client: FundingClient) -> None:
    publisher.contract(contract("XBTUSDTM", "BTC", "kucoin"))

    def found() -> list[Any]:
        publisher.quote("XBTUSDTM", exchange="kucoin")
        return client.get("BTC", exchange="*")

    until(found, "a quote")
    assert [(each.exchange, each.symbol) for each in found()] == [("kucoin", "XBTUSDTM")]


def test_a_server_that_is_away_costs_the_timeout_and_a_warning_a_minute(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"nats://user:geheim@127.0.0.1:{free_port()}"
    with in_time(30.0), FundingClient(url=url, settings=settings(tmp_path), timeout=0.1) as client:
        assert client.get("BTCUSDT") is None
        assert client.get("BTCUSDT") is None
        assert client.get_all() == {}
        assert client.get("BTC", exchange="*") == []
    warned = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert 1 <= len(warned) <= 3
    assert any("127.0.0.1" in text for text in warned)
    assert "geheim" not in caplog.text


def test_quotes_age_while_the_server_is_away(
    publisher: Publisher, server: NatsServer, tmp_path: Path
) -> None:
    of = settings(tmp_path, FUNDING_STALE_AFTER=1)
    with FundingClient(url=server.url, settings=of, timeout=20.0) as client:
        publisher.until(lambda: client.get("BTCUSDT"), "a quote")
        server.kill()
        until(lambda: client.get("BTCUSDT") is None, "it is stale")
        server.start()
        until(lambda: publisher.connection.connected, "the publisher is back")
        publisher.until(lambda: client.get("BTCUSDT"), "a fresh quote")


def test_with_a_mode_rest_is_asked_as_ever(
    make: Clients, world: World, publisher: Publisher, server: NatsServer
) -> None:
    """The stand-in's REST, and the quotes of a taker that has taken them from there."""
    symbol = world.symbols[0]
    client = FundingClient(
        "parallel", url=server.url, settings=world.settings(FUNDING_DB=make._database), timeout=20.0
    )
    with client:
        assert client.decision.mode is Mode.PARALLEL

        def compared() -> bool:
            publisher.beat(address="127.0.0.1")
            publisher.quote(symbol)
            assert client.get(symbol) is not None
            return any(row[1] == symbol and row[3] == 91_000.5 for row in make.compared())

        until(compared, "a comparison with the value of NATS")


@pytest.mark.parametrize("mode", ["websocket", "websocket-only"])
def test_no_mode_needs_a_report_of_this_machine(
    server: NatsServer, tmp_path: Path, mode: str
) -> None:
    with FundingClient(mode, url=server.url, settings=settings(tmp_path), timeout=0.2) as client:
        assert client.decision == (Mode(mode), "")


@pytest.mark.parametrize("url", ["", "http://db:4222", "nats://user:geheim@", "nats://a b:1"])
def test_a_wrong_address_is_refused_without_being_shown(url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError) as caught:
        FundingClient(url=url, settings=settings(tmp_path))
    assert "geheim" not in str(caught.value)
    assert "nats://" in str(caught.value)


def test_close_ends_the_thread_and_a_later_call_begins_again(
    publisher: Publisher, client: FundingClient
) -> None:
    before = set(threading.enumerate())

    def running() -> int:
        return sum(each.name == "nats" for each in set(threading.enumerate()) - before)

    assert running() == 0
    publisher.until(lambda: client.get("BTCUSDT"), "a quote")
    assert running() == 1
    client.close()
    until(lambda: running() == 0, "its thread ends")
    publisher.until(lambda: client.get("BTCUSDT"), "a quote")


def test_a_forked_process_begins_with_a_connection_of_its_own(
    publisher: Publisher, client: FundingClient
) -> None:
    publisher.until(lambda: client.get("BTCUSDT"), "a quote")
    publisher.keep("KEPT")  # the parent has read the bucket by now
    child = os.fork()
    if child == 0:
        try:
            until(lambda: client.get("KEPT"), "a connection of its own")
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert status == 0
    assert client.get("KEPT") is None
    publisher.until(lambda: client.get("BTCUSDT"), "a quote")
    publisher.quote("LATER")
    until(lambda: client.get("LATER"), "the parent's connection goes on")
