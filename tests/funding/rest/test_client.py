"""The REST client: replies, refusals and rubbish, over real sockets."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding import errors
from funding.exchanges.binance import rest as api
from funding.model.ban import LONGEST_BAN_SECONDS
from funding.rest.client import RestClient
from funding.rest.limiter import whole_number
from funding.runtime.backoff import stated_wait
from harness.stand_in import StandIn
from tests.support.clock import ManualClock, rows, write
from tests.support.http_script import Scripted, Turn, hangs, reply, scripted, sends
from tests.support.rest_group import ANSWER, BODY, PREMIUM, Group, error, failure


@pytest.fixture(scope="module")
def answering(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Scripted, ManualClock, RestClient]]:
    """One server and one client for all examples."""
    hand, path = ManualClock(), tmp_path_factory.mktemp("answering") / "funding.db"
    write(path, hand.clock())
    group = Group(path, hand)
    with scripted(ANSWER) as server:
        yield server, hand, group.client(server.url)
    group.close()


HEADS = (
    b"",
    b"HTTP/1.1 ",
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: ",
    b"HTTP/1.1 200 OK\r\nX-MBX-USED-WEIGHT-1M: ",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: ",
    b"HTTP/1.1 418 Banned\r\nRetry-After: ",
)


def test_one_symbol(group: Group) -> None:
    with scripted(ANSWER) as server:
        found = group.client(server.url + "/").premium_index("BTCUSDT")
    assert found == (
        "BTCUSDT", 83_067.3, 83_114.69956522, 0.00000078, 1_791_388_800_000, 1_791_382_985_000, 1e-4
    )  # fmt: skip
    assert server.paths == ["/fapi/v1/premiumIndex?symbol=BTCUSDT"]
    assert "accept-encoding: gzip" in server.asked[0].lower()


@pytest.mark.parametrize("route", ["premiumIndex", "openInterest"])
def test_a_reply_about_another_symbol_is_an_error_and_an_event(group: Group, route: str) -> None:
    other = PREMIUM | {"symbol": "ETH\x1bUSDT" if route == "openInterest" else "ETHUSDT"}
    body = json.dumps(other | {"openInterest": "7"}).encode()
    with scripted(sends(reply(body=body))) as server:
        client = group.client(server.url)
        ask = client.premium_index if route == "premiumIndex" else client.open_interest
        for _ in range(2):
            assert type(failure(lambda: ask("BTCUSDT"))) is errors.RestGarbled
        assert server.connections == 2, "what else comes on the connection may be wrong, too"
    name = "ETHUSDT" if route == "premiumIndex" else "ETH\\x1bUSDT"
    assert rows(group.path, "SELECT source, kind, detail FROM event WHERE source = 'test'") == [
        ("test", "wrong-symbol", f"{route} of BTCUSDT: the reply is of {name}")
    ]


def test_a_symbol_of_other_letters_is_percent_encoded(group: Group) -> None:
    body = json.dumps(PREMIUM | {"symbol": "币安人生USDT"}).encode()
    with scripted(sends(reply(body=body))) as server:
        assert group.client(server.url).premium_index("币安人生USDT").symbol == "币安人生USDT"
    assert server.paths == ["/fapi/v1/premiumIndex?symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT"]


def test_the_recorded_payloads(group: Group, recorded: Path) -> None:
    def turn(name: str) -> Turn:
        return sends(reply(body=(recorded / f"polyoxide_2026-10-07_{name}.json").read_bytes()))

    names = ("premiumIndex", "fundingInfo", "openInterest_BTCUSDT", "klines_1m_BTCUSDT",
             "ticker24hr", "exchangeInfo_5symbols")  # fmt: skip
    with scripted(*map(turn, names)) as server:
        client = group.client(server.url)
        assert client.premium_indices()[0].symbol == "BTCUSDT"
        hours = {info.symbol: info.funding_interval_hours for info in client.funding_intervals()}
        assert hours["BTCUSDT"] == 8  # its updateTime is null
        assert client.open_interest("BTCUSDT").symbol == "BTCUSDT"
        candle = client.klines("BTCUSDT", "1m", 2)[0]
        assert candle.close_time - candle.open_time == 59_999
        assert float(candle.low) <= float(candle.open) <= float(candle.high)
        assert all(float(ticker.quote_volume) >= 0 for ticker in client.tickers())
        contracts = client.contracts()
        assert len(contracts) == 5
        assert {contract.contract_type for contract in contracts} >= {"PERPETUAL"}
    assert [path.partition("?")[0].rpartition("/v1/")[2] for path in server.paths] == [
        "premiumIndex", "fundingInfo", "openInterest", "klines", "ticker/24hr", "exchangeInfo"
    ]  # fmt: skip
    assert server.paths[3].endswith("?symbol=BTCUSDT&interval=1m&limit=2")


def test_the_recorded_world_of_an_earlier_year(recorded: Path) -> None:
    found = api.premium_indices((recorded / "premiumIndex_all_2025-06-17.json").read_bytes())
    assert len(found) > 500
    dated = [row for row in found if row.next_funding_time is None]
    assert dated
    assert all(row.funding_rate is None for row in dated)


def test_the_recorded_errors(group: Group, recorded: Path) -> None:
    replies = json.loads((recorded / "error_replies.json").read_text("utf-8"))
    refusals = [each for each in replies if each.get("status") == 400]
    assert refusals
    for each in refusals:
        body = json.dumps(each["body"]).encode()
        with scripted(sends(reply(400, body))) as server:
            raised = failure(group.client(server.url).premium_indices)
        assert isinstance(raised, errors.RestRefused)
        assert (raised.status, raised.code) == (400, each["body"]["code"])
        assert each["body"]["msg"] in str(raised)
    waits = {stated_wait("", json.dumps(each).encode(), 0.0, at_most=2e9) for each in replies}
    assert waits == {0.0, 1721323200.0, 1700000123.0, 1777814809.681, 1787181287.549}


@pytest.mark.parametrize(
    ("change", "funding"),
    [
        ({"nextFundingTime": 0, "lastFundingRate": "0.00000000"}, (None, None)),
        ({"lastFundingRate": ""}, (None, 1_791_388_800_000)),
        ({"lastFundingRate": "-0.0001"}, (-0.0001, 1_791_388_800_000)),
    ],
)
def test_a_contract_without_funding(change: dict[str, Any], funding: object) -> None:
    (found,) = api.premium_indices(json.dumps(PREMIUM | change).encode())
    assert (found.funding_rate, found.next_funding_time) == funding


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"17",
        b"[]",
        b"[" + BODY + b"," + BODY + b"]",
        b"[" * 100_000,
        b'{"symbol":"BTCUSDT","x":' + b"[" * 100_000,
        BODY[:-1],
        BODY.replace(b"83067.30000000", b"NaN"),
        BODY.replace(b"83067.30000000", b"1e999"),
        BODY.replace(b"0.00000078", b"none"),
        BODY.replace(b"BTCUSDT", b"ETHUSDT"),
        BODY.replace(b"BTCUSDT", b"\xff\xfe"),
        BODY.replace(b"1791382985000", b"99999999999999999999"),
        BODY.replace(b"1791388800000", b"-1"),
        b"<html>Bad gateway</html>",
        reply(body=BODY),
    ],
)
def test_a_reply_of_another_form_is_garbled(group: Group, body: bytes) -> None:
    with scripted(sends(reply(body=body))) as server:
        raised = failure(lambda: group.client(server.url).premium_index("BTCUSDT"))
    assert type(raised) is errors.RestGarbled
    assert len(str(raised)) < 300


@given(st.binary(max_size=300) | st.builds(lambda c, n: BODY[:n] + c + BODY[n + 1 :],
       st.binary(max_size=3), st.integers(0, len(BODY))))  # fmt: skip
def test_no_bytes_of_a_reply_raise_anything_else(body: bytes) -> None:
    assert api.error_body(body).msg is not None
    try:
        found = api.premium_indices(body)
    except ValueError:  # msgspec's errors are of this kind
        return
    assert all(abs(row.mark_price) < float("inf") for row in found)


@given(st.sampled_from(HEADS), st.binary(max_size=100))
def test_no_bytes_instead_of_an_answer_raise_anything_else(
    answering: tuple[Scripted, ManualClock, RestClient], head: bytes, rest_of_it: bytes
) -> None:
    server, hand, client = answering
    server.turns = [sends(head + rest_of_it, close=True)]
    hand.advance(LONGEST_BAN_SECONDS + 1)
    before = len(server.asked)
    with suppress(errors.RestError):
        client.tickers()
    assert len(server.asked) == before + 1


@pytest.mark.parametrize(
    ("turn", "kind"),
    [
        (sends(reply(500)), errors.RestUnreachable),
        (error(503, -1001, "Internal error"), errors.RestUnreachable),
        (sends(reply(302, Location="/elsewhere")), errors.RestRefused),
        (sends(b"", close=True), errors.RestUnreachable),
        (sends(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{", close=True),
         errors.RestUnreachable),
        (sends(b"rubbish\r\n\r\n", close=True), errors.RestUnreachable),
        (sends(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", close=True),
         errors.RestUnreachable),
        (sends(reply(body=b"no gzip", Content_Encoding="gzip")), errors.RestUnreachable),
    ],
    ids=["500", "503", "redirect", "closed", "cut off", "no HTTP", "200 headers", "no gzip"],
)  # fmt: skip
def test_a_failure_is_neither_retried_nor_kept(
    group: Group, turn: Turn, kind: type[errors.RestError]
) -> None:
    with scripted(turn, ANSWER) as server:
        client = group.client(server.url)
        assert type(failure(client.premium_indices)) is kind
        assert len(server.asked) == 1, "asked again, or followed a redirect"
        assert client.premium_index("BTCUSDT").mark_price == 83_067.3
    assert rows(group.path, "SELECT * FROM rest_ban") == []


def test_an_unknown_symbol(group: Group, exchange: StandIn) -> None:
    raised = failure(lambda: group.client(exchange.rest_url).premium_index("NOPE"))
    assert isinstance(raised, errors.RestRefused)
    assert (raised.status, raised.code, str(raised)) == (
        400, -1121, "status 400, code -1121: Invalid symbol."
    )  # fmt: skip


def test_a_server_error_is_reported_in_its_words(group: Group) -> None:
    with scripted(error(503, -1001, "Try again.", Retry_After="7")) as server:
        raised = failure(group.client(server.url).premium_indices)
    assert str(raised) == "status 503, code -1001: Try again."
    assert raised.retry_after_seconds == 7


@pytest.mark.parametrize("asked", ["999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_the_wait_after_a_server_error_is_bounded(group: Group, asked: str) -> None:
    with scripted(error(503, -1001, "Try again.", Retry_After=asked)) as server:
        raised = failure(group.client(server.url).premium_indices)
    assert raised.retry_after_seconds == 3_600


def test_the_wait_after_a_server_error_binds_everybody(group: Group) -> None:
    with scripted(error(503, -1001, "Try again.", Retry_After="7"), ANSWER) as server:
        one, other = group.client(server.url, "one"), group.client(server.url, "other")
        assert type(failure(one.premium_indices)) is errors.RestUnreachable
        for client in (one, other):
            assert failure(client.server_time).retry_after_seconds == pytest.approx(7)
        assert len(server.asked) == 1
        group.hand.advance(7)
        assert other.premium_index("BTCUSDT").symbol == "BTCUSDT"


@given(st.text(max_size=40))
def test_no_text_of_a_header_raises_anything(text: str) -> None:
    assert whole_number(text) >= 0


def test_each_call_has_the_time_that_is_left(group: Group) -> None:
    left = [20.0, 0.2, 0.0, 20.0]
    with scripted(ANSWER, hangs, ANSWER) as server:
        client = group.client(server.url, timeout=lambda: left.pop(0))
        assert client.premium_index("BTCUSDT")
        for _ in range(2):
            assert "timed out" in str(failure(client.server_time)).lower()
        assert len(server.asked) == 2, "without any time left nothing is asked"
        assert client.premium_index("BTCUSDT")
