"""The server around an application of the test's own: clients that are slow, many, hurried."""

import logging
import os
import resource
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from funding.api.server import connection, loop
from funding.api.server.loop import Server
from tests.support.processes import ask, connect, receive, to_the_end, until

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

LARGE = 16_000_000
"""Bytes: more than the kernel keeps for a client that does not read."""


class Application:
    """Answers /N with N bytes, and counts."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.endless = False

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        self.asked.append(path)
        if path == "/defect":
            raise RuntimeError("a defect")
        if path == "/later":
            start_response("200 OK", [("Content-Length", "5")])(b"par")
            raise RuntimeError("a defect")
        body = b"x" * int(path[1:])
        length = [] if self.endless else [("Content-Length", str(len(body)))]
        start_response("200 OK", [("Content-Type", "text/plain"), *length])
        return [body]


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
def own(short_path: Path) -> Iterator[socket.socket]:
    """A listening unix socket."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(short_path / "own.sock"))
        listening.listen()
        yield listening


@contextmanager
def serving(application: Application, own: socket.socket | None = None) -> Iterator[Server]:
    """A running server."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(512)
        server = Server(application, listening, own)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            if not server.draining:
                server.stop()
            thread.join(30)
        assert not thread.is_alive()


@pytest.fixture
def server(application: Application, own: socket.socket) -> Iterator[Server]:
    with serving(application, own) as running:
        yield running


@pytest.fixture
def port(server: Server) -> int:
    """Where the application is served."""
    return server.effective_port


def request(path: str, *headers: str, version: str = "1.1") -> bytes:
    return "\r\n".join([f"GET {path} HTTP/{version}", "Host: x", *headers, "", ""]).encode()


def lengths(client: socket.socket, count: int) -> list[int]:
    """Those of the bodies of the next `count` answers, which may come together."""
    found = []
    with client.makefile("rb") as stream:
        for _ in range(count):
            assert stream.readline() == b"HTTP/1.1 200 OK\r\n"
            headers = dict(line.split(b": ") for line in iter(stream.readline, b"\r\n"))
            found.append(int(headers[b"Content-Length"]))
            assert stream.read(found[-1]) == b"x" * found[-1]
    return found


def test_requests_sent_at_once_are_answered_in_their_order(port: int) -> None:
    sizes = [3, 100_000, 0, 7, *range(50)]
    with connect(port) as client:
        client.sendall(b"".join(request(f"/{size}") for size in sizes))
        assert lengths(client, len(sizes)) == sizes
        for _ in range(2):
            client.sendall(request("/1") + request("/2"))
            assert lengths(client, 2) == [1, 2]


def test_every_answer_has_the_date(port: int) -> None:
    for path in ("/1", "/2", "/defect"):
        date = parsedate_to_datetime(ask(port, path).headers["date"])
        assert abs(date.timestamp() - time.time()) < 3


def test_a_request_in_parts_is_one(port: int, application: Application) -> None:
    with connect(port) as client:
        for byte in b"\r\n" + request("/5") + request("/6"):
            client.sendall(bytes([byte]))
        assert lengths(client, 2) == [5, 6]
    assert application.asked == ["/5", "/6"]


def test_blank_lines_are_no_request(port: int, application: Application) -> None:
    with connect(port) as client:
        client.sendall(b"\r\n\r\n" + request("/1") + b"\r\n\r\n")
        assert lengths(client, 1) == [1]
        client.sendall(request("/2"))
        assert lengths(client, 1) == [2]


def test_the_last_part_of_a_request_is_none(server: Server, port: int) -> None:
    with connect(port) as client:
        client.sendall(b"GET /5 HTTP/1.1\r\n")
        until(lambda: any(each.busy for each in list(server._clients)), "a part is taken")
        client.sendall(b"Host: x\r\n\r\n")
        assert receive(client).status == 200
    with connect(port) as client:
        client.sendall(b"Host: x\r\n\r\n")
        assert receive(client).status == 400


def test_who_does_not_read_is_answered_no_further_and_holds_nobody_up(
    port: int, application: Application
) -> None:
    with connect(port) as slow:
        slow.sendall(request(f"/{LARGE}") * 4)
        until(lambda: application.asked, "the first of its requests")
        for _ in range(20):
            assert ask(port, "/10").body == b"x" * 10
        assert application.asked.count(f"/{LARGE}") == 1
        assert lengths(slow, 4) == [LARGE] * 4
    assert application.asked.count(f"/{LARGE}") == 4


def test_who_asks_for_much_at_once_lets_others_between(port: int, application: Application) -> None:
    with connect(port) as greedy, connect(port) as other:
        greedy.sendall(request("/3") * 300)
        other.sendall(request("/4"))
        assert len(receive(other).body) == 4
        assert lengths(greedy, 300) == [3] * 300
    assert application.asked.index("/4") < 290


def test_who_leaves_before_its_answer_is_forgotten(port: int, application: Application) -> None:
    for _ in range(20):
        with connect(port) as client:
            client.sendall(request(f"/{LARGE}"))
    until(lambda: len(application.asked) >= 20 or None, "all were taken")
    assert ask(port, "/1").status == 200


@pytest.mark.parametrize(
    ("version", "headers", "stays"),
    [
        ("1.1", [], True),
        ("1.1", ["Connection: close"], False),
        ("1.1", ["Connection: Close"], False),
        ("1.0", [], False),
        ("1.0", ["Connection: keep-alive"], True),
    ],
)
def test_a_connection_stays_as_asked(
    port: int, version: str, headers: list[str], stays: bool
) -> None:
    with connect(port) as client:
        for _ in range(3 if stays else 1):
            client.sendall(request("/5", *headers, version=version))
            answer = receive(client)
            assert len(answer.body) == 5
            told = answer.headers.get("connection", "keep-alive").lower()
            assert told == ("keep-alive" if stays else "close")
        if not stays:
            assert to_the_end(client) == b""


def test_a_body_without_a_length_ends_with_the_connection(
    port: int, application: Application
) -> None:
    application.endless = True
    with connect(port) as client:
        client.sendall(request("/5"))
        answer = to_the_end(client)
    assert b"Connection: close\r\n" in answer
    assert answer.endswith(b"\r\n\r\nxxxxx")


@pytest.mark.parametrize("more", ["Content-Length: 5", "Transfer-Encoding: chunked"])
def test_nobody_is_told_to_go_on_with_a_body(port: int, more: str) -> None:
    with connect(port) as client:
        client.sendall(request("/1", "Expect: 100-continue", more))
        assert receive(client).status == 413
        assert to_the_end(client) == b""


@pytest.mark.parametrize("path", ["/defect", "/later"])
def test_a_defect_ends_one_connection_and_no_more(
    port: int, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    with connect(port) as client:
        client.sendall(request(path))
        answer = receive(client)
        assert (answer.status, answer.json) == (500, {"error": "internal server error"})
        assert to_the_end(client) == b""
    (record,) = (record for record in caplog.records if record.levelno == logging.ERROR)
    assert record.getMessage() == f"no answer to {path}"
    assert ask(port, "/1").status == 200
    assert ask(port, path).status == 500


def test_with_too_many_clients_the_next_waits_and_the_watchdog_does_not(
    application: Application, own: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "MAX_CLIENTS", 5)
    monkeypatch.setattr(loop, "SWEEP_SECONDS", 3_600.0)
    with serving(application, own) as server, ExitStack() as stack:
        port = server.effective_port
        clients = [stack.enter_context(connect(port)) for _ in range(5)]
        for client in clients:
            client.sendall(request("/1"))
            assert receive(client).status == 200
        waiting = stack.enter_context(connect(port))
        waiting.sendall(request("/2"))
        with socket.socket(socket.AF_UNIX) as watchdog:
            watchdog.settimeout(30)
            watchdog.connect(own.getsockname())
            watchdog.sendall(request("/3"))
            assert receive(watchdog).body == b"xxx"
        clients[0].sendall(request("/4"))
        assert receive(clients[0]).body == b"xxxx"
        waiting.setblocking(False)
        with pytest.raises(BlockingIOError):
            waiting.recv(1)
        waiting.settimeout(30)
        clients.pop().close()
        assert receive(waiting).body == b"xx"


def test_who_is_silent_for_long_is_left(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "IDLE_SECONDS", 0.0)
    monkeypatch.setattr(loop, "SWEEP_SECONDS", 0.0)
    with connect(port) as silent, connect(port) as slow:
        silent.sendall(b"GET / HTTP/1.1\r\n")
        slow.sendall(request(f"/{LARGE}"))
        assert to_the_end(silent) == b""
        assert len(to_the_end(slow)) < LARGE


def test_who_sends_a_request_byte_by_byte_is_silent(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a few hundred such clients, a byte each in half a minute, kept all others out for good."""
    seconds = iter(range(1_000))
    monkeypatch.setattr(connection, "monotonic", lambda: next(seconds))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        client = connection.Connection(server, ours, ("localhost", 0))
        seen = []
        for byte in request("/1"):
            theirs.send(bytes([byte]))
            client.advance()
            seen.append(client.active_at)
        assert receive(theirs).body == b"x"
        assert seen == [1] * (len(seen) - 1) + [2]


def test_too_many_clients_are_told_of_seldom(
    application: Application, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(loop, "MAX_CLIENTS", 1)
    with serving(application) as server:
        for _ in range(20):
            assert ask(server.effective_port, "/1").status == 200
    assert caplog.text.count("no more are taken") == 1


def test_what_is_asked_again_is_parsed_anew_only_where_it_differs(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many requests there are, few are kept."""
    monkeypatch.setattr(connection, "_SEEN_REQUESTS", 3)
    monkeypatch.setattr(connection, "_seen", {})
    with connect(port) as client:
        for size in (1, 2, 3, 4, 5, 1, 2, 1, 1, 5, 9):
            client.sendall(request(f"/{size}"))
            assert len(receive(client).body) == size
            assert len(connection._seen) <= 3
        client.sendall(request("/1", "X: " + "y" * 2_000))
        assert receive(client).status == 200
        client.sendall(b"POST /1 HTTP/1.1\r\nContent-Length: 3\r\n\r\n")
        assert receive(client).status == 413
    assert request("/9") in connection._seen
    assert all(len(data) <= 1_000 and b"POST" not in data for data in connection._seen)


def test_in_the_drain_answers_end_their_connections(application: Application) -> None:
    with serving(application) as server, connect(server.effective_port) as client:
        client.sendall(request("/1"))
        assert "connection" not in receive(client).headers
        server.stop()
        client.sendall(request("/1"))
        assert receive(client).headers["connection"] == "close"
        assert to_the_end(client) == b""


def test_a_stop_is_heeded_by_who_waits(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "TURN_SECONDS", 3_600.0)
    with serving(application) as server:
        assert ask(server.effective_port, "/1").status == 200
        until(lambda: not server._clients, "nobody is there")


def test_a_stop_that_comes_again_or_too_late_does_nothing(application: Application) -> None:
    with serving(application) as server:
        for _ in range(2_000):  # more than the pair of sockets holds
            server.stop()
    server.stop()


def test_the_drain_waits_for_who_reads_slowly(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "ON_THE_WAY_SECONDS", 0.0)
    with serving(application) as server, connect(server.effective_port) as client:
        client.sendall(request(f"/{LARGE}"))
        until(lambda: application.asked, "it is taken")
        server.stop()
        assert lengths(client, 1) == [LARGE]


@contextmanager
def one_descriptor_left() -> Iterator[None]:
    """For this process, until the block ends."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = [os.dup(0)]
    most = max(int(each.name) for each in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (most + 1, limits[1]))
    try:
        with suppress(OSError):
            while True:
                taken.append(os.dup(0))
        os.close(taken.pop())
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for each in taken:
            os.close(each)


@pytest.mark.parametrize("at_own", [False, True])
def test_a_client_without_a_descriptor_for_it_waits(
    application: Application,
    own: socket.socket,
    at_own: bool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is not tried again in every turn: each would be told, and take a core."""
    monkeypatch.setattr(loop, "SWEEP_SECONDS", 3_600.0)
    monkeypatch.setattr(loop, "TELL_SECONDS", 0.0)
    with (
        serving(application, own) as server,
        connect(server.effective_port) as first,
        ExitStack() as stack,
    ):
        first.sendall(request("/1"))
        assert receive(first).status == 200
        with one_descriptor_left():
            second = stack.enter_context(
                socket.socket(socket.AF_UNIX if at_own else socket.AF_INET)
            )
            second.settimeout(30)
            second.connect(own.getsockname() if at_own else ("127.0.0.1", server.effective_port))
            until(lambda: "no client can be taken" in caplog.text, "it is said")
            for _ in range(20):
                first.sendall(request("/2"))
                assert receive(first).body == b"xx"
        first.close()
        second.sendall(request("/3"))
        assert receive(second).body == b"xxx"
    assert caplog.text.count("no client can be taken") == 1
