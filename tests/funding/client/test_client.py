"""The client's modes, against a real service and a stand-in exchange."""

import json
import logging
import re
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from funding.client.mode import Decision
from funding.errors import SettingError
from funding.model.mode import Mode
from harness.processes import ROOT, finished
from tests.support.api_and_ingest import World
from tests.support.clients import (
    API_QUOTE,
    Clients,
    api_row,
    compared,
    rest_body,
    usage,
    validated,
)
from tests.support.clock import ManualClock, feed_at, rows, write
from tests.support.http_script import reply, scripted, sends

# Modes, with a service that works


@pytest.mark.parametrize("mode", Mode)
def test_what_is_invented_is_never_mixed_with_what_is_real(
    world: World, make: Clients, database: Path, mode: Mode
) -> None:
    """Here the service is the real one, and REST a stand-in; either way they stay apart."""
    one = reply(200, json.dumps(api_row()).encode(), Feed_Address="fstream.binance.com")
    body = json.dumps({"data": [api_row("REALUSDT", stale=False)], "total": 1}).encode()
    every = reply(200, body, Feed_Address="fstream.binance.com")

    def turn(connection: Any, stopping: threading.Event) -> None:
        sends(every if asked_for_all else one)(connection, stopping)

    with scripted(turn) as server:
        client = make(mode, FUNDING_API_PORT=server.port, FUNDING_FORCE_MODE=1)
        asked_for_all = False
        found = client.get("BTCUSDT")
        asked_for_all = True
        every_one = client.get_all()
    if mode is Mode.WEBSOCKET_ONLY:
        assert (found, every_one) == (None, {})
    else:
        assert found is not None
        assert {found.source, *(each.source for each in every_one.values())} == {"rest"}
        assert "REALUSDT" not in every_one
    assert make.compared() == []


def test_invented_comparisons_are_not_stored_beside_real_quotes(
    world: World, make: Clients, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = ManualClock().clock()
    real = database.with_name("real.db")
    write(real, clock, feed=replace(feed_at(clock), address="fstream.binance.com"))
    client = make("parallel", FUNDING_DB=real)
    assert client.get("BTCUSDT") is not None
    client.close()
    assert "quotes of fstream.binance.com, REST of 127.0.0.1: not comparable" in caplog.text
    assert [rows(real, f"SELECT * FROM {name}") for name in ("comparison", "rest_usage")] == [
        [],
        [],
    ]


def test_mode_rest_asks_rest_alone(world: World, make: Clients, database: Path) -> None:
    client, calls = make("rest"), world.exchange.calls()
    found = client.get("btcusdt")
    assert found is not None
    assert (found.symbol, found.source) == ("BTCUSDT", "rest")
    assert found.mark_price > 0
    assert 0 <= found.age_seconds < 30
    assert {each.source for each in client.get_all().values()} == {"rest"}
    assert client.get("NOPE") is None
    assert world.exchange.calls() == calls + 3
    assert make.compared() == []
    usage = rows(database, "SELECT caller, sum(calls), sum(weight) FROM rest_usage GROUP BY caller")
    assert usage == [("test", 3, 12)]


def test_mode_websocket_never_asks_rest_while_the_service_works(
    world: World, make: Clients, database: Path
) -> None:
    validated(database, "GO", days_ago=6.9)
    client, calls = make("websocket"), world.exchange.calls()
    for symbol in [*world.symbols[:50], "币安人生USDT"]:
        found = client.get(symbol)
        assert found is not None
        assert (found.symbol, found.source) == (symbol, "websocket")
        assert 0 <= found.age_seconds < 30
    assert sorted(client.get_all()) == sorted(world.symbols)
    assert world.exchange.calls() == calls
    assert client.decision == Decision(Mode.WEBSOCKET, "")
    assert make.compared() == []


def test_mode_websocket_asks_rest_for_a_symbol_the_service_lacks(
    world: World, make: Clients, database: Path
) -> None:
    validated(database, "GO", days_ago=1)
    client = make("websocket", FUNDING_API_PORT=world.api_port)
    with world.exchange.faults(list=["NEWUSDT"], delist=["NEWUSDT"]):
        found = client.get("NEWUSDT")
        assert found is not None
        assert (found.symbol, found.source) == ("NEWUSDT", "rest")
    assert client.get("NEWUSDT") is None


@pytest.mark.parametrize(
    "symbol",
    [
        *("NOPE", "", "币USDT", "A/B", "../health", "health", "\n", ".", "..", "%2e", "\0", "é"),
        *("A B", "?symbol=BTCUSDT", "BTCUSDT#", "\ud800", "A\udfffB", "\U0001f600", "A" * 10_000),
    ],
    ids=lambda symbol: ascii(symbol[:20]),
)
def test_an_unknown_symbol_is_none_in_every_mode(
    world: World, make: Clients, database: Path, symbol: str, caplog: pytest.LogCaptureFixture
) -> None:
    for mode in Mode:
        client = make(mode, FUNDING_FORCE_MODE=1)
        caplog.clear()
        assert client.get(symbol) is None
        assert [r.getMessage() for r in caplog.records if "FORCE" not in r.getMessage()] == []
    assert make.compared() == []


def test_the_end_of_a_with_block_stores_what_waits(make: Clients, database: Path) -> None:
    with make("parallel") as client:
        assert client.get("BTCUSDT") is not None
    assert len(compared(database)) == 3


# Many threads, many homes


def test_twenty_threads_poll_341_symbols(
    world: World, make: Clients, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    client, symbols, calls = make("parallel"), world.symbols[:341], world.exchange.calls()
    start = threading.Barrier(20)
    with ThreadPoolExecutor(20, initializer=start.wait) as pool:
        found = list(pool.map(client.get, symbols))
    assert [each.symbol for each in found if each is not None] == symbols
    assert {each.source for each in found if each is not None} == {"websocket"}
    assert world.exchange.calls() == calls + 341
    stored = make.compared()
    assert sorted(each[1] for each in stored) == sorted(symbols * 3)
    assert {each[5] for each in stored} == {"match"}
    told = [r.getMessage().partition(" matches")[0] for r in caplog.records]
    hundreds = (102, 201, 300, 402, 501, 600, 702, 801, 900, 1002)
    assert sorted(told) == sorted(f"{n} comparisons: {n}" for n in hundreds)
    with ThreadPoolExecutor(5) as pool:
        alike = list(pool.map(lambda _: sorted(client.get_all()), range(5)))
    assert all(each == sorted(world.symbols) for each in alike)


def test_twenty_threads_keep_a_connection_each(world: World, make: Clients, database: Path) -> None:
    """To the service and to REST, both far ends counting what they accept."""
    good = sends(reply(200, rest_body(world, "BTCUSDT")))
    with scripted(sends(API_QUOTE)) as server, scripted(good) as exchange:
        ports: dict[str, Any] = {"FUNDING_API_PORT": server.port, "FUNDING_REST_URL": exchange.url}
        client = make("parallel", timeout=20.0, **ports)
        start = threading.Barrier(20)
        for _ in range(2):
            with ThreadPoolExecutor(20, initializer=start.wait) as pool:
                found = list(pool.map(client.get, ["BTCUSDT"] * 341))
            assert all(each is not None for each in found)
        assert (len(server.asked), len(exchange.asked)) == (4 * 341, 2 * 341)
        assert server.connections <= 20
        assert exchange.connections <= 20
        client.close()
    assert usage(database) == (682, 682)


def test_a_copy_of_the_package_is_a_client(world: World, database: Path, tmp_path: Path) -> None:
    """What the README says is to be copied, and the three libraries that it names."""
    shutil.copytree(ROOT / "funding", tmp_path / "theirs" / "funding")
    script = """
import sys
from funding.client import FundingClient
found = FundingClient(caller="theirs").get("BTCUSDT")
others = {name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names
print(found.symbol, found.source, *sorted({"msgspec", "apsw", "urllib3", *LIBRARIES} & others))
"""
    libraries = ["waitress", "websocket", "supervisor", "tqdm"]
    command = [sys.executable, "-c", f"LIBRARIES = {libraries}\n{script}"]
    settings = world.environment(FUNDING_DB=database)
    done = finished(command, tmp_path / "theirs", **settings)
    assert done.stdout == "BTCUSDT websocket apsw msgspec urllib3\n"
    assert {each[0] for each in compared(database)} == {"theirs"}


# Other exchanges


def test_rest_of_another_exchange(make: Clients, world: World) -> None:
    addresses: dict[str, Any] = dict(world.exchange.venue_settings)
    client = make("rest", exchange="kucoin", **addresses)
    found = client.get("XBTUSDTM")
    assert found is not None
    assert (found.symbol, found.source) == ("XBTUSDTM", "rest")
    assert client.get("NOSUCHUSDTM") is None
    assert set(client.get_all()) >= {"XBTUSDTM", "ETHUSDTM"}


@pytest.mark.parametrize("name", ["nothing", "", "*", "Binance"])
def test_unknown_exchange_is_refused(make: Clients, name: str) -> None:
    with pytest.raises(SettingError, match=rf"exchange='{re.escape(name)}'.*binance"):
        make("rest", exchange=name)


@pytest.mark.parametrize("name", ["kucoin", "", "binance"])
def test_one_call_asks_every_exchange_or_the_clients_own(make: Clients, name: Any) -> None:
    with pytest.raises(ValueError, match=f"exchange='{name}'"):
        make("rest").get("BTCUSDT", exchange=name)


@pytest.mark.parametrize("asset", ["", "B" * 41, "\n"])
def test_no_asset_has_such_a_name(make: Clients, asset: str) -> None:
    assert make("websocket-only", FUNDING_FORCE_MODE=1).get(asset, exchange="*") == []


def test_unknown_asset_has_no_contracts(make: Clients) -> None:
    assert make("rest").get("NOSUCH", exchange="*") == []
