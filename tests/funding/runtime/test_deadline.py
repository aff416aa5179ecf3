"""An answer is whole by the deadline, however its bytes trickle in."""

import http.client
import socket
from pathlib import Path

import pytest

from funding.runtime.deadline import Deadline, Response, TcpConnection, UnixConnection
from tests.support.http_script import Turn, hangs, reply, scripted, sends, trickles

SLOW = reply(body=b"0" * 60)


def answer(connection: http.client.HTTPConnection) -> bytes:
    try:
        connection.request("GET", "/")
        return connection.getresponse().read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    "turn",
    [hangs, trickles(b"", SLOW), trickles(SLOW[:-60], SLOW[-60:])],
    ids=["nothing", "a head that trickles", "a body that trickles"],
)
def test_what_is_not_whole_in_time_is_a_timeout(turn: Turn) -> None:
    with scripted(turn) as server, pytest.raises(TimeoutError):
        answer(TcpConnection("127.0.0.1", server.port, timeout=0.3))


def test_several_answers_over_one_connection_have_a_deadline_each() -> None:
    with scripted(trickles(b"", reply(body=b"3"), 0.001)) as server:
        connection = TcpConnection("127.0.0.1", server.port, timeout=20)
        for _ in range(3):
            connection.request("GET", "/")
            assert connection.getresponse().read() == b"3"
        assert connection.sock.gettimeout() == 20
        connection.close()
    assert server.connections == 1


class Recording(socket.socket):
    """A socket that keeps the timeouts it is given."""

    def settimeout(self, value: float | None) -> None:
        self.given = [*getattr(self, "given", []), value]
        super().settimeout(value)


def test_each_wait_is_only_for_what_is_left() -> None:
    with scripted(trickles(b"", reply(body=b"3"), 0.001)) as server, Recording() as ours:
        ours.connect(("127.0.0.1", server.port))
        ours.settimeout(20)
        ours.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with Response(ours) as response:
            response.begin()
            assert response.read() == b"3"
        waits = [seconds for seconds in ours.given if seconds != 20]
    assert len(waits) > 2
    assert waits == sorted(waits, reverse=True)


def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    with scripted(sends(b"HTTP/1.0 200 OK\r\n\r\n", b"abc", close=True)) as server:
        assert answer(TcpConnection("127.0.0.1", server.port, timeout=20)) == b"abc"


def test_without_a_timeout_there_is_no_deadline() -> None:
    with scripted(sends(reply(body=b"abc"))) as server:
        assert answer(TcpConnection("127.0.0.1", server.port, timeout=None)) == b"abc"


def test_a_unix_socket(short_path: Path) -> None:
    path = short_path / "s"
    with scripted(sends(reply(body=b"abc")), hangs, unix=str(path)):
        assert answer(UnixConnection(path, 20)) == b"abc"
        with pytest.raises(TimeoutError):
            answer(UnixConnection(path, 0.2))
    path.unlink()
    with pytest.raises(FileNotFoundError):
        answer(UnixConnection(path, 0.2))


class Steps:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_several_steps_share_one_deadline() -> None:
    clock = Steps()
    deadline = Deadline(1.0, clock)
    assert deadline.timeout() == 1.0
    assert deadline.timeout(at_most=0.4) == 0.4
    clock.now += 0.75
    assert deadline.timeout(at_most=0.4) == 0.25
    clock.now += 0.25
    assert deadline.left() == 0.0
    with pytest.raises(TimeoutError):
        deadline.timeout()
    clock.now += 5
    assert deadline.left() == 0.0


def test_a_deadline_without_a_limit_limits_nothing() -> None:
    deadline = Deadline(None)
    assert deadline.timeout() is None
    assert deadline.left(3.0) == deadline.timeout(3.0) == 3.0
