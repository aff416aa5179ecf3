"""A bucket against a real server, and two takers that write to it."""

from contextlib import ExitStack

import pytest

from funding.errors import NatsAway, NatsError
from funding.nats.connection import Connection, Put
from funding.nats.places import Bucket
from funding.publish.kept import KeptValues
from harness.processes import WAIT_SECONDS, until
from tests.support.clock import ManualClock
from tests.support.nats_server import NatsServer, connected

BUCKET = Bucket("kept")


class ByText:
    """The value that comes later in the alphabet is the newer one."""

    def is_newer(self, key: str, ours: bytes, theirs: bytes) -> bool:
        return ours > theirs

    def is_gone(self, key: str, theirs: bytes) -> bool:
        return theirs.startswith(b"gone")


def kept_by(connection: Connection) -> KeptValues:
    """What a taker keeps over `connection`."""
    return KeptValues(connection, BUCKET, ByText(), ManualClock().clock())


def values(connection: Connection) -> dict[str, bytes]:
    """What is in the bucket."""
    entries = connection.snapshot(BUCKET)
    return {entry.key: entry.value for entry in entries if entry.value is not None}


def test_only_the_last_of_what_was_offered_is_written(connection: Connection) -> None:
    kept = kept_by(connection)
    kept.turn()
    kept.offer("x", {"x.A": b"1", "x.B": b"1"})
    kept.offer("x", {"x.A": b"2"})
    kept.turn()
    assert values(connection) == {"x.A": b"2", "x.B": b"1"}
    entry = connection.get(BUCKET, "x.A")
    kept.turn()
    assert connection.get(BUCKET, "x.A") == entry
    kept.offer("x", {"x.B": None})
    kept.turn()
    assert values(connection) == {"x.A": b"2"}


def test_a_pass_of_many_values(connection: Connection) -> None:
    kept = kept_by(connection)
    many: dict[str, bytes | None] = {f"x.{n}": b"%d" % n for n in range(1_200)}
    kept.offer("x", many)
    kept.turn()
    assert values(connection) == many


def test_what_is_newer_there_stays(connection: Connection) -> None:
    one, two = kept_by(connection), kept_by(connection)
    one.offer("x", {"x.A": b"5", "x.B": b"5", "x.C": b"5"})
    one.turn()
    two.offer("x", {"x.A": b"4", "x.B": b"6"})  # it has just taken over
    two.turn()
    assert values(connection) == {"x.A": b"5", "x.B": b"6", "x.C": b"5"}
    one.offer("x", {"x.A": b"6", "x.B": b"1"})  # it froze meanwhile, and goes on
    one.turn()
    assert values(connection) == {"x.A": b"6", "x.B": b"6", "x.C": b"5"}
    two.offer("x", {"x.A": b"7"})
    two.turn()
    two.turn()  # a conflict is written with the next pass
    assert values(connection)["x.A"] == b"7"


def test_a_frozen_taker_deletes_nothing(connection: Connection) -> None:
    one, two = kept_by(connection), kept_by(connection)
    one.offer("x", {"x.A": b"1"})
    one.turn()
    two.offer("x", {"x.A": b"2"})
    two.turn()
    one.offer("x", {"x.A": None})
    one.turn()
    one.turn()
    assert values(connection) == {"x.A": b"2"}


def test_what_nobody_has_is_deleted_where_the_rules_say_so(connection: Connection) -> None:
    connection.ensure(BUCKET)
    for key, value in (("x.A", b"gone"), ("x.B", b"young"), ("y.A", b"gone")):
        connection.put(BUCKET, Put(key, value))
    kept = kept_by(connection)
    kept.offer("x", {"x.C": b"1"})
    kept.turn()
    assert values(connection) == {"x.B": b"young", "x.C": b"1", "y.A": b"gone"}


def test_an_exchange_that_another_taker_keeps_is_left(connection: Connection) -> None:
    kept = kept_by(connection)
    kept.offer("x", {"x.A": b"1"})
    kept.offer("y", {"y.A": b"1", "y.B": b"0"})
    kept.leave("x")
    kept.turn()
    assert values(connection) == {"y.A": b"1", "y.B": b"0"}
    connection.put(BUCKET, Put("y.A", b"9"))
    connection.put(BUCKET, Put("y.B", b"1"))
    kept.leave("y")
    kept.offer("y", {"y.A": b"2", "y.B": b"2"})  # it leads again, and looks first
    kept.turn()
    assert values(connection) == {"y.A": b"9", "y.B": b"2"}


def test_after_a_restart_of_the_server_all_is_written_again(server: NatsServer) -> None:
    """A bucket in memory is empty then, and its revisions begin again."""
    with connected(server) as connection:
        kept = kept_by(connection)
        for number in range(3):
            kept.offer("x", {"x.A": b"%d" % number})
            kept.turn()
        server.kill()
        until(lambda: not connection.connected, "the end")
        kept.offer("x", {"x.A": b"8", "x.B": b"8"})
        kept.turn()
        server.start()
        assert connection.wait_connected(WAIT_SECONDS)
        kept.turn()
        assert values(connection) == {"x.A": b"8", "x.B": b"8"}


def test_what_could_not_be_written_waits(connection: Connection) -> None:
    kept = kept_by(connection)
    kept.offer("x", {"x.A": b"1"})
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        failed: list[int | NatsError] = [NatsAway("no answer")]
        patch.setattr(connection, "put_many", lambda _bucket, _puts: failed)
        with pytest.raises(NatsAway):
            kept.turn()
    kept.turn()
    assert values(connection) == {"x.A": b"1"}


def test_a_newer_offer_goes_before_what_waits(connection: Connection) -> None:
    kept = kept_by(connection)
    kept.offer("x", {"x.A": b"1", "x.B": b"1"})

    def fail(_bucket: Bucket, _puts: object) -> list[int | NatsError]:
        kept.offer("x", {"x.A": b"2"})
        raise NatsAway("no answer")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "put_many", fail)
        with pytest.raises(NatsAway):
            kept.turn()
    kept.turn()
    assert values(connection) == {"x.A": b"2", "x.B": b"1"}


def test_another_number_of_replicas_is_told_and_values_are_written(
    connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    connection.ensure(BUCKET)
    kept = KeptValues(connection, Bucket("kept", replicas=3), ByText(), ManualClock().clock())
    kept.offer("x", {"x.A": b"1"})
    kept.turn()
    assert values(connection) == {"x.A": b"1"}
    assert "num_replicas is 1 on the server, and 3 here" in caplog.text
