"""A store that another process has locked: the loop receives, waits and goes on."""

import io
from collections.abc import Iterator
from contextlib import closing, contextmanager

import apsw
import pytest

from funding.errors import ConnectionLost, StoreError, StoreLocked
from funding.ingest.loop import STOP_ATTEMPTS
from funding.ingest.store_lock import StoreLock
from tests.support.clock import ManualClock, rows
from tests.support.ingest_world import START_MS, IngestWorld, lines, message, row


@contextmanager
def locked(world: IngestWorld) -> Iterator[None]:
    """A person has begun to write, and does not end."""
    world.writer._database.connection.set_busy_timeout(1)
    with closing(apsw.Connection(str(world.path))) as person:
        person.execute("BEGIN IMMEDIATE")
        yield


def test_newest_quote_of_each_symbol_outlives_the_lock(
    world: IngestWorld, log: io.StringIO
) -> None:
    world.connect()
    world.deliver(message(row(price="1.0"), row("ETHUSDT", "1.0")))
    with locked(world):
        for second in range(1, 61):
            world.time.advance(1.0)
            quote = row(price=f"{second}.5", E=START_MS + second * 1_000)
            more = [row("NEWUSDT", "7.0", E=START_MS + 3_000)] if second == 3 else []
            world.deliver(message(quote, *more))
        assert world.prices() == {"BTCUSDT": 1.0, "ETHUSDT": 1.0}
    world.step()
    assert world.prices() == {"BTCUSDT": 60.5, "ETHUSDT": 1.0, "NEWUSDT": 7.0}
    found = world.reader.one("NEWUSDT")
    assert found is not None
    assert found.age_seconds == 57.0
    assert world.stored().frames == 61
    world.step()
    assert rows(world.path, "SELECT duration_seconds, count FROM event WHERE kind = 'locked'") == [
        (59.0, 1)
    ]
    assert world.kinds() == ["start", "connect", "locked"]
    assert len(world.opened) == 1, "receiving went on"
    assert len(lines(log, "another process holds the store's write lock")) == 1
    assert len(lines(log, "the store is free again after 59.0 s")) == 1


def test_connections_are_replaced_during_a_lock(world: IngestWorld) -> None:
    world.connect()
    with locked(world):
        world.opened[0].say(ConnectionLost("lost", "reset"))
        world.step_until(lambda: not world.feed.connections, "the loss")
        world.time.advance(5.0)
        world.connect()
        world.deliver(message(row(price="2.0")))
    world.step()
    world.step()
    assert world.prices() == {"BTCUSDT": 2.0}
    assert sorted(world.kinds()) == ["connect", "disconnect", "locked", "start"]
    assert rows(world.path, "SELECT count FROM event WHERE kind = 'connect'") == [(2,)]


def test_older_quote_that_waits_does_not_replace_a_newer_one(world: IngestWorld) -> None:
    world.connect()
    with locked(world):
        world.deliver(message(row(price="2.0", E=START_MS + 2_000)))
        world.deliver(message(row(price="1.0", E=START_MS + 1_000)))
    world.step()
    assert world.prices() == {"BTCUSDT": 2.0}


def test_stop_during_a_lock_ends(world: IngestWorld) -> None:
    world.connect()
    with locked(world):
        world.loop.stop()
    assert STOP_ATTEMPTS > 1
    assert world.kinds() == ["start", "connect"]


def test_stop_waits_for_a_short_lock(world: IngestWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world.connect()
    world.writer._database.connection.set_busy_timeout(1)
    with closing(apsw.Connection(str(world.path))) as person:
        person.execute("BEGIN IMMEDIATE")
        update = StoreLock.update

        def free(lock: StoreLock, problem: StoreError | None) -> object:
            if problem is not None:
                person.execute("ROLLBACK")
            return update(lock, problem)

        monkeypatch.setattr(StoreLock, "update", free)
        world.loop.stop()
    assert world.kinds() == ["start", "connect", "stop", "locked"] or "stop" in world.kinds()


def test_full_disk_is_waited_for(world: IngestWorld, log: io.StringIO) -> None:
    """The newest quote of each symbol waits, and no process ends."""
    world.connect()
    world.deliver(message(row(price="1.0")))
    held = world.writer._database.connection
    held.pragma("max_page_count", int(str(held.pragma("page_count"))) + 2)
    many = [row(f"S{n}USDT", "7.0", E=START_MS + 1_000) for n in range(2_000)]
    world.time.advance(1.0)
    world.deliver(message(row(price="2.0", E=START_MS + 1_000), *many))
    assert world.prices() == {"BTCUSDT": 1.0}
    world.time.advance(3.0)
    held.pragma("max_page_count", 1_000_000)
    world.step()
    world.step()
    assert world.prices()["BTCUSDT"] == 2.0
    assert len(world.prices()) == 2_001
    assert rows(world.path, "SELECT detail, duration_seconds FROM event WHERE kind = 'locked'") == [
        ("the disk is full: receiving goes on, writing waits", 3.0)
    ]
    assert len(world.opened) == 1
    assert len(lines(log, "the disk is full")) == 1


def test_maintenance_waits_too(world: IngestWorld) -> None:
    world.connect()
    world.deliver(message(row()))
    with locked(world):
        for _ in range(3):
            world.time.advance(4_000.0)
            world.step()
    world.step()


def test_lock_that_comes_again_is_one_event() -> None:
    time = ManualClock()
    lock = StoreLock(time.clock())
    locked = StoreLocked("funding.db", "locked by another process")
    assert lock.update(None) == []
    (begun,) = lock.update(locked)
    time.advance(7.0)
    (over,) = lock.update(None)
    assert (begun.duration_seconds, over.duration_seconds) == (None, 7.0)
    assert lock.update(locked) == []
    assert lock.active


def test_log_tells_how_long_each_logged_wait_was(log: io.StringIO) -> None:
    """And not how long ago the first of several was."""
    time = ManualClock()
    lock = StoreLock(time.clock(), lambda: "process 5 (sqlite3)")
    locked = StoreLocked("funding.db", "locked by another process")
    for pause, wait in ((0.0, 1.0), (20.0, 2.0), (50.0, 3.0)):
        time.advance(pause)
        lock.update(locked)
        time.advance(wait)
        lock.update(None)
    assert [line.split()[-2] for line in lines(log, "free again")] == ["1.0", "3.0"]


def test_holder_of_the_lock_is_named_as_it_was_when_the_lock_began(log: io.StringIO) -> None:
    time, holders = ManualClock(), iter(["process 5 (sqlite3)", ""])
    lock = StoreLock(time.clock(), lambda: next(holders))
    locked = StoreLocked("funding.db", "locked by another process")
    (begun,) = lock.update(locked)
    time.advance(61.0)
    assert lock.update(locked) == []
    words = "process 5 (sqlite3) holds the store's write lock"
    assert words in begun.detail
    assert len(lines(log, words)) == 2
    lock.update(None)
    time.advance(61.0)
    (begun,) = lock.update(locked)
    assert "another process holds the store's write lock" in begun.detail
