"""The connection to the service's API."""

import json
import threading
from collections.abc import Callable
from math import inf
from typing import Any

import pytest

from funding.api.quotes import NOT_YET
from funding.client.service import Service, ServiceQuote
from funding.model.contract import ContractStatus
from funding.model.feed import StoredQuote
from harness.processes import WAIT_SECONDS
from tests.support.clients import API_QUOTE, NOW, api_all, api_row, api_stale, in_time
from tests.support.clock import ManualClock
from tests.support.http_script import Turn, hangs, reply, scripted, sends, trickles


def service(
    port: int,
    hand: ManualClock,
    timeout: float | Callable[[], float] = 5.0,
    rest_host: str = "127.0.0.1",
    exchange: str = "binance",
) -> Service:
    uptime = hand.clock().uptime
    return Service(
        *("127.0.0.1", port),
        timeout=timeout,
        uptime=uptime,
        rest_host=rest_host,
        exchange=exchange,
    )


def test_one_connection_is_kept() -> None:
    with scripted(sends(API_QUOTE)) as server:
        made = service(server.port, ManualClock())
        assert [made.quote("BTCUSDT").fresh for _ in range(5)] == [True] * 5
        assert server.connections == 1
        made.close()
        assert made.quote("BTCUSDT").fresh
        assert server.connections == 2
        made.close()


def test_an_idle_connection_that_the_service_ended_is_opened_again() -> None:
    with scripted(sends(API_QUOTE, close=True)) as server:
        made = service(server.port, ManualClock())
        for _ in range(5):
            found = made.quote("BTCUSDT")
            assert (found.fresh, found.problem) == (True, "")
        assert server.connections == 5
        made.close()


def dies(connection: Any, _stopping: threading.Event) -> None:
    raise ConnectionAbortedError


def test_a_request_that_ends_the_connection_is_sent_twice_at_most() -> None:
    with scripted(sends(API_QUOTE), dies) as server:
        made = service(server.port, ManualClock())
        assert made.quote("BTCUSDT").fresh
        found = made.quote("BTCUSDT")
        assert (found.quote, found.fresh) == (None, False)
        assert found.problem.startswith("RemoteDisconnected")
        assert len(server.asked) == 3
        assert made.quote("BTCUSDT").problem.startswith("RemoteDisconnected")
        assert len(server.asked) == 4, "a new connection that ends is no idle one"
        made.close()


@pytest.mark.parametrize("turn", [hangs, trickles(b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 1_000)])
def test_a_service_that_hangs_is_given_up_and_not_asked_again(turn: Turn) -> None:
    with scripted(sends(API_QUOTE), turn) as server:
        left = [20.0, 0.2, 0.2]
        made = service(server.port, ManualClock(), timeout=lambda: left.pop(0))
        assert made.quote("BTCUSDT").fresh
        found = made.quote("BTCUSDT")
        assert (found.quote, found.problem) == (None, "TimeoutError: timed out")
        assert len(server.asked) == 2
        assert made.quotes().problem == "TimeoutError: timed out"
        made.close()


def test_second_attempt_has_what_is_left_of_the_time_of_the_first() -> None:
    def late(_connection: Any, stopping: threading.Event) -> None:
        stopping.wait(0.3)
        raise ConnectionAbortedError

    with scripted(sends(API_QUOTE), late, sends(API_QUOTE)) as server:
        made = service(server.port, ManualClock(), timeout=WAIT_SECONDS)
        assert made.quote("BTCUSDT").fresh
        assert made.quote("BTCUSDT").fresh
        assert (made._connection.sock.gettimeout() or inf) < WAIT_SECONDS - 0.2
        assert len(server.asked) == 3
        made.close()


def test_each_request_has_the_time_that_is_left() -> None:
    left = [60.0, 0.2, 60.0, 0.0]
    with scripted(sends(API_QUOTE), hangs, sends(API_QUOTE)) as server:
        made = service(server.port, ManualClock(), timeout=lambda: left.pop(0))
        assert made.quote("BTCUSDT").fresh
        with in_time(20.0):
            assert made.quote("BTCUSDT").problem == "TimeoutError: timed out"
        assert made.quote("BTCUSDT").fresh
        assert made.quote("BTCUSDT").problem == "TimeoutError: timed out before it was asked"
        made.close()
        assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (reply(503, b'{"error":"not ready","reasons":[]}'), "status 503: "),
        (reply(500, b'{"error":"internal server error"}'), "status 500: "),
        (reply(403, b'{"error":"foreign Host header"}'), "status 403: "),
        (reply(302, b"", Location="http://192.0.2.1/"), "status 302: "),
        (reply(200, b"<html>"), "status 200: <html>"),
        (reply(200, b"{}"), "status 200: {}"),
        (reply(200, b"\xff\xfe"), "status 200: "),
        (reply(200, b""), "status 200: "),
        (reply(200, API_QUOTE[-50:] + b"}"), "status 200: "),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "BadStatusLine"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", "IncompleteRead"),
    ],
)
def test_rubbish_is_a_service_that_does_not_answer(answer: bytes, problem: str) -> None:
    with scripted(sends(answer, close=True)) as server:
        made = service(server.port, ManualClock())
        found = made.quote("BTCUSDT")
        assert (found.quote, found.fresh) == (None, False)
        assert found.problem.startswith(problem)
        found_all = made.quotes()
        assert found_all.quotes == []
        assert found_all.problem
        made.close()


def test_a_symbol_is_stale_unknown_or_fresh() -> None:
    one = reply(200, json.dumps(api_row("币/A?")).encode())
    with scripted(sends(api_stale("币/A?")), sends(reply(404, b"{}")), sends(one)) as server:
        made = service(server.port, ManualClock())
        stale, unknown, fresh = (made.quote("币/A?") for _ in range(3))
        made.close()
    assert server.paths == ["/funding/%E5%B8%81%2FA%3F"] * 3
    assert stale.quote is not None
    assert (stale.quote.age_seconds, stale.fresh, stale.problem) == (200, False, "")
    assert unknown == ServiceQuote(None)
    assert fresh.quote == StoredQuote(
        *("binance", "币/A?", 100.5, 100.25, 0.0001, 7, 1_000, NOW, 1.5, ContractStatus.TRADING),
        z_reason=NOT_YET,
    )
    assert fresh.fresh


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, json.dumps(api_row("ETHUSDT")).encode()),
        api_stale("ETHUSDT"),
        reply(404, b'{"error":"unknown symbol","symbol":"ETHUSDT"}'),
    ],
    ids=["fresh", "stale", "unknown"],
)
def test_answer_about_another_symbol_is_a_problem(answer: bytes) -> None:
    with scripted(sends(answer), sends(API_QUOTE)) as server:
        made = service(server.port, ManualClock())
        problem = "asked for BTCUSDT, it answers ETHUSDT"
        assert made.quote("BTCUSDT") == ServiceQuote(None, problem=problem, wrong_symbol=True)
        assert made.quote("btcusdt").fresh
        assert server.connections == 2, "what else comes on the connection may be wrong, too"
        made.close()


def test_unchanged_quotes_are_not_sent_again_and_grow_older() -> None:
    answer = api_all(api_row("A", stale=False), api_row("B", stale=True), tag='W/"1-2"')
    turns = [sends(answer), sends(reply(304, b"")), sends(api_all(tag='W/"3"')), sends(answer)]
    hand = ManualClock()
    with scripted(*turns) as server:
        made = service(server.port, hand)
        first = made.quotes()
        hand.advance(0.7)
        second, third, fourth = made.quotes(), made.quotes(), made.quotes()
        made.close()
    tags = [head.partition("If-None-Match: ")[2].partition("\r\n")[0] for head in server.asked]
    assert tags == ["", 'W/"1-2"', 'W/"1-2"', 'W/"3"']
    assert [(r.symbol, r.age_seconds) for r in first.fresh] == [("A", 1.5)]
    assert [(r.symbol, r.age_seconds) for r in first.stale] == [("B", 1.5)]
    assert [r.symbol for r in second.quotes] == ["A", "B"]
    assert [r.age_seconds for r in second.quotes] == pytest.approx([2.2, 2.2])
    assert (third.quotes, third.problem) == ([], "")
    assert fourth == first


def test_304_without_an_etag_is_a_problem() -> None:
    with scripted(sends(reply(304, b""))) as server:
        made = service(server.port, ManualClock())
        assert made.quotes().problem == "status 304: "
        made.close()


@pytest.mark.parametrize(
    ("feed_host", "rest_host", "answers"),
    [
        ("127.0.0.1", "fapi.binance.com", False),
        ("fstream.binance.com", "127.0.0.1", False),
        ("fstream.binance.com", "testnet.binancefuture.com", False),
        ("fstream.binance.com", "fapi.binance.com", True),
        ("127.0.0.1", "localhost", True),
        ("", "fapi.binance.com", True),  # an older service does not say
    ],
)
def test_quotes_of_another_origin_are_no_answer(
    feed_host: str, rest_host: str, answers: bool
) -> None:
    headers = {"Feed_Address": feed_host} if feed_host else {}
    one = reply(200, json.dumps(api_row()).encode(), **headers)
    every = reply(200, json.dumps({"data": [api_row(stale=False)], "total": 1}).encode(), **headers)
    with scripted(sends(one), sends(every), sends(api_stale()), sends(one)) as server:
        made = service(server.port, ManualClock(), rest_host=rest_host)
        quote, quotes = made.quote("BTCUSDT"), made.quotes()
        assert made.quote("BTCUSDT").quote is not None, "an answer that does not say is taken"
        made.close()
    text = "" if answers else f"quotes of {feed_host}, REST of {rest_host}: not comparable"
    assert (quote.problem, quotes.problem) == (text, text)
    assert (quote.quote is not None, bool(quotes.quotes)) == (answers, answers)


# Other exchanges


def test_another_exchange_is_named_and_its_quotes_alone_count() -> None:
    theirs = api_row() | {"exchange": "kucoin"}
    all_theirs = json.dumps({"data": [theirs | {"stale": False}]}).encode()
    all_ours = json.dumps({"data": [api_row() | {"stale": False}]}).encode()
    turns = [reply(200, json.dumps(theirs).encode()), API_QUOTE]
    turns += [reply(200, all_theirs), reply(200, all_ours)]
    with scripted(*map(sends, turns)) as server:
        made = service(server.port, ManualClock(), exchange="kucoin")
        found = made.quote("BTCUSDT").quote
        assert found is not None
        assert found.exchange == "kucoin"
        assert made.quote("BTCUSDT").problem.endswith("it answers BTCUSDT of binance")
        assert [each.exchange for each in made.quotes().fresh] == ["kucoin"]
        assert made.quotes().problem == "it answers quotes of binance"
        made.close()
    ours = "/funding/BTCUSDT?exchange=kucoin", "/funding?exchange=kucoin"
    assert server.paths == [ours[0], ours[0], ours[1], ours[1]]


def test_contracts_on_an_asset_are_those_of_every_exchange() -> None:
    names = [("binance", "BTCUSDT"), ("kucoin", "XBTUSDTM")]
    listed = {"data": [{"exchange": name, "symbol": symbol} for name, symbol in names]}
    other = ("hyperliquid", "BTCUSDT")  # the same symbol on an exchange where it is another asset
    rows = [
        api_row() | {"exchange": name, "symbol": symbol, "stale": name == "kucoin"}
        for name, symbol in [*names, other]
    ]
    turns = [reply(200, json.dumps(each).encode()) for each in (listed, {"data": rows})]
    with scripted(*map(sends, turns)) as server:
        made = service(server.port, ManualClock())
        found = made.on_asset("BTC")
        assert [(each.exchange, each.symbol) for each in found.fresh] == names[:1]
        assert [(each.exchange, each.symbol) for each in found.stale] == names[1:]
        made.close()
    assert server.paths[0] == "/funding/compare?asset=BTC"
    assert server.paths[1].endswith("&exchange=*")


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (reply(404, b'{"error":"unknown asset"}'), ""),
        (reply(503, b'{"error":"not ready"}'), "status 503"),
        (reply(200, b"[]"), "not the API's answer"),
    ],
)
def test_no_contracts_on_an_asset(answer: bytes, problem: str) -> None:
    with scripted(sends(answer)) as server:
        made = service(server.port, ManualClock())
        found = made.on_asset("BTC")
        assert found.quotes == []
        assert found.problem.startswith(problem)
        assert bool(found.problem) == bool(problem)
        made.close()
