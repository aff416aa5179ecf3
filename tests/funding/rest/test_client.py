"""The REST client, against real bytes over loopback and against the stand-in exchange."""

import gzip
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding import errors
from funding.exchanges.binance import rest as api
from funding.model.ban import LONGEST_BAN_SECONDS, Ban, BanKind
from funding.rest import transport
from funding.rest.client import RestClient
from funding.runtime.clock import SYSTEM
from funding.store.durable import DurableConnection
from funding.store.rest_usage import RestUsage
from tests.conftest import ROOT, free_port
from tests.support.clock import Hand, rows, write
from tests.support.http_script import Scripted, Turn, hangs, reply, scripted, sends, trickles
from tests.support.processes import PATIENCE_SECONDS, environment, until
from tests.support.stand_in import StandIn, stand_in

PREMIUM = {
    "symbol": "BTCUSDT",
    "markPrice": "83067.30000000",
    "indexPrice": "83114.69956522",
    "estimatedSettlePrice": "83195.99445417",
    "lastFundingRate": "0.00000078",
    "interestRate": "0.00010000",
    "nextFundingTime": 1791388800000,
    "time": 1791382985000,
}
WHOLE = json.dumps(PREMIUM).encode()
GOOD = sends(reply(body=WHOLE))
MINUTE = 1_764_725_610 // 60


def error(status: int, code: int, message: str, **headers: str) -> Turn:
    """A refusal in the exchange's words."""
    body = json.dumps({"code": code, "msg": message}).encode()
    return sends(reply(status, body, **headers))


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def path(tmp_path: Path, hand: Hand) -> Path:
    """A store as ingest has made it."""
    write(tmp_path / "funding.db", hand.clock())
    return tmp_path / "funding.db"


class Group:
    """Clients of one store, each with a connection of its own, as processes have them."""

    def __init__(self, path: Path, hand: Hand) -> None:
        self.path, self.hand = path, hand
        self._connections: list[DurableConnection] = []

    def client(
        self,
        url: str,
        caller: str = "test",
        *,
        budget: int = 1_200,
        timeout: float | Callable[[], float] = 20.0,
    ) -> RestClient:
        self._connections.append(DurableConnection(self.path))
        usage = RestUsage(self._connections[-1])
        return RestClient(
            url, caller, usage=usage, budget=budget, clock=self.hand.clock(), timeout=timeout
        )

    def close(self) -> None:
        for each in self._connections:
            each.close()


@pytest.fixture
def group(path: Path, hand: Hand) -> Iterator[Group]:
    made = Group(path, hand)
    yield made
    made.close()


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with stand_in(tmp_path_factory.mktemp("exchange")) as made:
        yield made


def failure(ask: Callable[[], Any]) -> errors.RestError:
    """The error that `ask` ends with."""
    with pytest.raises(errors.RestError) as raised:
        ask()
    return raised.value


# Replies


def test_one_symbol(group: Group) -> None:
    with scripted(GOOD) as server:
        found = group.client(server.url + "/").premium_index("BTCUSDT")
    assert found == (
        "BTCUSDT", 83_067.3, 83_114.69956522, 0.00000078, 1_791_388_800_000, 1_791_382_985_000
    )  # fmt: skip
    assert server.paths == ["/fapi/v1/premiumIndex?symbol=BTCUSDT"]
    assert "accept-encoding: gzip" in server.asked[0].lower()


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
            told = failure(group.client(server.url).premium_indices)
        assert isinstance(told, errors.RestRefused)
        assert (told.status, told.code) == (400, each["body"]["code"])
        assert each["body"]["msg"] in str(told)
    ends = {api.banned_until(r.get("msg") or r.get("body", {}).get("msg", "")) for r in replies}
    assert ends == {None, 1721323200.0, 1700000123.0, 1777814809.681, 1787181287.549}


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
        b"[" + WHOLE + b"," + WHOLE + b"]",
        b"[" * 100_000,
        b'{"symbol":"BTCUSDT","x":' + b"[" * 100_000,
        WHOLE[:-1],
        WHOLE.replace(b"83067.30000000", b"NaN"),
        WHOLE.replace(b"83067.30000000", b"1e999"),
        WHOLE.replace(b"0.00000078", b"none"),
        WHOLE.replace(b"BTCUSDT", b"ETHUSDT"),
        WHOLE.replace(b"BTCUSDT", b"\xff\xfe"),
        WHOLE.replace(b"1791382985000", b"99999999999999999999"),
        WHOLE.replace(b"1791388800000", b"-1"),
        b"<html>Bad gateway</html>",
        reply(body=WHOLE),
    ],
)
def test_what_is_not_of_the_documented_form_is_garbled(group: Group, body: bytes) -> None:
    with scripted(sends(reply(body=body))) as server:
        told = failure(lambda: group.client(server.url).premium_index("BTCUSDT"))
    assert type(told) is errors.RestGarbled
    assert len(str(told)) < 300


@given(st.binary(max_size=300) | st.builds(lambda c, n: WHOLE[:n] + c + WHOLE[n + 1 :],
       st.binary(max_size=3), st.integers(0, len(WHOLE))))  # fmt: skip
def test_no_bytes_of_a_reply_raise_anything_else(body: bytes) -> None:
    assert api.error_body(body).msg is not None
    try:
        found = api.premium_indices(body)
    except ValueError:  # msgspec's errors are of this kind
        return
    assert all(abs(row.mark_price) < float("inf") for row in found)


@pytest.fixture(scope="module")
def answering(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Scripted, Hand, RestClient]]:
    """One server and one client for all examples."""
    hand, path = Hand(), tmp_path_factory.mktemp("answering") / "funding.db"
    write(path, hand.clock())
    group = Group(path, hand)
    with scripted(GOOD) as server:
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


@given(st.sampled_from(HEADS), st.binary(max_size=100))
def test_no_bytes_instead_of_an_answer_raise_anything_else(
    answering: tuple[Scripted, Hand, RestClient], head: bytes, rest_of_it: bytes
) -> None:
    server, hand, client = answering
    server.turns = [sends(head + rest_of_it, close=True)]
    hand.pass_seconds(LONGEST_BAN_SECONDS + 1)
    before = len(server.asked)
    with suppress(errors.RestError):
        client.tickers()
    assert len(server.asked) == before + 1


# What may happen on the way


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
def test_a_call_that_fails(group: Group, turn: Turn, kind: type[errors.RestError]) -> None:
    with scripted(turn, GOOD) as server:
        client = group.client(server.url)
        assert type(failure(client.premium_indices)) is kind
        assert len(server.asked) == 1, "asked again, or followed a redirect"
        assert client.premium_index("BTCUSDT").mark_price == 83_067.3
    assert rows(group.path, "SELECT * FROM rest_ban") == []


def test_a_server_error_is_told_in_its_words(group: Group) -> None:
    with scripted(error(503, -1001, "Try again.", Retry_After="7")) as server:
        told = failure(group.client(server.url).premium_indices)
    assert str(told) == "status 503, code -1001: Try again."
    assert told.retry_after_seconds == 7


@pytest.mark.parametrize("asked", ["999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_server_error_is_not_waited_for_for_ever(group: Group, asked: str) -> None:
    with scripted(error(503, -1001, "Try again.", Retry_After=asked)) as server:
        told = failure(group.client(server.url).premium_indices)
    assert told.retry_after_seconds == 3_600


@given(st.text(max_size=40))
def test_no_text_of_a_header_raises_anything(text: str) -> None:
    assert api.number(text) >= 0


@pytest.mark.parametrize(
    "turn",
    [hangs, trickles(b"", reply(body=WHOLE)), trickles(reply(body=WHOLE)[:-90], WHOLE[-90:])],
    ids=["silence", "a head that trickles", "a body that trickles"],
)
def test_no_answer_is_waited_for_longer_than_the_timeout(group: Group, turn: Turn) -> None:
    with scripted(turn, GOOD) as server:
        client = group.client(server.url, timeout=0.3)
        told = failure(lambda: client.premium_index("BTCUSDT"))
        assert type(told) is errors.RestUnreachable
        assert "timed out" in str(told).lower()
        assert client.premium_index("BTCUSDT").symbol == "BTCUSDT"


def test_nobody_listens(group: Group) -> None:
    told = failure(group.client(f"http://127.0.0.1:{free_port()}").server_time)
    assert type(told) is errors.RestUnreachable
    assert "refused" in str(told)


def test_a_host_that_has_no_address(group: Group) -> None:
    for host in ("nowhere.invalid", "a" * 70 + ".invalid", "a..b"):
        assert type(failure(group.client(f"http://{host}").server_time)) is errors.RestUnreachable


def test_no_tls_at_the_other_end(group: Group) -> None:
    with scripted(GOOD) as server:
        url = server.url.replace("http:", "https:")
        told = failure(group.client(url, timeout=0.3).server_time)
    assert type(told) is errors.RestUnreachable


def test_a_compressed_reply(group: Group) -> None:
    packed = gzip.compress(WHOLE)
    with scripted(sends(reply(body=packed, Content_Encoding="gzip"))) as server:
        assert group.client(server.url).premium_index("BTCUSDT").time == 1_791_382_985_000


@pytest.mark.parametrize("packed", [False, True])
def test_a_reply_without_end_is_not_kept(
    group: Group, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    monkeypatch.setattr(transport, "MAX_BODY", 100_000)
    body = b"[" + b" " * 3_000_000
    huge = reply(body=body)
    if packed:
        huge = reply(body=gzip.compress(body), Content_Encoding="gzip")
    with scripted(sends(huge), GOOD) as server:
        client = group.client(server.url)
        told = failure(client.premium_indices)
        assert (type(told), str(told)) == (errors.RestGarbled, "a reply of more than 100000 bytes")
        assert client.premium_index("BTCUSDT").symbol == "BTCUSDT"


def test_one_connection_serves_many_calls(group: Group) -> None:
    with scripted(GOOD) as server:
        client = group.client(server.url)
        for _ in range(5):
            client.premium_index("BTCUSDT")
        assert (server.connections, len(server.asked)) == (1, 5)
        client.close()
        client.premium_index("BTCUSDT")
        assert server.connections == 2
        client.close()


def test_each_call_has_the_time_that_is_left_then(group: Group) -> None:
    left = [20.0, 0.2, 0.0, 20.0]
    with scripted(GOOD, hangs, GOOD) as server:
        client = group.client(server.url, timeout=lambda: left.pop(0))
        assert client.premium_index("BTCUSDT")
        for _ in range(2):
            assert "timed out" in str(failure(client.server_time)).lower()
        assert len(server.asked) == 2, "without any time left nothing is asked"
        assert client.premium_index("BTCUSDT")


def resolver(monkeypatch: pytest.MonkeyPatch, answer: Callable[[], list[Any]]) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_named: answer())


def test_a_resolver_that_hangs_holds_nobody(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    over, asked = threading.Event(), threading.Semaphore(0)

    def answer() -> list[Any]:
        asked.release()
        over.wait(PATIENCE_SECONDS)
        raise socket.gaierror("no answer")

    resolver(monkeypatch, answer)
    try:
        client = group.client("http://name.invalid", timeout=0.05)
        for _ in range(transport.MOST_ATTEMPTS):
            told = failure(client.server_time)
            assert type(told) is errors.RestUnreachable
            assert "timed out" in str(told)
        refused = f"{transport.MOST_ATTEMPTS} connections are in the making already"
        assert refused in str(failure(client.server_time))
    finally:
        over.set()
    for _ in range(transport.MOST_ATTEMPTS):
        assert asked.acquire(timeout=PATIENCE_SECONDS)
    monkeypatch.undo()
    with scripted(GOOD) as server:
        client = group.client(server.url)
        until(lambda: answers(client), "the attempts have ended")


def answers(client: RestClient) -> bool:
    """Whether it gets through now."""
    with suppress(errors.RestUnreachable):
        return client.premium_index("BTCUSDT").symbol == "BTCUSDT"
    return False


def test_all_addresses_of_a_name_share_the_timeout(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One whose queue is full answers no SYN: connecting to it takes the whole timeout."""
    with socket.socket() as full, ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(2):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        address = (socket.AF_INET, socket.SOCK_STREAM, 6, "", full.getsockname())
        resolver(monkeypatch, lambda: [address] * 10)
        client, begin = group.client("http://name.invalid", timeout=0.3), time.monotonic()
        assert "timed out" in str(failure(client.server_time)).lower()
        assert time.monotonic() - begin < 1.5, "3 s, were there one timeout for each"


def test_a_connection_that_comes_too_late_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    late = threading.Event()
    ours, theirs = socket.socketpair()

    def connect() -> socket.socket:
        late.wait()
        return ours

    with ours, theirs:
        with pytest.raises(TimeoutError, match=r"not connected within 0\.01 s"):
            transport.connected(connect, 0.01)
        late.set()
        theirs.settimeout(PATIENCE_SECONDS)
        assert theirs.recv(1) == b""


# The accounts


def ask_everything(client: RestClient) -> None:
    """One call of each kind; whatever comes back."""
    calls: list[Callable[[], Any]] = [
        lambda: client.premium_index("BTCUSDT"),
        client.premium_indices,
        client.funding_intervals,
        lambda: client.open_interest("BTCUSDT"),
        client.contracts,
        client.tickers,
        client.server_time,
        *(lambda n=n: client.klines("BTCUSDT", "1h", n) for n in (100, 101, 500, 501, 1_001)),
    ]
    for call in calls:
        call()


def test_weights_are_those_that_the_exchange_counts(group: Group, exchange: StandIn) -> None:
    before = exchange.order("state")["used_weight"]
    ask_everything(group.client(exchange.rest_url, "everything"))
    used = rows(group.path, "SELECT route, calls, weight FROM rest_usage ORDER BY route")
    assert used == [
        ("exchangeInfo", 1, 1), ("fundingInfo", 1, 0), ("klines", 5, 1 + 2 + 2 + 5 + 10),
        ("openInterest", 1, 1), ("premiumIndex", 2, 11), ("ticker/24hr", 1, 40), ("time", 1, 1),
    ]  # fmt: skip
    after = exchange.order("state")["used_weight"]
    # The exchange begins anew with each UTC minute; this can only come out smaller.
    assert after - before <= sum(weight for _, _, weight in used)
    assert after - before == sum(weight for _, _, weight in used) or after < before


def test_usage_is_kept_by_caller_route_and_minute(group: Group) -> None:
    with scripted(GOOD) as server:
        one, other = group.client(server.url, "one"), group.client(server.url, "other")
        one.premium_index("BTCUSDT")
        one.premium_index("BTCUSDT")
        other.premium_index("BTCUSDT")
        group.hand.pass_seconds(60)
        one.premium_index("BTCUSDT")
    assert rows(group.path, "SELECT * FROM rest_usage ORDER BY minute, caller") == [
        (MINUTE, "one", "premiumIndex", 2, 2),
        (MINUTE, "other", "premiumIndex", 1, 1),
        (MINUTE + 1, "one", "premiumIndex", 1, 1),
    ]


def test_a_call_that_fails_counts(group: Group) -> None:
    with scripted(error(400, -1121, "Invalid symbol.")) as server:
        failure(group.client(server.url).premium_indices)
    assert rows(group.path, "SELECT calls, weight FROM rest_usage") == [(1, 10)]


def test_all_clients_share_one_budget_per_minute(group: Group) -> None:
    many = sends(reply(body=b"[" + WHOLE + b"]"))
    with scripted(many) as server:
        one = group.client(server.url, "one", budget=30)
        other = group.client(server.url, "other", budget=30)
        one.premium_indices()
        other.premium_indices()
        one.premium_indices()
        told = failure(lambda: other.premium_index("BTCUSDT"))
        assert type(told) is errors.RestOverBudget
        assert told.retry_after_seconds == 60 - group.hand.wall % 60
        assert len(server.asked) == 3
        group.hand.pass_seconds(told.retry_after_seconds)
        assert other.premium_indices()


def test_a_dear_call_is_refused_and_a_cheap_one_made(group: Group) -> None:
    with scripted(GOOD) as server:
        client = group.client(server.url, budget=9)
        assert type(failure(client.premium_indices)) is errors.RestOverBudget
        assert client.premium_index("BTCUSDT").symbol == "BTCUSDT"
    assert rows(group.path, "SELECT sum(calls), sum(weight) FROM rest_usage") == [(1, 1)]


def test_what_the_exchange_counts_is_respected_until_the_minute_is_over(group: Group) -> None:
    told_2295 = sends(reply(body=WHOLE, X_MBX_USED_WEIGHT_1M="2295"))
    with scripted(told_2295, sends(reply(body=b"[]")), GOOD) as server:
        client = group.client(server.url)
        client.premium_index("BTCUSDT")
        assert "2295 of 2400" in str(failure(client.premium_indices))
        assert client.funding_intervals() == []  # costs nothing, and tells no count
        assert type(failure(client.premium_indices)) is errors.RestOverBudget
        assert client.premium_index("BTCUSDT")
        group.hand.pass_seconds(60)
        assert client.premium_indices()


def test_the_count_of_a_refusal_is_heard_too(group: Group) -> None:
    refused = error(400, -1121, "Invalid symbol.", X_MBX_USED_WEIGHT_1M="2300")
    with scripted(refused, GOOD) as server:
        client = group.client(server.url)
        failure(lambda: client.premium_index("NOPE"))
        assert type(failure(client.server_time)) is errors.RestOverBudget


def test_the_exchanges_count_near_its_limit_stops_the_group(group: Group) -> None:
    told_2300 = sends(reply(body=WHOLE, X_MBX_USED_WEIGHT_1M="2300"))
    with scripted(told_2300, GOOD) as server:
        one, other = group.client(server.url, "one"), group.client(server.url, "other")
        one.premium_index("BTCUSDT")
        for client in (other, one):
            told = failure(client.server_time)
            assert (type(told), str(told)) == (
                errors.RestOverBudget, "the exchange counts 2300 of 2400 in this minute"
            )  # fmt: skip
            assert told.retry_after_seconds == 60 - group.hand.wall % 60
        assert len(server.asked) == 1
        group.hand.pass_seconds(60 - group.hand.wall % 60)
        assert other.premium_index("BTCUSDT")
    assert rows(group.path, "SELECT * FROM rest_ban") == []
    assert rows(group.path, "SELECT * FROM event WHERE kind = 'rest-pause'") == []


def test_a_refusal_at_the_limit_is_a_pause_and_grows(group: Group) -> None:
    no = sends(reply(429, b"no", X_MBX_USED_WEIGHT_1M="2400"))
    full = sends(reply(body=WHOLE, X_MBX_USED_WEIGHT_1M="2400"))
    with scripted(no, no, full, no) as server:
        client = group.client(server.url)
        for pause in (60, 120):
            assert failure(client.server_time).retry_after_seconds == pytest.approx(pause)
            group.hand.pass_seconds(pause)
        assert client.premium_index("BTCUSDT")
        assert type(failure(client.server_time)) is errors.RestOverBudget
        group.hand.pass_seconds(60)
        assert failure(client.server_time).retry_after_seconds == pytest.approx(60)


def test_calls_without_weight_have_a_budget_of_five_minutes(group: Group) -> None:
    write_many = "INSERT INTO rest_usage VALUES (?, 'other', 'fundingRate', ?, 0)"
    with scripted(sends(reply(body=b"[]"))) as server:
        client = group.client(server.url)
        store(group.path, write_many, MINUTE - 5, 400)
        store(group.path, write_many, MINUTE - 4, 248)
        client.funding_intervals()
        client.funding_intervals()
        for _ in range(3):
            assert type(failure(client.funding_intervals)) is errors.RestOverBudget
        assert len(server.asked) == 2
    assert rows(group.path, "SELECT calls FROM rest_usage WHERE minute = ?", MINUTE) == [(2,)]


def store(path: Path, statement: str, *bindings: Any) -> None:
    """Change the file without our code between."""
    connection = apsw.Connection(str(path))
    connection.execute(statement, bindings)
    connection.close()


# Bans


def store_ban(group: Group, address: str, end: float, pauses: int) -> None:
    """As another process of the group has stored it."""
    insert = "INSERT INTO rest_ban (address, until, pauses, reason) VALUES (?, ?, ?, 'no')"
    store(group.path, insert, address, end, pauses)


def test_an_unknown_symbol(group: Group, exchange: StandIn) -> None:
    told = failure(lambda: group.client(exchange.rest_url).premium_index("NOPE"))
    assert isinstance(told, errors.RestRefused)
    assert (told.status, told.code, str(told)) == (
        400, -1121, "status 400, code -1121: Invalid symbol."
    )  # fmt: skip


BANS = [
    (error(429, -1003, "Too many requests.", Retry_After="17"), 17.0),
    (error(418, -1003, f"IP banned until {1_764_725_610_000 + 90_500}."), 90.5),
    (error(418, -1003, f"IP banned until {1_764_725_610_000 + 90_500}.", Retry_After="5"), 5.0),
    (error(429, -1003, "Too many requests."), 60.0),
    (error(418, -1003, "IP banned until 1721323200000."), 60.0),
    (error(429, -1003, "Slow down.", Retry_After="0"), 60.0),
    (error(429, -1003, "Slow down.", Retry_After="soon"), 60.0),
    (error(418, -1003, "IP banned until 9999999999999."), 3 * 86_400.0),
    (error(418, -1003, "IP banned until 99999999999999999999999."), 3 * 86_400.0),
    (error(429, -1003, "Slow.", Retry_After="99999999999999999999"), 3 * 86_400.0),
    (error(429, -1003, "Slow.", Retry_After="Wed, 03 Dec 2025 01:34:00 GMT"), 30.0),
    (error(429, -1003, "Slow.", Retry_After="Wednesday, 03-Dec-25 01:34:00 GMT"), 30.0),
    (error(429, -1003, "Slow.", Retry_After="Wed, 03 Dec 2025 01:33:00 GMT"), 60.0),
    (error(429, -1003, "Slow.", Retry_After="Fri, 31 Dec 9999 23:59:59 GMT"), 3 * 86_400.0),
    (error(429, -1003, "Slow.", Retry_After="Wed, 99 Dec 2025 99:99:99 GMT"), 60.0),
    (error(429, -1003, "Slow.", Retry_After="-5"), 60.0),
    (sends(reply(418, b"<html>")), 60.0),
]


@pytest.mark.parametrize(("turn", "seconds"), BANS)
def test_a_ban_stops_everybody_until_it_ends(group: Group, turn: Turn, seconds: float) -> None:
    with scripted(turn, GOOD) as server:
        met, other = group.client(server.url, "met"), group.client(server.url + "/", "other")
        told = failure(met.premium_indices)
        assert type(told) is errors.RestBanned
        assert told.retry_after_seconds == pytest.approx(seconds)
        for client in (met, other):
            again = failure(client.server_time)
            assert type(again) is errors.RestBanned
            assert again.retry_after_seconds == pytest.approx(seconds)
        group.hand.pass_seconds(seconds - 0.1)
        assert type(failure(other.server_time)) is errors.RestBanned
        assert len(server.asked) == 1
        group.hand.pass_seconds(0.2)
        assert other.premium_index("BTCUSDT").symbol == "BTCUSDT"
    assert rows(group.path, "SELECT * FROM rest_ban") == []


def test_a_ban_is_in_the_audit_trail_with_its_reason(group: Group) -> None:
    with scripted(error(429, -1003, "Too many requests.", Retry_After="17")) as server:
        failure(group.client(server.url, "somebody").server_time)
    assert rows(group.path, "SELECT source, kind, detail FROM event WHERE kind = 'rest-pause'") == [
        (
            "somebody",
            "rest-pause",
            "status 429, code -1003: Too many requests.: nobody asks for 17 s",
        )
    ]


@pytest.mark.parametrize("status", [429, 418, 403, 451])
def test_the_pause_grows_where_no_end_is_told(group: Group, status: int) -> None:
    pauses = []
    with scripted(sends(reply(status, b"no"))) as server:
        client = group.client(server.url)
        for _ in range(9):
            pauses.append(failure(client.server_time).retry_after_seconds)
            assert type(failure(client.server_time)) is errors.RestBanned
            group.hand.pass_seconds(pauses[-1])
        assert len(server.asked) == 9
    assert pauses == pytest.approx([60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600])


@pytest.mark.parametrize(
    ("headers", "seconds"), [({}, 60.0), ({"Retry_After": "30"}, 30.0), ({"Retry_After": "0"}, 60)]
)
def test_many_refusals_at_once_are_one_ban(
    group: Group, headers: dict[str, str], seconds: float
) -> None:
    """Twenty threads have asked before the first of them is refused."""
    all_asked = threading.Barrier(20)

    def refused(connection: Any, stopping: threading.Event) -> None:
        all_asked.wait(PATIENCE_SECONDS)
        error(429, -1003, "Too many.", **headers)(connection, stopping)

    with scripted(refused) as server, ThreadPoolExecutor(20) as pool:
        clients = [group.client(server.url, f"thread {n}") for n in range(20)]
        for number in range(2):
            told = list(pool.map(lambda client: failure(client.server_time), clients))
            assert {type(each) for each in told} == {errors.RestBanned}
            assert len(server.asked) == 20 * (number + 1)
            grown = seconds if seconds == 30 else seconds * 2**number
            assert [each.retry_after_seconds for each in told] == pytest.approx([grown] * 20)
            count = "SELECT count(*) FROM event WHERE kind = 'rest-pause'"
            assert rows(group.path, count) == [(number + 1,)]
            group.hand.pass_seconds(grown)


def test_a_longer_ban_that_is_met_while_one_lasts_is_kept(group: Group) -> None:
    told = threading.Event()

    def late(connection: Any, stopping: threading.Event) -> None:
        told.wait(PATIENCE_SECONDS)
        error(418, -1003, "Banned.", Retry_After="900")(connection, stopping)

    with scripted(late, error(429, -1003, "Too many.")) as server, ThreadPoolExecutor(1) as pool:
        one, other = group.client(server.url, "one"), group.client(server.url, "other")
        begun = pool.submit(failure, one.server_time)
        until(lambda: len(server.asked) == 1, "the first has asked")
        assert failure(other.server_time).retry_after_seconds == pytest.approx(60)
        told.set()
        assert begun.result().retry_after_seconds == pytest.approx(900)
        assert failure(other.server_time).retry_after_seconds == pytest.approx(900)
    assert rows(group.path, "SELECT pauses FROM rest_ban") == [(1,)]


def test_a_pause_does_not_grow_for_ever(group: Group) -> None:
    with scripted(sends(reply(451))) as server:
        client = group.client(server.url)
        store_ban(group, server.url, group.hand.wall - 1, 5_000)
        assert failure(client.server_time).retry_after_seconds == 3_600


def test_an_answer_ends_the_growth(group: Group) -> None:
    no, yes = sends(reply(429)), GOOD
    with scripted(no, no, yes, no) as server:
        client = group.client(server.url)
        for pause in (60, 120):
            assert failure(client.server_time).retry_after_seconds == pytest.approx(pause)
            group.hand.pass_seconds(pause)
        client.premium_index("BTCUSDT")
        assert failure(client.server_time).retry_after_seconds == pytest.approx(60)


@pytest.mark.parametrize(("status", "words"), [(403, "firewall"), (451, "restricted location")])
def test_a_refusal_of_this_address_is_explained_and_not_repeated(
    group: Group, status: int, words: str
) -> None:
    with scripted(sends(reply(status, b"<html>Forbidden</html>"))) as server:
        client = group.client(server.url)
        told = failure(client.server_time)
        assert type(told) is errors.RestRestricted
        assert words in str(told)
        for _ in range(5):
            group.hand.pass_seconds(10)
            again = failure(client.server_time)
            assert (type(again), words in str(again)) == (errors.RestBanned, True)
        assert len(server.asked) == 1


def test_a_ban_that_cannot_be_stored_stops_at_least_who_met_it(path: Path, hand: Hand) -> None:
    store, clock = DurableConnection(path, lambda: 0.01), hand.clock()
    other = apsw.Connection(str(path))

    def locks(connection: Any, stopping: threading.Event) -> None:
        other.execute("BEGIN IMMEDIATE")
        error(429, -1003, "Too many.", Retry_After="90")(connection, stopping)

    with scripted(locks, GOOD) as server:
        client = RestClient(
            server.url, "test", usage=RestUsage(store), budget=100, clock=clock, timeout=20.0
        )
        with pytest.raises(errors.StoreLocked):
            client.server_time()
        for statement in ("SELECT 1", "ROLLBACK"):
            other.execute(statement)
            assert failure(client.server_time).retry_after_seconds == pytest.approx(90)
        assert len(server.asked) == 1
        hand.pass_seconds(90)
        assert client.premium_index("BTCUSDT")
        client.close()
    other.close()
    store.close()


def test_a_ban_of_another_address_is_none_of_ours(group: Group) -> None:
    with scripted(error(418, -1003, "No.", Retry_After="99")) as one, scripted(GOOD) as other:
        failure(group.client(one.url).server_time)
        assert group.client(other.url).premium_index("BTCUSDT")


def test_a_ban_that_was_stored_by_a_wrong_clock_is_none(group: Group) -> None:
    with scripted(GOOD) as server:
        client = group.client(server.url)
        store_ban(group, server.url, group.hand.wall + 10 * 365 * 86_400, 1)
        assert client.premium_index("BTCUSDT")


def test_a_ban_that_was_stored_by_a_wrong_clock_hides_no_other(group: Group) -> None:
    with scripted(error(418, -1003, "No.", Retry_After="5"), GOOD) as server:
        client = group.client(server.url)
        store_ban(group, server.url, group.hand.wall + 10 * 365 * 86_400, 1)
        for _ in range(2):
            assert failure(client.server_time).retry_after_seconds == pytest.approx(5)
        assert len(server.asked) == 1


def test_the_longest_ban_outlasts_a_clock_that_steps_back(group: Group) -> None:
    with scripted(error(418, -1003, "No.", Retry_After="999999"), GOOD) as server:
        client = group.client(server.url)
        failure(client.server_time)
        group.hand.pass_seconds(-30)
        assert type(failure(client.server_time)) is errors.RestBanned


def test_an_answer_does_not_lift_a_ban_that_was_met_meanwhile(group: Group) -> None:
    other = DurableConnection(group.path)

    def turn(connection: Any, stopping: Any) -> None:
        ban = Ban(group.hand.wall + 50, BanKind.BANNED, 1, "met by another")
        RestUsage(other).set_ban(server.url, ban)
        GOOD(connection, stopping)

    with scripted(error(418, -1003, "No.", Retry_After="5"), turn) as server:
        client = group.client(server.url)
        failure(client.server_time)
        group.hand.pass_seconds(6)
        assert client.premium_index("BTCUSDT")
        assert failure(client.server_time).retry_after_seconds == pytest.approx(50)
    other.close()


@contextmanager
def asker(path: Path, url: str, caller: str) -> Iterator[Callable[[], str]]:
    """A process that asks when it is told to; what it says of it."""
    command = [sys.executable, "-m", "tests.support.rest_caller", str(path), url, caller]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None

        def ask() -> str:
            print(file=process.stdin, flush=True)
            return str(process.stdout.readline()).strip()  # type: ignore[union-attr]

        try:
            yield ask
        finally:
            process.kill()


def test_one_process_is_banned_and_the_other_asks_nothing(path: Path, exchange: StandIn) -> None:
    with asker(path, exchange.rest_url, "one") as one, asker(path, exchange.rest_url, "two") as two:
        assert two() == one() == "BTCUSDT"
        with exchange.faults(rest_status=418, rest_retry_after=2):
            assert one().startswith("RestBanned 2.0 ")
        calls = exchange.calls()  # the exchange would answer again from here on
        (until_seconds,) = rows(path, "SELECT until FROM rest_ban")[0]
        said = [two()]

        def answered() -> bool:
            said.append(two())
            return said[-1] == "BTCUSDT"

        until(answered, "the ban ends")
        assert SYSTEM.wall() >= until_seconds
    assert len(said) > 2
    assert all(each.startswith("RestBanned") for each in said[:-1])
    assert exchange.calls() == calls + 1, "it asked while the ban lasted"


def test_without_a_store_nothing_is_asked(tmp_path: Path, hand: Hand) -> None:
    made = Group(tmp_path / "none.db", hand)
    with scripted(GOOD) as server, pytest.raises(errors.StoreMissing):
        made.client(server.url).premium_index("BTCUSDT")
    assert server.asked == []
    made.close()
