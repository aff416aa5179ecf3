"""An open WebSocket against a server of raw bytes: messages, limits, and how it ends."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from funding.errors import ConnectFailed, ConnectionLost
from funding.ingest import websocket
from funding.ingest.websocket import MAX_MESSAGE, WebSocket
from harness.processes import WAIT_SECONDS, until
from tests.support.fake_exchange import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    FakeExchange,
    Peer,
    frame,
    silence,
    unsigned_certificate,
)
from tests.support.forward_proxy import forward_proxy

SYMBOL = '{"s":"币安人生USDT"}'.encode()


@contextmanager
def connected() -> Iterator[tuple[WebSocket, Peer]]:
    """An open connection, from both sides."""
    with FakeExchange() as exchange:
        connection = WebSocket(exchange.url, WAIT_SECONDS)
        connection.open()
        try:
            yield connection, exchange.peer()
        finally:
            connection.close()


def message(connection: WebSocket) -> bytes:
    """The next message, however often `receive` comes back without one."""
    received: list[bytes] = []

    def one() -> bool:
        data = connection.receive()
        if data is not None:
            received.append(data)
        return bool(received)

    until(one, "a message")
    return received[0]


def lost(connection: WebSocket) -> ConnectionLost:
    """How the connection ends."""
    with pytest.raises(ConnectionLost) as caught:
        until(lambda: connection.receive() is not None, "the end")
    return caught.value


def test_messages_of_every_length_form_arrive_whole_and_in_order() -> None:
    sizes = (0, 1, 125, 126, 65_535, 65_536)
    with connected() as (connection, peer):
        for opcode in (TEXT, BINARY):
            for size in sizes:
                peer.send(frame(opcode, b"x" * size))
                assert message(connection) == b"x" * size


def test_several_messages_in_one_packet_are_several_messages() -> None:
    with connected() as (connection, peer):
        peer.send(frame(TEXT, b"one"), frame(TEXT, b"two"), frame(BINARY, b"\xff\xfe"))
        assert [message(connection) for _ in range(3)] == [b"one", b"two", b"\xff\xfe"]


def test_fragments_are_joined_around_a_ping() -> None:
    with connected() as (connection, peer):
        peer.send(
            frame(TEXT, SYMBOL[:7], final=False),
            frame(CONTINUATION, SYMBOL[7:8], final=False),
            frame(PING, b"1764725610"),
            frame(CONTINUATION, SYMBOL[8:]),
            frame(TEXT, b"next"),
        )
        assert message(connection) == SYMBOL
        assert message(connection) == b"next"
        assert peer.read() == (PONG, b"1764725610")


def test_message_may_come_byte_by_byte() -> None:
    with connected() as (connection, peer):
        peer.pour(frame(TEXT, SYMBOL * 20) + frame(TEXT, b"next"), 1)
        assert message(connection) == SYMBOL * 20
        assert message(connection) == b"next"


def test_silence_within_a_message_loses_nothing() -> None:
    whole = frame(TEXT, SYMBOL)
    with connected() as (connection, peer):
        peer.send(whole[:9])
        assert connection.receive() is None
        peer.send(whole[9:])
        assert message(connection) == SYMBOL


def test_ping_is_answered_and_is_not_a_message() -> None:
    with connected() as (connection, peer):
        peer.send(frame(PING, b"1764725610000"))
        assert connection.receive() is None
        assert peer.read() == (PONG, b"1764725610000")
        peer.send(frame(PONG))
        assert connection.receive() is None


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"", "closed without a code"),
        ((1001).to_bytes(2, "big"), "closed with code 1001"),
        ((1008).to_bytes(2, "big") + b"Too many requests", "closed with code 1008: Too many re"),
        ((1013).to_bytes(2, "big") + "稍后再试".encode(), "closed with code 1013: 稍后再试"),
        ((1000).to_bytes(2, "big") + b"not \xff UTF-8", "closed with code 1000: not � UTF-8"),
    ],
)
def test_close_frame_ends_the_connection_with_its_reason(payload: bytes, words: str) -> None:
    with connected() as (connection, peer):
        peer.send(frame(TEXT, b"last"), frame(CLOSE, payload))
        assert message(connection) == b"last"
        error = lost(connection)
        assert error.kind == "closed"
        assert str(error).startswith(words)
        assert peer.read()[0] == CLOSE


@pytest.mark.parametrize(
    "data",
    [
        frame(0x3, b"an opcode that does not exist"),
        frame(TEXT, b"a reserved bit", reserved=4),
        frame(CONTINUATION, b"of nothing"),
        frame(TEXT, b"one", final=False) + frame(TEXT, b"another before its end"),
        frame(PING, b"x", final=False),
        frame(CLOSE, b"\x03"),
        frame(CLOSE, (1005).to_bytes(2, "big")),
        b"HTTP/1.1 400 Bad Request\r\n" + b"x" * 100,
    ],
)
def test_bytes_that_are_not_websocket_end_the_connection(data: bytes) -> None:
    with connected() as (connection, peer):
        peer.send(data)
        assert lost(connection).kind == "lost"


@pytest.mark.parametrize("end", [Peer.close, Peer.reset])
def test_end_without_a_close_frame_is_a_loss(end: Callable[[Peer], None]) -> None:
    with connected() as (connection, peer):
        peer.send(frame(TEXT, b"half a message")[:5])
        assert connection.receive() is None
        end(peer)
        error = lost(connection)
        assert error.kind == "lost"
        assert len(str(error).splitlines()) == 1


def test_messages_near_the_limit_pass_again_and_again() -> None:
    large = b"x" * (MAX_MESSAGE - 100_000)
    with connected() as (connection, peer):
        peer.pour(frame(TEXT, large) + frame(PING) + frame(BINARY, large) + frame(TEXT, b"next"))
        assert [len(message(connection)) for _ in range(3)] == [len(large), len(large), 4]


@pytest.mark.parametrize("parts", [1, 9])
def test_message_beyond_the_limit_is_refused(parts: int) -> None:
    size = 9 * 1024 * 1024 // parts
    with connected() as (connection, peer):
        frames = [frame(TEXT, b"x" * size, final=False)]
        frames += [frame(CONTINUATION, b"x" * size, final=False)] * (parts - 1)
        peer.pour(b"".join(frames))
        error = lost(connection)
        assert error.kind == "oversize"
        assert str(MAX_MESSAGE) in str(error)


def test_header_that_promises_too_much_costs_no_memory() -> None:
    with connected() as (connection, peer):
        peer.send(frame(TEXT)[:1] + b"\x7f" + (2**62).to_bytes(8, "big") + b"few")
        assert connection.receive() is None


def test_the_limit_is_eight_megabytes() -> None:
    assert MAX_MESSAGE == 8 * 1024 * 1024


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"])
def test_proxy_is_not_used_for_a_loopback_address(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeExchange(silence) as proxy:
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        with connected() as (connection, peer):
            peer.send(frame(TEXT, b"directly"))
            assert message(connection) == b"directly"
        assert proxy.connections == 0


@pytest.mark.parametrize("name", ["http_proxy", "all_proxy"])
def test_stream_goes_through_the_proxy_which_resolves_its_host(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeExchange() as exchange, forward_proxy(exchange.port) as proxy:
        monkeypatch.setenv(name, proxy.url.replace("//", "//me:secret@"))
        connection = WebSocket("ws://stream.exchange.test/market/stream", WAIT_SECONDS)
        connection.open()
        exchange.peer().send(frame(TEXT, b"through the proxy"))
        assert message(connection) == b"through the proxy"
        connection.close()
        assert proxy.asked == ["CONNECT stream.exchange.test:80 HTTP/1.1"]
        assert "Proxy-Authorization: Basic bWU6c2VjcmV0" in proxy.heads[0]
        monkeypatch.setenv("NO_PROXY", "exchange.test")
        with pytest.raises(ConnectFailed) as caught:
            WebSocket("ws://stream.exchange.test/market/stream", WAIT_SECONDS).open()
        assert caught.value.kind == "dns"


def test_tls_goes_through_the_proxy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    exchange = FakeExchange(tls=unsigned_certificate(tmp_path))
    with exchange, forward_proxy(exchange.port) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        with pytest.raises(ConnectFailed) as caught:
            WebSocket("wss://stream.exchange.test/market/stream", WAIT_SECONDS).open()
        assert caught.value.kind == "tls"
        assert proxy.asked == ["CONNECT stream.exchange.test:443 HTTP/1.1"]


def test_the_request_names_host_and_path() -> None:
    with connected() as (_, peer):
        first, *headers = peer.request.decode("ascii").split("\r\n")
        assert first == "GET /market/stream HTTP/1.1"
        assert any(header.startswith("Host: 127.0.0.1:") for header in headers)


def test_abort_from_another_thread_ends_a_blocked_receive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "_RECEIVE_SECONDS", WAIT_SECONDS)
    with connected() as (connection, peer), ThreadPoolExecutor(1) as thread:
        receiving = thread.submit(connection.receive)
        peer.send(frame(PING)[:1])
        connection.abort()
        error = receiving.exception(WAIT_SECONDS / 2)
    assert isinstance(error, ConnectionLost)
    assert error.kind == "lost"


def test_close_sends_a_close_frame_and_waits_for_no_answer() -> None:
    with connected() as (connection, peer):
        connection.close()
        assert peer.read() == (CLOSE, (1000).to_bytes(2, "big"))
        assert peer.at_end()
        connection.close()
        connection.abort()


def test_close_and_abort_before_open_do_nothing() -> None:
    connection = WebSocket("ws://127.0.0.1:1/ws", 1.0)
    connection.abort()
    connection.close()


def test_bytes_of_an_unfinished_message_are_counted() -> None:
    whole = frame(TEXT, b"x" * 1_000)
    with connected() as (connection, peer):
        assert connection.unfinished() == 0
        peer.send(whole[:600])
        until(lambda: connection.receive() is None and connection.unfinished() == 600, "a part")
        peer.send(whole[600:])
        message(connection)
        assert connection.unfinished() == 0
        peer.send(frame(PING, b"hello"), frame(TEXT, b"y"))
        assert message(connection) == b"y"
        peer.send(frame(PING, b"hello"))
        assert connection.receive() is None
        assert connection.unfinished() == 0
    assert WebSocket("ws://127.0.0.1:1/", 1.0).unfinished() == 0


def test_pings_do_not_hide_the_size_of_a_message() -> None:
    with connected() as (connection, peer):
        peer.send(frame(TEXT, b"x" * 500, final=False), frame(PING, b"hello"))
        assert connection.receive() is None
        assert connection.unfinished() == len(frame(TEXT, b"x" * 500, final=False))
