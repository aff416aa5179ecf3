"""The table of a client: what is fresh, what is missing, what it waits for."""

import logging
import threading
from dataclasses import dataclass
from typing import Any

import pytest

from funding.client import live as room
from funding.client.live import LiveTable
from funding.model.contract import Contract, ContractStatus
from funding.nats.connection import Connection
from funding.runtime.logs import ThrottledWarnings
from tests.support.clock import ManualClock
from tests.support.published import SENT, feed, quote

log = logging.getLogger("test")
REST = "fapi.example"


@dataclass
class FakeConnection:
    connected: bool = True
    problem: str = ""
    failure: Exception | None = None

    def check(self) -> None:
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=SENT)


def made(clock: ManualClock, **more: Any) -> LiveTable:
    warn = ThrottledWarnings(log, 60, clock.clock().uptime)
    awaited = {"awaited": ["binance"]} | more
    return LiveTable(clock=clock.clock(), warn=warn, stale_after=180.0, **awaited)


@pytest.fixture
def table(clock: ManualClock) -> LiveTable:
    """One that has read the bucket and heard a heartbeat."""
    found = made(clock)
    found.feed(feed())
    found.whole()
    return found


def connect(table: LiveTable, connection: FakeConnection) -> None:
    found: Any = connection
    taken: Connection = found
    table.connection = taken


def test_a_quote_is_fresh_up_to_the_limit_by_its_own_age(
    table: LiveTable, clock: ManualClock
) -> None:
    table.quote(quote(age=1.0))
    clock.advance(179.0)
    found = table.one("binance", "btcusdt", REST, 0.0)
    assert found.quote is not None
    assert (found.fresh, found.quote.age_seconds, found.problem) == (True, 180.0, "")
    clock.advance(0.5)
    found = table.one("binance", "BTCUSDT", REST, 0.0)
    assert (found.fresh, found.problem) == (False, "")


def test_all_of_an_exchange(table: LiveTable, clock: ManualClock) -> None:
    table.quote(quote("OLD", age=178.0))
    table.quote(quote("NEW"))
    table.quote(quote("OTHER", exchange="kucoin"))
    clock.advance(5.0)
    found = table.all("binance", REST, 0.0)
    assert [each.symbol for each in found.fresh] == ["NEW"]
    assert [each.symbol for each in found.stale] == ["OLD"]


def test_an_unknown_symbol_is_no_problem_once_all_is_read(table: LiveTable) -> None:
    assert table.one("binance", "NONE", REST, 0.0) == (None, False, "", False)


def test_what_is_missing_is_named(clock: ManualClock) -> None:
    table = made(clock)
    clock.advance(room.BEGIN_SECONDS)
    text = "NATS: nothing heard yet of binance, the bucket of quotes"
    assert table.one("binance", "BTCUSDT", REST, 9.0).problem == text
    assert table.all("binance", REST, 9.0).problem == text
    table.whole()
    assert (
        table.one("binance", "BTCUSDT", REST, 9.0).problem == "NATS: nothing heard yet of binance"
    )
    table.quote(quote())
    assert table.one("binance", "BTCUSDT", REST, 9.0).fresh


def test_the_first_question_waits_for_what_is_missing(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "BEGIN_SECONDS", 60.0)
    table, answers = made(clock), []
    thread = threading.Thread(
        target=lambda: answers.append(table.one("binance", "BTCUSDT", REST, 60.0))
    )
    thread.start()
    table.quote(quote())
    table.whole()
    thread.join(0.05)
    table.feed(feed())
    thread.join(60)
    (found,) = answers
    assert found.fresh


def test_it_waits_no_longer_than_it_may(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float | None] = []
    table = made(clock)
    monkeypatch.setattr(table._whole, "wait", waits.append)
    table.one("binance", "BTCUSDT", REST, 0.75)
    clock.advance(room.BEGIN_SECONDS - 0.5)
    table.one("binance", "BTCUSDT", REST, 0.75)
    clock.advance(1.0)
    table.one("binance", "BTCUSDT", REST, 0.75)
    assert waits == [0.75, 0.5, 0.0]


def test_quotes_of_a_stand_in_are_not_used_beside_an_exchange(clock: ManualClock) -> None:
    table = made(clock)
    table.feed(feed(address="127.0.0.1"))
    table.whole()
    table.quote(quote())
    for answer in (table.one("binance", "BTCUSDT", REST, 0.0), table.all("binance", REST, 0.0)):
        assert answer.problem == "quotes of 127.0.0.1, REST of fapi.example: not comparable"
        assert not answer.fresh
    assert table.one("binance", "BTCUSDT", "localhost", 0.0).fresh


def test_without_a_connection_quotes_age_and_the_log_says_so(
    table: LiveTable, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    table.quote(quote())
    connect(table, FakeConnection(connected=False, problem="nats://db:4222: refused"))
    assert table.one("binance", "BTCUSDT", REST, 0.0).fresh
    missing = table.one("binance", "NONE", REST, 0.0)
    assert missing.problem == "NATS: nats://db:4222: refused"
    clock.advance(200.0)
    assert not table.one("binance", "BTCUSDT", REST, 0.0).fresh
    assert caplog.text.count("no connection to NATS: nats://db:4222: refused") == 2  # in 200 s


def test_a_defect_of_the_connection_is_raised(table: LiveTable) -> None:
    connect(table, FakeConnection(connected=False, failure=ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        table.one("binance", "BTCUSDT", REST, 0.0)


def test_heartbeats_that_come_late_are_in_the_log(
    table: LiveTable, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    clock.wall += 300
    table.feed(feed(taker="host-a"))
    assert "what host-a sends comes 300 s late" in caplog.text


def test_a_symbol_that_was_not_heard_of_for_a_day_is_gone(
    table: LiveTable, clock: ManualClock
) -> None:
    table.quote(quote())
    clock.advance(86_401)
    table.whole()
    assert table.one("binance", "BTCUSDT", REST, 0.0).quote is None


def contract(symbol: str, asset: str, exchange: str = "binance") -> Contract:
    values = (ContractStatus.TRADING, None, asset, "USDT", 1.0, None, 8)
    return Contract(exchange, symbol, *values, "exchange", None, None, SENT)


def test_the_contracts_on_an_asset_of_every_exchange(clock: ManualClock) -> None:
    table = made(clock, awaited=(), with_contracts=True)
    listed = [
        contract("BTCUSDT", "BTC"),
        contract("XBTUSDTM", "BTC", "kucoin"),
        contract("ETHUSDT", "ETH"),
        contract("BTCUSDC", "BTC"),
    ]
    for each in listed:
        table.contract(each.exchange, each.symbol, each)
    table.contracts_whole([(each.exchange, each.symbol) for each in listed])
    for name, exchange in (("BTCUSDT", "binance"), ("XBTUSDTM", "kucoin"), ("ETHUSDT", "binance")):
        table.quote(quote(name, exchange=exchange))
    assert len(table.on_asset(["BTC"], 0.0).fresh) == 2
    table.whole()
    found = table.on_asset(["btc"], 0.0)
    assert [each.symbol for each in found.fresh] == ["BTCUSDT", "XBTUSDTM"]
    assert [each.symbol for each in table.on_asset(["XBT", "BTC"], 0.0).fresh] == [
        "BTCUSDT",
        "XBTUSDTM",
    ]
    assert table.on_asset(["NONE"], 0.0) == ([], [], "")
    table.contract("kucoin", "XBTUSDTM", None)
    table.contracts_whole([("binance", "ETHUSDT")])
    assert table.on_asset(["BTC"], 0.0) == ([], [], "")
