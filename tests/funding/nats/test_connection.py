"""Every call against a real server."""

import threading
from contextlib import suppress
from queue import SimpleQueue

import pytest

from funding.errors import NatsAway, NatsConflict, NatsDifferent
from funding.nats.acks import Ack
from funding.nats.connection import Append, Connection, Put
from funding.nats.following import Delivery, Position
from funding.nats.places import Bucket, Entry, Stream
from harness.processes import WAIT_SECONDS, until
from tests.support.nats_server import NatsServer, connected

BUCKET = Bucket("calls")


@pytest.fixture
def bucket(connection: Connection, request: pytest.FixtureRequest) -> Bucket:
    """A bucket of the test's own."""
    made = Bucket(request.node.name[:60])
    connection.ensure(made)
    return made


@pytest.fixture
def stream(connection: Connection, request: pytest.FixtureRequest) -> Stream:
    """A stream of the test's own."""
    name = request.node.name[:60]
    made = Stream(name, (f"{name}.>",), max_bytes=1 << 20)
    connection.ensure(made)
    return made


def test_core_messages_arrive_in_order(connection: Connection) -> None:
    received: SimpleQueue[tuple[str, bytes]] = SimpleQueue()
    end = connection.subscribe("core.*", lambda subject, body: received.put((subject, body)))
    until(lambda: _echoed(connection, received), "the subscription")
    sent = [(f"core.{number}", b"%d" % number) for number in range(500)]
    connection.publish(sent)
    assert [received.get(timeout=WAIT_SECONDS) for _ in sent] == sent
    end()


def _echoed(connection: Connection, received: SimpleQueue[tuple[str, bytes]]) -> bool:
    connection.publish([("core.first", b"")])
    if received.empty():
        return False
    while not received.empty():
        received.get()
    connection.publish([("core.last", b"")])
    while received.get(timeout=WAIT_SECONDS)[0] != "core.last":
        pass
    return True


def test_a_subscription_can_be_ended(connection: Connection) -> None:
    received: SimpleQueue[tuple[str, bytes]] = SimpleQueue()
    end = connection.subscribe("core.*", lambda subject, body: received.put((subject, body)))
    until(lambda: _echoed(connection, received), "the subscription")
    end()
    connection.ensure(Bucket("after"))  # a round trip behind it
    connection.publish([("core.more", b"")])
    connection.ensure(Bucket("after"))
    assert received.empty()


def test_values_of_a_bucket(connection: Connection, bucket: Bucket) -> None:
    assert connection.get(bucket, "a.B") is None
    first = connection.put(bucket, Put("a.B", b"1"))
    assert connection.get(bucket, "a.B") == Entry("a.B", b"1", first)
    second = connection.put(bucket, Put("a.B", b"2", first))
    assert second > first
    assert connection.get(bucket, "a.B") == Entry("a.B", b"2", second)


def test_only_the_expected_revision_is_replaced(connection: Connection, bucket: Bucket) -> None:
    first = connection.put(bucket, Put("key", b"1", 0))
    with pytest.raises(NatsConflict):
        connection.put(bucket, Put("key", b"other", 0))
    connection.put(bucket, Put("key", b"2"))
    with pytest.raises(NatsConflict):
        connection.put(bucket, Put("key", b"other", first))
    found = connection.get(bucket, "key")
    assert found is not None
    assert found.value == b"2"


def test_a_deleted_key_has_a_revision(connection: Connection, bucket: Bucket) -> None:
    first = connection.put(bucket, Put("key", b"1"))
    deleted = connection.put(bucket, Put("key", None, first))
    assert connection.get(bucket, "key") == Entry("key", None, deleted)
    assert connection.put(bucket, Put("key", b"again", deleted)) > deleted


def test_many_values_at_once(connection: Connection, bucket: Bucket) -> None:
    connection.put(bucket, Put("key-7", b"before"))
    puts = [Put(f"key-{number}", b"%d" % number, 0) for number in range(300)]
    outcomes = connection.put_many(bucket, puts, WAIT_SECONDS)
    assert isinstance(outcomes[7], NatsConflict)
    revisions = [each for each in outcomes if isinstance(each, int)]
    assert len(revisions) == 299
    assert revisions == sorted(revisions)


def test_a_watch_gives_all_values_then_what_changes(connection: Connection, bucket: Bucket) -> None:
    connection.put(bucket, Put("one", b"1"))
    gone = connection.put(bucket, Put("gone", b"1"))
    connection.put(bucket, Put("gone", None, gone))
    seen: SimpleQueue[Entry | None] = SimpleQueue()
    end = connection.watch(bucket.name, seen.put)
    first = [seen.get(timeout=WAIT_SECONDS) for _ in range(3)]
    assert [each and (each.key, each.value) for each in first] == [
        ("one", b"1"),
        ("gone", None),
        None,
    ]
    revision = connection.put(bucket, Put("two", b"2"))
    assert seen.get(timeout=WAIT_SECONDS) == Entry("two", b"2", revision)
    end()


def test_a_watch_of_an_empty_bucket_says_that_it_is_empty(
    connection: Connection, bucket: Bucket
) -> None:
    seen: SimpleQueue[Entry | None] = SimpleQueue()
    connection.watch(bucket.name, seen.put)
    assert seen.get(timeout=WAIT_SECONDS) is None


def test_a_reader_may_be_there_before_the_bucket(connection: Connection) -> None:
    seen: SimpleQueue[Entry | None] = SimpleQueue()
    connection.watch("later", seen.put)
    connection.ensure(Bucket("later"))
    assert seen.get(timeout=WAIT_SECONDS) is None


def test_the_stream_keeps_one_of_each_id(connection: Connection, stream: Stream) -> None:
    subject = f"{stream.name}.signal"
    sent = [Append(subject, b"%d" % number, f"id {number}") for number in range(100)]
    first = connection.append(sent, WAIT_SECONDS)
    assert first == [Ack(number) for number in range(1, 101)]
    again = connection.append([*sent[:2], Append(subject, b"new", "new")], WAIT_SECONDS)
    assert again == [Ack(1, duplicate=True), Ack(2, duplicate=True), Ack(101)]


def test_a_stream_is_read_from_where_the_reader_was(connection: Connection, stream: Stream) -> None:
    subject = f"{stream.name}.x"
    connection.append([Append(subject, b"%d" % n, str(n)) for n in range(10)], WAIT_SECONDS)
    connection.append([Append(f"{stream.name}.y", b"other", "y")], WAIT_SECONDS)
    connection.append([Append(subject, b"10", "10")], WAIT_SECONDS)
    seen: SimpleQueue[Delivery] = SimpleQueue()
    start = Position(sequence=4)
    connection.consume(stream.name, subject, start, seen.put)
    found = [seen.get(timeout=WAIT_SECONDS) for _ in range(7)]
    assert [each.body for each in found] == [b"%d" % n for n in range(4, 11)]
    assert [each.sequence for each in found] == [5, 6, 7, 8, 9, 10, 12]
    assert found[0].message_id == "4"
    until(lambda: start.sequence == 12, "the position")


def test_a_stream_is_read_from_a_time(connection: Connection, stream: Stream) -> None:
    subject = f"{stream.name}.x"
    connection.append([Append(subject, b"old", "1")])
    seen: SimpleQueue[Delivery] = SimpleQueue()
    end = connection.consume(stream.name, subject, Position(), seen.put)
    old = seen.get(timeout=WAIT_SECONDS)
    end()
    connection.append([Append(subject, b"new", "2")])
    connection.consume(stream.name, subject, Position(since=old.stored_at + 1e-4), seen.put)
    assert seen.get(timeout=WAIT_SECONDS).body == b"new"


def test_a_time_after_the_last_message_waits_for_the_next(
    connection: Connection, stream: Stream
) -> None:
    subject = f"{stream.name}.x"
    connection.append([Append(subject, b"old", "1")])
    seen: SimpleQueue[Delivery] = SimpleQueue()
    start = Position(since=4_000_000_000.0)
    connection.consume(stream.name, subject, start, seen.put)
    until(lambda: start.sequence == 1, "the position")
    connection.append([Append(subject, b"new", "2")])
    assert seen.get(timeout=WAIT_SECONDS).body == b"new"


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (Bucket("place", in_memory=False), "storage is memory on the server, and file here"),
        (Bucket("place", replicas=3), "num_replicas is 1 on the server, and 3 here"),
    ],
)
def test_a_bucket_with_other_settings(connection: Connection, other: Bucket, expected: str) -> None:
    connection.ensure(Bucket("place"))
    connection.ensure(Bucket("place"))
    with pytest.raises(NatsDifferent, match=f"place: {expected}"):
        connection.ensure(other)


def test_a_stream_with_other_settings(connection: Connection) -> None:
    connection.ensure(Stream("aged", ("aged.>",)))
    assert connection.state(Stream("aged", ("aged.>",))).last == 0
    assert connection.state(Stream("aged", ("aged.>",))).made_at > 1.7e9
    connection.ensure(Stream("aged", ("aged.>",)))
    with pytest.raises(NatsDifferent, match=r"max_age is 604800\S* on the server, and 60"):
        connection.ensure(Stream("aged", ("aged.>",), max_age_seconds=60.0))


def test_a_stream_that_is_not_there(connection: Connection) -> None:
    (outcome,) = connection.append([Append("nowhere.x", b"", "1")])
    assert isinstance(outcome, NatsAway)
    with pytest.raises(NatsAway):
        connection.put(Bucket("nowhere"), Put("key", b""))


def test_a_defect_in_a_callback_ends_the_connection(shared_server: NatsServer) -> None:
    with connected(shared_server) as connection:
        connection.subscribe("defect", lambda _subject, _body: [][0])
        with pytest.raises(IndexError):
            until(lambda: connection.publish([("defect", b"")]), "the defect")
        with pytest.raises(IndexError):
            connection.check()
        connection._link._failure = None  # seen


def test_what_is_too_long_is_refused(connection: Connection) -> None:
    with pytest.raises(NatsAway, match="maximum payload"):
        connection.publish([("long", b"x" * (2 << 20))])
    connection.publish([("short", b"")])


def test_a_snapshot_of_some_keys(connection: Connection, bucket: Bucket) -> None:
    assert connection.snapshot(bucket) == []
    connection.put_many(bucket, [Put(f"a.{n}", b"%d" % n) for n in range(300)], WAIT_SECONDS)
    other = connection.put(bucket, Put("b.1", b"x"))
    gone = connection.put(bucket, Put("b.1", None, other))
    assert connection.snapshot(bucket, "b.*") == [Entry("b.1", None, gone)]
    found = connection.snapshot(bucket, "a.*", WAIT_SECONDS)
    assert [each.value for each in found] == [b"%d" % n for n in range(300)]


def test_several_values_are_read_at_once(connection: Connection, bucket: Bucket) -> None:
    revision = connection.put(bucket, Put("a", b"1"))
    assert connection.get_many(bucket, ["a", "b"]) == [Entry("a", b"1", revision), None]


def test_a_request_is_answered_in_another_thread(connection: Connection) -> None:
    threads = set()

    def answer(body: bytes) -> bytes:
        threads.add(threading.current_thread().name)
        return body * 2

    end = connection.answer("asked", answer)

    def answered() -> bytes:
        with suppress(NatsAway):  # the subscription may not be there yet
            return connection.request("asked", b"ab", WAIT_SECONDS)
        return b""

    assert until(answered, "an answer") == b"abab"
    assert "nats" not in threads
    end()

    def nobody() -> bool:
        try:
            connection.request("asked", b"ab", WAIT_SECONDS)
        except NatsAway as error:
            return "nobody listens to asked" in str(error)
        return False

    until(nobody, "it has ended")
