"""What is followed goes on after a server was away; the rest is in test_connection."""

from queue import SimpleQueue

import pytest

from funding.nats.connection import Append, Put
from funding.nats.following import Delivery, Position
from funding.nats.places import Bucket, Entry, Stream
from harness.processes import WAIT_SECONDS, until
from tests.support.nats_server import NatsServer, connected

BUCKET = Bucket("values", in_memory=False)
STREAM = Stream("told", ("told.>",), max_bytes=1 << 20)


def test_a_watch_begins_again_after_a_restart(server: NatsServer) -> None:
    seen: SimpleQueue[Entry | None] = SimpleQueue()
    with connected(server) as connection:
        connection.ensure(BUCKET)
        connection.put(BUCKET, Put("key", b"1"))
        connection.watch(BUCKET.name, seen.put)
        assert seen.get(timeout=WAIT_SECONDS) == Entry("key", b"1", 1)
        assert seen.get(timeout=WAIT_SECONDS) is None
        server.stop()
        until(lambda: not connection.connected, "the end")
        server.start()
        assert seen.get(timeout=WAIT_SECONDS) == Entry("key", b"1", 1)
        assert seen.get(timeout=WAIT_SECONDS) is None
        connection.put(BUCKET, Put("key", b"2", 1))
        assert seen.get(timeout=WAIT_SECONDS) == Entry("key", b"2", 2)


def test_each_message_is_given_once_over_a_restart(server: NatsServer) -> None:
    seen: SimpleQueue[Delivery] = SimpleQueue()
    with connected(server) as connection:
        connection.ensure(STREAM)
        connection.append([Append("told.x", b"%d" % n, str(n)) for n in range(20)], WAIT_SECONDS)
        connection.consume("told", "told.>", Position(), seen.put)
        first = [seen.get(timeout=WAIT_SECONDS).body for _ in range(20)]
        server.kill()
        until(lambda: not connection.connected, "the end")
        server.start()
        assert connection.wait_connected(WAIT_SECONDS)
        connection.append(
            [Append("told.x", b"%d" % n, str(n)) for n in range(20, 40)], WAIT_SECONDS
        )
        rest = [seen.get(timeout=WAIT_SECONDS).body for _ in range(20)]
        assert first + rest == [b"%d" % n for n in range(40)]


@pytest.mark.parametrize("position", [Position(sequence=500), Position(sequence=1, made_at=1.5)])
def test_a_stream_that_was_made_again_is_read_from_its_begin(
    server: NatsServer, position: Position
) -> None:
    """Also where it has as many messages as were read of the one before."""
    seen: SimpleQueue[Delivery] = SimpleQueue()
    with connected(server) as connection:
        connection.ensure(STREAM)
        connection.append([Append("told.x", b"new", "1")])
        connection.consume("told", "told.>", position, seen.put)
        assert seen.get(timeout=WAIT_SECONDS).body == b"new"
        until(lambda: position.sequence == 1, "the position")
        assert position.made_at == connection.state(STREAM).made_at
