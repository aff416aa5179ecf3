"""The store is maintained: its WAL moved, old events removed."""

import io
import os
from contextlib import closing

import apsw
import pytest

from funding.ingest import inbox, maintenance
from funding.model.event import Event, EventKind
from funding.store import retention
from tests.support.ingest_world import START, START_MS, IngestWorld, lines, message, row


def test_wal_is_moved_every_ten_seconds(world: IngestWorld) -> None:
    world.connect()
    world.deliver(message(*(row(f"S{i}USDT") for i in range(500))))
    before = world.path.stat().st_size
    world.time.advance(9.9)
    world.step()
    assert world.path.stat().st_size == before
    world.time.advance(0.1)
    world.step()
    assert world.path.stat().st_size > before


def test_reader_that_holds_up_the_wal_is_logged(
    world: IngestWorld, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "LARGE_WAL_BYTES", 100_000)
    world.connect()
    with closing(apsw.Connection(str(world.path))) as reader:
        next(reader.execute("SELECT * FROM event UNION ALL SELECT * FROM event"))
        for n in range(30):
            world.time.advance(2.0)
            rows = (row(f"S{i}USDT", E=START_MS + 2_000 * n) for i in range(200))
            world.deliver(message(*rows))
        logged = lines(log, "does a reader hold an old snapshot?")
        assert len(logged) == 1
        assert os.stat(f"{world.path}-wal").st_size > 100_000


def test_old_events_are_removed(world: IngestWorld) -> None:
    old = Event(START - 15 * 86_400.0, "test", EventKind.NOTICE, "")
    kept = Event(START - 13 * 86_400.0, "test", EventKind.ENDING, "")
    world.writer.write(world.feed, events=[old, kept])
    world.step()
    assert "notice" not in world.kinds()
    assert "ending" in world.kinds()
    world.writer.write(world.feed, events=[old])
    world.time.advance(3_599.0)
    world.step()
    assert "notice" in world.kinds()
    world.time.advance(1.0)
    world.step()
    assert "notice" not in world.kinds()


def test_many_old_events_are_removed_step_by_step(
    world: IngestWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "ROWS", 2)
    old = Event(START - 15 * 86_400.0, "test", EventKind.NOTICE, "")
    world.writer.write(world.feed, events=[old] * 5)
    left = []
    for _ in range(4):
        world.step()
        left.append(world.kinds().count("notice"))
        world.time.advance(maintenance.MORE_SECONDS)
    assert left == [3, 1, 0, 0]


def test_symbol_without_a_quote_for_a_day_is_retired(
    world: IngestWorld, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "MAX_SYMBOLS", 2)
    world.connect()
    world.deliver(message(row(), row("DEADUSDT")))
    for n in range(3):
        world.deliver(message(row(E=START_MS + n)))
    world.time.advance(86_401.0)
    world.step()
    assert "DEADUSDT" in world.prices(), "the stream itself is silent"
    world.time.advance(1.0)
    world.connect()
    world.deliver(message(row(E=START_MS + 86_402_000)))
    world.step()
    assert world.prices() == {"BTCUSDT": 100.5}
    assert world.events()[-1] == ("retired", "DEADUSDT: no quote for a day")
    assert len(lines(log, "DEADUSDT has had no quote for a day: retired")) == 1
    world.deliver(message(row("NEWUSDT", E=START_MS + 86_403_000)))
    assert "NEWUSDT" in world.prices(), "it made room for another symbol"
