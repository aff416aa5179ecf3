"""The client's modes, against a real service and a stand-in exchange."""

import inspect
import json
import logging
import shutil
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import pytest

from funding.client import FundingClient
from funding.client.mode import GO_SECONDS, Decision
from funding.client.values import Funding
from funding.errors import SettingError
from funding.model.mode import Mode
from funding.runtime.clock import SYSTEM
from harness.processes import ROOT, finished, free_port, running, until
from tests.support.api_and_ingest import World, served
from tests.support.clients import (
    API_QUOTE,
    Clients,
    api_all,
    api_row,
    api_stale,
    compared,
    in_time,
    locked,
    rest_body,
    usage,
)
from tests.support.clock import ManualClock, feed_at, rows, write
from tests.support.http_script import Turn, hangs, reply, scripted, sends, trickles

NO_GO = "mode websocket needs a GO verdict less than 7 days old, and "


def validated(path: Path, verdict: str, days_ago: float, now: float | None = None) -> None:
    """A stored report."""
    at = (SYSTEM.wall() if now is None else now) - days_ago * 86_400
    connection = apsw.Connection(str(path))
    connection.execute(
        "INSERT INTO validation (at, verdict, since, until, report) VALUES (?1, ?2, 0, ?1, '{}')",
        (at, verdict),
    )
    connection.close()


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


def test_mode_parallel_asks_both_compares_and_uses_the_service(
    world: World, make: Clients, database: Path
) -> None:
    client, calls = make("parallel"), world.exchange.calls()
    found = client.get("btcusdt")
    assert found is not None
    assert (found.symbol, found.source) == ("BTCUSDT", "websocket")
    assert world.exchange.calls() == calls + 1
    mark, rate, index = make.compared()
    assert mark[:3] == ("test", "BTCUSDT", "mark_price")
    assert rate[:3] == ("test", "BTCUSDT", "funding_rate")
    assert index[:3] == ("test", "BTCUSDT", "index_price")
    assert {mark[5], rate[5], index[5]} == {"match"}


def test_mode_parallel_compares_all_in_one_call(
    world: World, make: Clients, database: Path
) -> None:
    client, calls = make("parallel"), world.exchange.calls()
    everything = client.get_all()
    assert sorted(everything) == sorted(world.symbols)
    assert {each.source for each in everything.values()} == {"websocket"}
    assert all(symbol == each.symbol for symbol, each in everything.items())
    assert world.exchange.calls() == calls + 1
    assert rows(database, "SELECT sum(weight) FROM rest_usage") == [(10,)]
    found = make.compared()
    assert len(found) == 3 * len(world.symbols)
    assert {each[5] for each in found} == {"match"}


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


def test_mode_parallel_compares_stale_quotes_too(
    world: World, make: Clients, database: Path
) -> None:
    with scripted(sends(api_stale())) as server:
        found = make("parallel", FUNDING_API_PORT=server.port).get("BTCUSDT")
    assert found is not None
    assert found.source == "rest"
    assert [each[3] for each in make.compared()] == [100.5, 0.0001, 100.25]
    assert rows(database, "SELECT DISTINCT explained FROM comparison") == [(1,)]
    events = rows(database, "SELECT source, kind, detail FROM event")
    assert ("test", "significant") in {event[:2] for event in events}


def test_mode_parallel_reads_the_service_before_and_after_rest(
    world: World, make: Clients, database: Path
) -> None:
    price = float(json.loads(rest_body(world, "BTCUSDT"))["markPrice"])
    now = int(SYSTEM.wall() * 1000)
    early, late = (
        reply(200, json.dumps(api_row() | {"eventTime": now + at, "markPrice": value}).encode())
        for at, value in ((-3_600_000, 1.0), (0, price))
    )
    with scripted(sends(early), sends(late)) as server:
        found = make("parallel", FUNDING_API_PORT=server.port).get("BTCUSDT")
        assert server.paths == ["/funding/BTCUSDT"] * 2
    assert found is not None
    assert found.mark_price == price
    assert [each[3] for each in make.compared()][:2] == [price, 0.0001]


@pytest.mark.parametrize("fails_first", [True, False])
def test_mode_parallel_compares_with_either_reading_of_the_service(
    world: World, make: Clients, database: Path, fails_first: bool
) -> None:
    fails = sends(reply(500))
    for answer in (API_QUOTE, api_all(api_row(stale=False))):
        turns = (fails, sends(answer)) if fails_first else (sends(answer), fails)
        with scripted(*turns) as server:
            client = make("parallel", FUNDING_API_PORT=server.port)
            assert client.get("BTCUSDT") if answer is API_QUOTE else client.get_all()
            assert len(server.asked) == 2
    prices = [each[3] for each in make.compared() if each[1:3] == ("BTCUSDT", "mark_price")]
    assert prices == [100.5, 100.5]


def test_a_symbol_on_one_side_is_a_comparison(world: World, make: Clients, database: Path) -> None:
    client = make("parallel")
    with world.exchange.faults(rest_missing=["BTCUSDT"], list=["NEWUSDT"], delist=["NEWUSDT"]):
        here, there = client.get("BTCUSDT"), client.get("NEWUSDT")
    assert here is not None
    assert there is not None
    assert (here.source, there.source) == ("websocket", "rest")
    found = make.compared()
    assert [each[1:3] for each in found if each[4] is None] == [
        ("BTCUSDT", "mark_price"),
        ("BTCUSDT", "funding_rate"),
        ("BTCUSDT", "index_price"),
    ]
    assert {each[1] for each in found if each[3] is None} == {"NEWUSDT"}
    assert {each[5] for each in found} == {"mismatch"}


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


# When REST may be left


@pytest.mark.parametrize(
    ("stored", "mode", "why"),
    [
        ([], "parallel", "the store has none"),
        ([("GO", 0.0)], "websocket", ""),
        ([("GO", 6.99)], "websocket", ""),
        ([("GO", 7.01)], "parallel", "the last one is 7.0 days old"),
        ([("GO", 3.0), ("NO-GO", 1.0)], "parallel", "the last one is NO-GO"),
        ([("NO-GO", 3.0), ("GO", 1.0)], "websocket", ""),
    ],
)
@pytest.mark.parametrize("asked", ["websocket", "websocket-only"])
def test_the_stored_verdict_decides_and_is_logged(
    world: World,
    make: Clients,
    database: Path,
    caplog: pytest.LogCaptureFixture,
    asked: str,
    stored: list[tuple[str, float]],
    mode: str,
    why: str,
) -> None:
    for verdict, days in stored:
        validated(database, verdict, days)
    client, calls = make(asked), world.exchange.calls()
    assert client.get("BTCUSDT") is not None
    assert client.get("BTCUSDT") is not None
    parallel = mode == "parallel"
    assert client.decision.mode == ("parallel" if parallel else asked)
    assert world.exchange.calls() == calls + 2 * parallel
    assert len(make.compared()) == 6 * parallel
    told = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    need = f"mode {asked} needs a GO verdict less than 7 days old, and {why}"
    assert told == ([f"{need}: running as parallel"] if parallel else [])


def test_a_store_that_cannot_be_read_gives_no_go(make: Clients, tmp_path: Path) -> None:
    decision = make("websocket", FUNDING_DB=tmp_path / "none.db").decision
    assert decision.mode == "parallel"
    assert "it cannot be read" in decision.why
    assert "is not there yet" in decision.why


def test_force_leaves_rest_and_is_logged(
    world: World, make: Clients, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    validated(database, "NO-GO", days_ago=0)
    client, calls = make("websocket-only", FUNDING_FORCE_MODE=1), world.exchange.calls()
    assert client.get("BTCUSDT") is not None
    assert client.get("NOPE") is None
    assert client.decision.mode == "websocket-only"
    assert world.exchange.calls() == calls
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("FUNDING_FORCE_MODE=1: mode websocket-only")


def test_force_changes_nothing_where_no_verdict_is_needed(
    make: Clients, caplog: pytest.LogCaptureFixture
) -> None:
    assert make("parallel", FUNDING_FORCE_MODE=1).decision == Decision(Mode.PARALLEL, "")
    assert caplog.records == []


def test_a_verdict_that_comes_or_grows_old_is_noticed(
    make: Clients, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hand = ManualClock(wall=SYSTEM.wall())
    client = make("websocket", hand.clock())
    assert client.decision.mode == "parallel"
    validated(database, "GO", 0, now=hand.wall)
    hand.advance(59)
    assert client.decision.mode == "parallel", "not read again for each call"
    hand.advance(1)
    assert client.decision == Decision(Mode.WEBSOCKET, "")
    hand.advance(GO_SECONDS)
    assert client.decision.mode == "parallel"
    told = [r.getMessage() for r in caplog.records]
    assert told == [
        f"{NO_GO}the store has none: running as parallel",
        "running as websocket, as asked",
        f"{NO_GO}the last one is 7.0 days old: running as parallel",
    ]


def test_the_mode_is_the_setting_unless_given(world: World, make: Clients) -> None:
    assert make().decision.mode == "parallel"
    assert make(FUNDING_MODE="rest").decision.mode == "rest"
    assert make("parallel", FUNDING_MODE="rest").decision.mode == "parallel"


def test_the_environment_is_read_when_no_settings_are_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FUNDING_MODE", "rest")
    assert FundingClient().decision.mode == "rest"
    monkeypatch.setenv("FUNDING_MODE", "rset")
    with pytest.raises(SettingError, match="FUNDING_MODE='rset'"):
        FundingClient()


def test_an_unknown_mode_and_a_reserved_caller_are_refused(make: Clients, world: World) -> None:
    with pytest.raises(SettingError, match="one of rest, parallel, websocket, websocket-only"):
        make("ws")
    with pytest.raises(ValueError, match="marks planted comparisons"):
        FundingClient(caller="control", settings=world.settings())


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
