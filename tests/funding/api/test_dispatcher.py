"""How one request is answered: its parts, its order, its thread, and what waitress does else."""

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from email.utils import parsedate_to_datetime
from types import SimpleNamespace

import pytest

from funding.api import dispatcher
from funding.api.dispatcher import THREADS, Channel
from funding.api.server import Server
from harness.http_client import ask, connect, receive, to_the_end
from harness.processes import WAIT_SECONDS, until
from tests.support.http_server import LARGE, Application, channels, lengths, request

# Requests and answers


def test_pipelined_requests_are_answered_in_their_order(port: int) -> None:
    sizes = [3, 100_000, 0, 7, *range(50)]
    with connect(port) as client:
        client.sendall(b"".join(request(f"/{size}") for size in sizes))
        assert lengths(client, len(sizes)) == sizes
        for _ in range(2):
            client.sendall(request("/1") + request("/2"))
            assert lengths(client, 2) == [1, 2]


def test_an_answer_is_sent_in_one_piece(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bytes] = []
    send = Channel.send

    def recorded(channel: Channel, data: bytes, do_close: bool = True) -> int:
        sent.append(data)
        return int(send(channel, data, do_close))

    monkeypatch.setattr(Channel, "send", recorded)
    assert ask(port, "/5").body == b"xxxxx"
    (piece,) = sent
    assert piece.endswith(b"\r\n\r\nxxxxx")


def test_every_answer_has_the_date(port: int) -> None:
    for path in ("/1", "/2", "/defect"):
        date = parsedate_to_datetime(ask(port, path).headers["date"])
        assert abs(date.timestamp() - time.time()) < WAIT_SECONDS


def test_a_request_in_parts_is_one(port: int, application: Application) -> None:
    with connect(port) as client:
        for byte in b"\r\n" + request("/5") + request("/6"):
            client.sendall(bytes([byte]))
        assert lengths(client, 2) == [5, 6]
    assert application.asked == ["/5", "/6"]


def test_blank_lines_are_not_a_request(port: int, application: Application) -> None:
    with connect(port) as client:
        client.sendall(b"\r\n\r\n" + request("/1") + b"\r\n\r\n")
        assert lengths(client, 1) == [1]
        client.sendall(request("/2"))
        assert lengths(client, 1) == [2]


def test_the_last_part_of_a_request_is_not_a_request(server: Server, port: int) -> None:
    with connect(port) as client:
        client.sendall(b"GET /5 HTTP/1.1\r\n")
        until(lambda: any(each.request for each in channels(server)), "a part is received")
        client.sendall(b"Host: x\r\n\r\n")
        assert receive(client).status == 200
    with connect(port) as client:
        client.sendall(b"Host: x\r\n\r\n")
        assert receive(client).status == 400


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


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_body_without_a_length_ends_with_the_connection(
    port: int, application: Application, version: str
) -> None:
    application.endless = True
    with connect(port) as client:
        client.sendall(request("/5", version=version))
        answer = receive(client)
        assert answer.headers["connection"] == "close"
        assert answer.body == b"xxxxx"
        assert to_the_end(client) == b""


@pytest.mark.parametrize("more", ["Content-Length: 5", "Transfer-Encoding: chunked"])
def test_no_client_is_told_to_continue_with_a_body(port: int, more: str) -> None:
    with connect(port) as client:
        client.sendall(request("/1", "Expect: 100-continue", more))
        assert receive(client).status == 413
        assert to_the_end(client) == b""


def errors_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]


def test_a_defect_ends_one_connection_only(port: int, caplog: pytest.LogCaptureFixture) -> None:
    with connect(port) as client:
        client.sendall(request("/defect"))
        answer = receive(client)
        assert (answer.status, answer.json) == (500, {"error": "internal server error"})
        assert to_the_end(client) == b""
    assert errors_in(caplog) == ["Exception while serving /defect"]
    assert ask(port, "/1").status == 200
    assert ask(port, "/defect").status == 500


def test_a_defect_after_the_header_cuts_the_answer_short(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    with connect(port) as client:
        client.sendall(request("/later"))
        assert to_the_end(client).endswith(b"\r\n\r\npar")
    assert errors_in(caplog) == ["Exception while serving /later"]
    assert ask(port, "/1").status == 200


def test_a_defect_of_the_server_ends_one_connection_only(
    port: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Channel, "task_class", None)
        with connect(port) as client:
            client.sendall(request("/1"))
            assert to_the_end(client) == b""
    assert "uncaptured python exception" in caplog.text
    assert ask(port, "/1").status == 200


# Slow and greedy clients


def test_a_client_that_does_not_read_delays_nobody(port: int, application: Application) -> None:
    with connect(port) as slow:
        slow.sendall(request(f"/{LARGE}") * 4)
        until(lambda: application.asked, "the first of its requests")
        for _ in range(20):
            assert ask(port, "/10").body == b"x" * 10
        assert application.asked.count(f"/{LARGE}") == 1
        assert lengths(slow, 4) == [LARGE] * 4
    assert application.asked.count(f"/{LARGE}") == 4


def test_a_client_that_pipelines_much_lets_others_between(
    port: int, application: Application
) -> None:
    with connect(port) as greedy, connect(port) as other:
        greedy.sendall(request("/held") + request("/3") * 300)
        until(lambda: application.asked, "the first of its requests")
        other.sendall(request("/4"))
        application.ended.set()
        assert len(receive(other).body) == 4
        assert lengths(greedy, 301) == [2, *[3] * 300]
    assert application.asked.index("/4") < 290


def test_a_client_that_sends_a_request_byte_by_byte_is_idle(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a few hundred such clients, a byte each in half a minute, would keep all others out."""
    seconds = iter(range(1_000))
    monkeypatch.setattr("waitress.channel.time", SimpleNamespace(time=lambda: next(seconds)))
    ours, theirs = socket.socketpair()
    listening = server._servers[0]
    with theirs:
        channel = Channel(listening, ours, ("localhost", 0), listening.adj, {})
        seen = []
        for byte in request("/1"):
            theirs.send(bytes([byte]))
            channel.handle_read()
            seen.append(channel.last_activity)
        listening.pull_trigger()
        until(lambda: not channel.requests, "it is answered")
        channel.handle_close()
    assert len(set(seen[:-1])) == 1
    assert seen[-1] > seen[0]


# Answers that last


STREAMS = ["/stream", "//stream", "/%73tream", "/stream?a=b", "http://x/stream", "///stream#a"]


@pytest.mark.parametrize("target", STREAMS)
def test_an_answer_that_lasts_has_a_thread_of_its_own(
    port: int, application: Application, target: str
) -> None:
    with connect(port) as reader:
        reader.sendall(request(target) + request("/7"))
        with reader.makefile("rb") as lines:
            until(lambda: b"begun" in lines.readline(), "the stream begins")
        assert application.streams[0].startswith("waitress-")
        for _ in range(20):
            assert ask(port, "/1").body == b"x"
        application.ended.set()
        assert b"ended" in to_the_end(reader)


def test_as_many_streams_as_threads_leave_the_loop_free(
    port: int, application: Application
) -> None:
    with ExitStack() as stack:
        readers = [stack.enter_context(connect(port)) for _ in range(THREADS)]
        for reader in readers:
            reader.sendall(request("/stream"))
            assert reader.recv(65_536).startswith(b"HTTP/1.1 200")
        assert ask(port, "/1").body == b"x"
        application.ended.set()
        for reader in readers:
            assert b"ended" in to_the_end(reader)


def test_what_was_sent_of_a_stream_is_not_kept(
    server: Server, port: int, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stream() -> Iterator[bytes]:
        for _ in range(50):
            yield b"x" * 100_000
        assert application.ended.wait(WAIT_SECONDS)

    monkeypatch.setattr(application, "stream", stream)
    with connect(port) as reader:
        reader.sendall(request("/stream"))
        with reader.makefile("rb") as lines:
            while lines.readline() != b"\r\n":
                pass
            assert len(lines.read(5_000_000)) == 5_000_000
            (channel,) = [each for each in channels(server) if each.requests]
            until(lambda: len(channel.outbufs) == 1, "the other buffers are closed")
            file = channel.outbufs[0].buf.file
            assert len(file.getvalue()) <= dispatcher.BUFFER_BYTES + 200_000
            application.ended.set()
