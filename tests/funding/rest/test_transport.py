"""One GET: connections, timeouts and sizes, over real sockets."""

import gzip
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from funding import errors
from funding.rest import transport
from funding.rest.client import RestClient
from harness.processes import WAIT_SECONDS, until
from tests.conftest import free_port
from tests.support.fake_exchange import FakeExchange, unsigned_certificate
from tests.support.forward_proxy import forward_proxy
from tests.support.http_script import Turn, hangs, reply, scripted, sends, trickles
from tests.support.rest_group import ANSWER, BODY, Group, failure


def resolver(monkeypatch: pytest.MonkeyPatch, answer: Callable[[], list[Any]]) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_named: answer())


def answers(client: RestClient) -> bool:
    """Whether it gets through now."""
    with suppress(errors.RestUnreachable):
        return client.premium_index("BTCUSDT").symbol == "BTCUSDT"
    return False


def hangs_up(_connection: Any, _stopping: threading.Event) -> None:
    """Take the request, and close without an answer."""
    raise ConnectionAbortedError


def test_connection_that_ends_as_the_next_request_goes_out_costs_no_answer(group: Group) -> None:
    with scripted(ANSWER, hangs_up, ANSWER, hangs_up, ANSWER) as server:
        client = group.client(server.url)
        for _ in range(3):
            assert client.premium_index("BTCUSDT").symbol == "BTCUSDT"
        assert (len(server.asked), server.connections) == (5, 3)


def test_question_that_is_posted_is_asked_again_too() -> None:
    """As some exchanges want it; a post that changes something is not (see notify/backend)."""
    good = sends(reply(200, b"{}"))
    with scripted(good, sends(close=True), good) as server:
        client = transport.Transport()
        for _ in range(2):
            assert client.call(server.url, {}, WAIT_SECONDS, b'{"type":"meta"}')[0] == 200
        client.close()
    assert (len(server.asked), server.connections) == (3, 2)


def test_new_connection_that_ends_without_an_answer_is_not_tried_again(group: Group) -> None:
    with scripted(ANSWER, hangs_up, hangs_up, ANSWER) as server:
        client = group.client(server.url)
        assert answers(client)
        assert type(failure(lambda: client.premium_index("BTCUSDT"))) is errors.RestUnreachable
        assert len(server.asked) == 3
        assert answers(client)


def test_second_attempt_has_what_is_left_of_the_time_of_the_first(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(connection: Any, stopping: threading.Event) -> None:
        stopping.wait(0.3)
        hangs_up(connection, stopping)

    connected, given = transport.connected, []

    def recording(connect: Callable[[], socket.socket], seconds: float) -> socket.socket:
        given.append(seconds)
        return connected(connect, seconds)

    monkeypatch.setattr(transport, "connected", recording)
    with scripted(ANSWER, late, ANSWER) as server:
        client = group.client(server.url, timeout=WAIT_SECONDS)
        assert answers(client)
        assert answers(client)
        assert len(server.asked) == 3
    assert len(given) == 2
    assert given[1] < WAIT_SECONDS - 0.2


@pytest.mark.parametrize("name", ["http_proxy", "ALL_PROXY"])
def test_rest_goes_through_the_proxy(
    group: Group, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with scripted(ANSWER) as server, forward_proxy(server.port) as proxy:
        monkeypatch.setenv(name, proxy.url.replace("//", "//me:secret@"))
        client = group.client("http://rest.exchange.test")
        assert answers(client)
        (head,) = proxy.heads
        assert head.startswith("GET http://rest.exchange.test/fapi/v1/premiumIndex?symbol=BTCUSDT ")
        assert "proxy-authorization: basic bwu6c2vjcmv0" in head.lower()
        assert answers(group.client(server.url)), "this machine is reached directly"
        monkeypatch.setenv("no_proxy", ".exchange.test")
        assert not answers(client)
        assert len(proxy.heads) == 1


def test_tls_of_rest_goes_through_the_proxy(
    group: Group, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    certificate = unsigned_certificate(tmp_path)
    exchange = FakeExchange(lambda _request: reply(body=BODY), tls=certificate)
    with exchange, forward_proxy(exchange.port) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        client = group.client("https://127-0-0-1.exchange.test")
        assert "certificate" in str(failure(lambda: client.premium_index("BTCUSDT"))).lower()
        assert proxy.asked[0].startswith("CONNECT 127-0-0-1.exchange.test:443 HTTP/1.")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_proxy_that_is_silent_is_not_waited_for(
    group: Group, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    with forward_proxy(1) as proxy:
        proxy.answers = False
        monkeypatch.setenv(f"{scheme}_proxy", proxy.url)
        client = group.client(f"{scheme}://rest.exchange.test", timeout=0.4)
        assert type(failure(lambda: client.premium_index("BTCUSDT"))) is errors.RestUnreachable
        assert len(proxy.heads) == 1


@pytest.mark.parametrize(
    "turn",
    [hangs, trickles(b"", reply(body=BODY)), trickles(reply(body=BODY)[:-90], BODY[-90:])],
    ids=["silence", "a head that trickles", "a body that trickles"],
)
def test_no_answer_is_waited_for_longer_than_the_timeout(group: Group, turn: Turn) -> None:
    with scripted(turn, ANSWER) as server:
        left = [0.3, 20.0]
        client = group.client(server.url, timeout=lambda: left.pop(0))
        raised = failure(lambda: client.premium_index("BTCUSDT"))
        assert type(raised) is errors.RestUnreachable
        assert "timed out" in str(raised).lower()
        assert client.premium_index("BTCUSDT").symbol == "BTCUSDT"


def test_nobody_listens(group: Group) -> None:
    raised = failure(group.client(f"http://127.0.0.1:{free_port()}").server_time)
    assert type(raised) is errors.RestUnreachable
    assert "refused" in str(raised)


def test_a_host_that_has_no_address(group: Group) -> None:
    for host in ("nowhere.invalid", "a" * 70 + ".invalid", "a..b"):
        assert type(failure(group.client(f"http://{host}").server_time)) is errors.RestUnreachable


def test_no_tls_at_the_other_end(group: Group) -> None:
    with scripted(ANSWER) as server:
        url = server.url.replace("http:", "https:")
        raised = failure(group.client(url, timeout=0.3).server_time)
    assert type(raised) is errors.RestUnreachable


def test_a_compressed_reply(group: Group) -> None:
    packed = gzip.compress(BODY)
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
    with scripted(sends(huge), ANSWER) as server:
        client = group.client(server.url)
        raised = failure(client.premium_indices)
        assert (type(raised), str(raised)) == (
            errors.RestGarbled,
            "a reply of more than 100000 bytes",
        )
        assert client.premium_index("BTCUSDT").symbol == "BTCUSDT"


def test_one_connection_serves_many_calls(group: Group) -> None:
    with scripted(ANSWER) as server:
        client = group.client(server.url)
        for _ in range(5):
            client.premium_index("BTCUSDT")
        assert (server.connections, len(server.asked)) == (1, 5)
        client.close()
        client.premium_index("BTCUSDT")
        assert server.connections == 2
        client.close()


def test_a_hanging_resolver_delays_no_call(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    over, asked = threading.Event(), threading.Semaphore(0)

    def answer() -> list[Any]:
        asked.release()
        over.wait(WAIT_SECONDS)
        raise socket.gaierror("no answer")

    resolver(monkeypatch, answer)
    try:
        client = group.client("http://name.invalid", timeout=0.05)
        for _ in range(transport.MOST_ATTEMPTS):
            raised = failure(client.server_time)
            assert type(raised) is errors.RestUnreachable
            assert "timed out" in str(raised)
        refused = f"{transport.MOST_ATTEMPTS} connections are in the making already"
        assert refused in str(failure(client.server_time))
    finally:
        over.set()
    for _ in range(transport.MOST_ATTEMPTS):
        assert asked.acquire(timeout=WAIT_SECONDS)
    monkeypatch.undo()
    with scripted(ANSWER) as server:
        client = group.client(server.url)
        until(lambda: answers(client), "the attempts have ended")


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
        resolver(monkeypatch, lambda: [address] * 100)
        client, begin = group.client("http://name.invalid", timeout=0.3), time.monotonic()
        assert "timed out" in str(failure(client.server_time)).lower()
        assert time.monotonic() - begin < 15, "30 s, were there one timeout for each"


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
        theirs.settimeout(WAIT_SECONDS)
        assert theirs.recv(1) == b""
