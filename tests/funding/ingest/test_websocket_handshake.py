"""WebSockets that do not come up: refusals, redirects, rubbish, silence, DNS and TLS."""

import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path

import pytest

from funding.errors import ConnectFailed
from funding.ingest.websocket import WebSocket
from harness.processes import WAIT_SECONDS
from tests.conftest import free_port
from tests.support.fake_exchange import (
    FakeExchange,
    silence,
    status,
    unsigned_certificate,
)


def refused(exchange: FakeExchange, timeout: float = WAIT_SECONDS) -> ConnectFailed:
    """How the connection fails to come up."""
    with exchange, pytest.raises(ConnectFailed) as caught:
        WebSocket(exchange.url, timeout).open()
    return caught.value


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("429 Too Many Requests", "rate-limited"),
        ("418 I'm a teapot", "rate-limited"),
        ("403 Forbidden", "restricted"),
        ("451 Unavailable For Legal Reasons", "restricted"),
        ("200 OK", "handshake"),
        ("400 Bad Request", "handshake"),
        ("503 Service Unavailable", "handshake"),
    ],
)
def test_refused_handshake_has_its_kind(line: str, kind: str) -> None:
    error = refused(FakeExchange(status(line)))
    assert (error.kind, error.retry_after_seconds) == (kind, 0.0)
    assert str(error) == f"status {line[:3]}"


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        ("7", 7, 7),
        ("0", 0, 0),
        (formatdate(time.time() + 3_600, usegmt=True), 3_000, 3_600),
        (formatdate(time.time() - 3_600, usegmt=True), 0, 0),
        ("-5", 0, 0),
        ("1e3", 0, 0),
        ("７", 0, 0),
        ("soon", 0, 0),
        ("9" * 400, 3_600, 3_600),
        ("Thu, 31 Dec 2099 23:59:59 GMT", 3_600, 3_600),
        ("Fri, 99 Foo 99999 99:99:99 GMT", 0, 0),
    ],
    ids=[str(n) for n in range(11)],
)
def test_retry_after_is_a_number_or_a_date(header: str, low: float, high: float) -> None:
    error = refused(FakeExchange(status("429 Too Many Requests", f"Retry-After: {header}")))
    assert error.kind == "rate-limited"
    assert low <= error.retry_after_seconds <= high
    assert ("asks for a pause of" in str(error)) == (high > 0)


def test_wait_is_read_from_the_body_of_a_refusal() -> None:
    said = b'{"parameters":{"retry_after":35}}'
    head = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: %d\r\n\r\n" % len(said)
    assert refused(FakeExchange(lambda _request: head + said)).retry_after_seconds == 35


@pytest.mark.parametrize("line", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"])
def test_redirect_is_not_followed(line: str) -> None:
    with FakeExchange() as target:
        error = refused(FakeExchange(status(line, f"Location: {target.url}")))
        assert error.kind == "handshake"
        assert target.connections == 0


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\0\xff\xfe" * 50 + b"\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 503 Down\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
    ],
)
def test_answer_that_is_not_a_handshake_is_a_failure(answer: bytes) -> None:
    with FakeExchange(lambda _request: answer) as exchange:
        connection = WebSocket(exchange.url, WAIT_SECONDS)
        with ThreadPoolExecutor(1) as thread:
            opening = thread.submit(connection.open)
            exchange.peer().close()
            error = opening.exception(WAIT_SECONDS)
    assert isinstance(error, ConnectFailed)
    assert error.kind == "handshake"
    assert len(str(error)) <= 200


def test_server_that_hangs_up_at_once_is_a_failed_handshake() -> None:
    with FakeExchange(silence) as exchange:
        connection = WebSocket(exchange.url, WAIT_SECONDS)
        with ThreadPoolExecutor(1) as thread:
            opening = thread.submit(connection.open)
            exchange.peer().reset()
            error = opening.exception(WAIT_SECONDS)
    assert isinstance(error, ConnectFailed)
    assert error.kind == "handshake"


def test_unanswered_handshake_is_given_up() -> None:
    assert refused(FakeExchange(silence), timeout=0.2).kind == "timeout"


def test_port_without_a_listener_is_refused() -> None:
    with pytest.raises(ConnectFailed) as caught:
        WebSocket(f"ws://127.0.0.1:{free_port()}/ws", WAIT_SECONDS).open()
    assert caught.value.kind == "refused"


def test_unknown_host_name_is_a_dns_failure() -> None:
    with pytest.raises(ConnectFailed) as caught:
        WebSocket("ws://no-such-host.invalid/ws", WAIT_SECONDS).open()
    assert caught.value.kind == "dns"


def test_plain_bytes_where_tls_is_expected_are_a_tls_failure() -> None:
    plain = FakeExchange(lambda _request: b"HTTP/1.1 400 Bad Request\r\n\r\n", reads_request=False)
    assert plain.url.startswith("wss:")
    assert refused(plain).kind == "tls"


def test_unanswered_tls_handshake_is_given_up() -> None:
    with ThreadPoolExecutor(1) as thread, FakeExchange(silence, reads_request=False) as exchange:
        opening = thread.submit(WebSocket(exchange.url, 0.2).open)
        error = opening.exception(WAIT_SECONDS)
    assert isinstance(error, ConnectFailed)
    assert error.kind == "timeout"


def test_unsigned_certificate_is_a_tls_failure(tmp_path: Path) -> None:
    error = refused(FakeExchange(tls=unsigned_certificate(tmp_path)))
    assert error.kind == "tls"
    assert "certificate" in str(error)


def test_abort_from_another_thread_ends_a_blocked_handshake() -> None:
    with FakeExchange(silence) as exchange, ThreadPoolExecutor(1) as thread:
        connection = WebSocket(exchange.url, WAIT_SECONDS)
        opening = thread.submit(connection.open)
        exchange.peer()
        connection.abort()
        error = opening.exception(WAIT_SECONDS / 2)
    assert isinstance(error, ConnectFailed)
    assert error.kind != "timeout"
