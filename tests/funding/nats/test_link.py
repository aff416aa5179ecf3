"""The connection begins, ends, and begins again."""

import signal
from pathlib import Path
from queue import SimpleQueue

import pytest

from funding.errors import NatsAway
from funding.nats.addresses import parse
from funding.nats.connection import Connection
from harness.processes import WAIT_SECONDS, free_port, until
from tests.support.nats_server import NatsServer, connected, serving


def test_it_comes_back_with_its_subscriptions(server: NatsServer) -> None:
    changes: SimpleQueue[None] = SimpleQueue()
    received: SimpleQueue[bytes] = SimpleQueue()
    connection = Connection(server.addresses, "test", changed=lambda: changes.put(None))
    connection.subscribe("again", lambda _subject, body: received.put(body))
    assert connection.wait_connected(WAIT_SECONDS)
    server.kill()
    until(lambda: not connection.connected, "the end")
    assert str(server.port) in connection.problem
    with pytest.raises(NatsAway, match=r"127\.0\.0\.1"):
        connection.publish([("again", b"lost")])
    server.start()
    assert connection.wait_connected(WAIT_SECONDS)
    assert connection.connections == 2

    def heard() -> bool:
        connection.publish([("again", b"x")])
        return not received.empty()

    until(heard, "a message")
    assert received.get() == b"x"
    connection.close()
    assert changes.qsize() == 4
    connection.check()


def test_a_server_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    with serving(tmp_path) as server, connected(server, ping_seconds=1.0) as connection:
        assert server._process is not None
        server._process.send_signal(signal.SIGSTOP)
        until(lambda: not connection.connected, "the end")
        server._process.send_signal(signal.SIGCONT)
        assert connection.wait_connected(WAIT_SECONDS)


def test_the_next_server_is_taken(tmp_path: Path) -> None:
    with serving(tmp_path) as one:
        addresses = parse(f"nats://127.0.0.1:{free_port()},{one.url}")
        connection = Connection(addresses, "test")
        assert connection.wait_connected(WAIT_SECONDS)
        assert connection.address == one.url
        connection.close()


def test_a_closed_connection_says_so(server: NatsServer) -> None:
    with connected(server) as connection:
        connection.close()
        assert not connection.connected
        with pytest.raises(NatsAway, match="closed"):
            connection.publish([("x", b"")])
        connection.close()
