"""Calls to backends over real sockets: every failure is a PostError without any secret."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from email.utils import formatdate
from typing import Any

import pytest

from funding.errors import PostError
from funding.notify.backend import MAX_BODY, BackendClient
from harness.processes import WAIT_SECONDS
from tests.conftest import free_port
from tests.support.fake_backend import KEY, TOKEN, FakeBackend, NoWaits, serving
from tests.support.forward_proxy import forward_proxy

SHORT_SECONDS = 0.5


@pytest.fixture
def far() -> Iterator[FakeBackend]:
    with serving() as made:
        yield made


@pytest.fixture
def backend() -> Iterator[BackendClient]:
    with closing(BackendClient(WAIT_SECONDS, waits=NoWaits())) as made:
        yield made


def test_post_arrives_as_it_is(far: FakeBackend, backend: BackendClient) -> None:
    headers = {"X-API-Key": KEY, "Idempotency-Key": "k"}
    reply = backend.post(f"{far.address}/path", headers, '{"a":"币"}'.encode())
    assert reply.status == 200
    (seen,) = far.seen
    assert (seen.path, seen.body) == ("/path", {"a": "币"})
    assert seen.headers["x-api-key"] == KEY
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["user-agent"] == "funding"


@pytest.mark.parametrize("status", [201, 302, 400, 401, 429, 500, 503])
def test_every_status_is_an_answer_and_no_redirect_is_followed(
    far: FakeBackend, backend: BackendClient, status: int
) -> None:
    far.answer = status
    far.headers = {"Location": f"{far.address}/elsewhere", "Retry-After": "7"}
    reply = backend.post(f"{far.address}/path", {"X-API-Key": KEY}, b"{}")
    assert (reply.status, reply.retry_after) == (status, 7)
    assert [seen.path for seen in far.seen] == ["/path"]


@pytest.mark.parametrize("text", ["", "soon", "-1", "Wed, 21 Oct 2015 07:28:00 GMT", "٣"])
def test_retry_after_that_asks_for_nothing_is_zero(
    far: FakeBackend, backend: BackendClient, text: str
) -> None:
    far.headers = {"Retry-After": text.encode("utf-8").decode("latin-1")}
    assert backend.get(far.address, {}).retry_after == 0


def test_retry_after_may_be_a_date(far: FakeBackend, backend: BackendClient) -> None:
    far.headers = {"Retry-After": formatdate(time.time() + 3_600, usegmt=True)}
    assert 3_000 < backend.get(far.address, {}).retry_after <= 3_600


def test_retry_after_may_be_in_the_body_as_telegram_says_it(
    far: FakeBackend, backend: BackendClient
) -> None:
    far.answer, far.says = 429, {"parameters": {"retry_after": 35}}
    assert backend.post(far.address, {"X-API-Key": KEY}, b"{}").retry_after == 35


@pytest.mark.parametrize("seconds", [0.6, WAIT_SECONDS], ids=["slow", "hangs"])
def test_nothing_is_sent_after_a_resolver_that_took_all_the_time(
    far: FakeBackend, backend: BackendClient, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backend would have the post without anybody waiting for its answer, and get it twice."""
    resolve, over = socket.getaddrinfo, threading.Event()

    def slow(*arguments: Any, **named: Any) -> Any:
        over.wait(seconds)
        return resolve(*arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    backend.timeout = SHORT_SECONDS
    begun = time.monotonic()
    with pytest.raises(PostError, match="ConnectTimeoutError"):
        backend.post(far.address, {"X-API-Key": KEY}, b"{}")
    assert time.monotonic() - begun < WAIT_SECONDS / 2
    over.set()
    monkeypatch.undo()
    backend.timeout = WAIT_SECONDS
    assert backend.get(far.address, {}).status == 404
    assert far.seen == []


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """The address of a server that sends these bytes to its first client, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.recv(65_536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def message(caught: pytest.ExceptionInfo[PostError]) -> str:
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


def test_silence_and_refused_connections_are_errors_without_the_address(
    far: FakeBackend, backend: BackendClient
) -> None:
    far.answer, backend.timeout = "hang", SHORT_SECONDS
    for port in (far.port, free_port()):
        with pytest.raises(PostError) as caught:
            backend.post(f"http://127.0.0.1:{port}/bot{TOKEN}/sendMessage", {}, b"{}")
        assert TOKEN not in message(caught)


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"rubbish\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1) + b" " * (MAX_BODY + 1),
    ],
    ids=["nothing", "rubbish", "cut", "chunks", "too long"],
)  # fmt: skip
def test_incomplete_answer_is_an_error(backend: BackendClient, answer: bytes) -> None:
    with answering(answer) as address, pytest.raises(PostError) as caught:
        backend.get(f"{address}/bot{TOKEN}", {})
    assert TOKEN not in message(caught)


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 10\r\n\r\nshort",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi",
        b"Content-Length: %d\r\n\r\n" % (MAX_BODY + 1) + b" " * (MAX_BODY + 1),
    ],
    ids=["cut", "chunks", "not packed", "too long"],
)
def test_status_alone_answers_a_post(backend: BackendClient, rest: bytes) -> None:
    """The backend has taken it: counted as a failure, it would be sent again and again."""
    with answering(b"HTTP/1.1 201 Created\r\nRetry-After: 7\r\n" + rest) as address:
        assert backend.post(address, {}, b"{}") == (201, 7, b"")
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as address:
        assert backend.post(address, {}, b"{}").status == 200


def test_backend_is_reached_through_the_proxy(
    far: FakeBackend, backend: BackendClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with forward_proxy(far.port) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        reply = backend.post("http://backend.test/path", {"X-API-Key": KEY}, b"{}")
        assert reply.status == 200
        assert proxy.asked == ["POST http://backend.test/path HTTP/1.1"]
        assert backend.post(far.address, {"X-API-Key": KEY}, b"{}").status == 200
        assert len(proxy.asked) == 1


def test_key_that_cannot_be_a_header_is_an_error_without_the_key(
    far: FakeBackend, backend: BackendClient
) -> None:
    with pytest.raises(PostError) as caught:
        backend.post(far.address, {"X-API-Key": "hunter2\r\nX: y"}, b"{}")
    assert "hunter2" not in message(caught)


def test_library_does_not_log_the_path_with_the_token(
    far: FakeBackend, backend: BackendClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        backend.post(f"{far.address}/bot{TOKEN}/sendMessage", {}, b'{"text":"x"}')
    assert TOKEN not in caplog.text


def test_library_does_not_log_the_path_when_headers_cannot_be_read(
    backend: BackendClient, caplog: pytest.LogCaptureFixture
) -> None:
    """It would log a warning with the whole address and a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nno header\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}/bot{TOKEN}/sendMessage"
        with caplog.at_level(logging.DEBUG):
            assert backend.post(address, {}, b"{}").status == 200
        thread.join()
    assert TOKEN not in caplog.text
