"""How the file is opened, upgraded, checkpointed and closed."""

import os
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import apsw
import pytest

from funding.errors import StoreForeign
from funding.model.event import Event, EventKind
from funding.store import damage, database, upgrades
from funding.store.database import open_writer
from funding.store.prepare import set_aside_if_foreign
from funding.store.writer import Writer
from tests.support.clock import rows
from tests.support.store import (
    NOW_MS,
    contents,
    feed_of,
    frames_of,
    leave_open,
    plainly,
    quote,
    reading,
    received,
    writing,
)

VERSION = upgrades.VERSION


FOREIGN = {
    "another database": "CREATE TABLE t (a); INSERT INTO t VALUES (1);",
    "another database with a WAL": "PRAGMA journal_mode = wal; CREATE TABLE t (a);",
    "a newer version": (
        f"PRAGMA application_id = {damage.APPLICATION_ID}; CREATE TABLE quote (a);"
        f" PRAGMA user_version = {VERSION + 1};"
    ),
    "a newer version with a WAL": (
        f"PRAGMA journal_mode = wal; PRAGMA application_id = {damage.APPLICATION_ID};"
        f" CREATE TABLE quote (a); PRAGMA user_version = {VERSION + 1};"
    ),
}


@pytest.mark.parametrize("script", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_database_that_is_not_ours_is_left_as_it_is(script: str, tmp_path: Path) -> None:
    path = tmp_path / "funding.db"
    leave_open(path, script)
    before = contents(tmp_path)
    assert ("funding.db-wal" in before) == ("wal" in script)
    newer = f"version {VERSION + 1}, this program knows {VERSION}"
    words = newer if "quote" in script else "not one of this service"
    with pytest.raises(StoreForeign, match=words):
        Writer(path, feed_of())
    assert contents(tmp_path) == before
    with pytest.raises(StoreForeign, match=words), reading(path) as reader:
        reader.all()
    with pytest.raises(StoreForeign, match=words):
        set_aside_if_foreign(path, feed_of())
    assert contents(tmp_path) == before


def test_a_transaction_within_another_is_part_of_it(path: Path) -> None:
    path.parent.mkdir()
    connection = open_writer(path)

    def insert(outer: str, inner: str) -> None:
        statement = "INSERT INTO consumer VALUES (?, 1, 1)"
        with database.transaction(connection):
            connection.execute(statement, (outer,))
            with database.transaction(connection):
                connection.execute(statement, (inner,))
            assert rows(path, "SELECT name FROM consumer") == []

    insert("outer", "inner")
    kept = [("inner",), ("outer",)]
    assert rows(path, "SELECT name FROM consumer") == kept
    with pytest.raises(apsw.ConstraintError):
        insert("lost", "inner")
    assert rows(path, "SELECT name FROM consumer") == kept
    connection.close()


def test_an_error_within_a_transaction_cannot_be_ignored(path: Path) -> None:
    path.parent.mkdir()
    connection = open_writer(path)

    def ignore() -> None:
        with database.transaction(connection):
            connection.execute("INSERT INTO consumer VALUES ('outer', 1, 1)")
            with suppress(KeyError), database.transaction(connection):
                raise KeyError

    with pytest.raises(apsw.SQLError):
        ignore()
    assert rows(path, "SELECT name FROM consumer") == []
    connection.close()


def test_a_transaction_holds_the_write_lock_from_its_beginning(path: Path) -> None:
    with writing(path) as writer, closing(plainly(path)) as other:
        with database.transaction(writer._database.connection), pytest.raises(apsw.BusyError):
            other.execute("BEGIN IMMEDIATE")
        other.execute("BEGIN IMMEDIATE")


def test_short_locks_are_waited_for(path: Path) -> None:
    with writing(path) as writer:
        assert writer._database.connection.pragma("busy_timeout") == 500
    with reading(path) as reader:
        reader.all()
        assert reader._handle._connection is not None
        assert reader._handle._connection.pragma("busy_timeout") == 500


def test_a_checkpoint_beside_another_one_is_not_an_error(path: Path) -> None:
    # SQLite's checkpoint lock: one byte of the shared memory, WAL_CKPT_LOCK (walIndexPage).
    code = (
        "import fcntl, sys; file = open(sys.argv[1], 'r+b');"
        "fcntl.lockf(file, fcntl.LOCK_EX, 1, 121); print(flush=True); sys.stdin.read()"
    )
    feed = feed_of()
    with writing(path, feed) as writer:
        writer.write(feed, received(quote()))
        other = subprocess.Popen(
            [sys.executable, "-c", code, f"{path}-shm"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        with other:
            assert other.stdout is not None
            other.stdout.readline()
            assert writer.checkpoint() == 0
            assert writer.write(feed, received(quote(event_time=NOW_MS + 1))) == 1
        assert writer.checkpoint() > 0


def test_the_wal_stays_small_in_normal_running(path: Path) -> None:
    feed, largest = feed_of(), 0
    with writing(path, feed) as writer:
        for n, frame in enumerate(frames_of(1_200, 150)):
            writer.write(feed, frame, [Event(float(n), "test", EventKind.NOTICE, "")])
            if n % 20 == 19:  # ten seconds at two frames a second
                writer.checkpoint()
            largest = max(largest, os.stat(f"{path}-wal").st_size)
    assert 0 < largest < 16 * 1024 * 1024


def test_the_wal_stays_small_without_checkpoints_of_ours(path: Path) -> None:
    feed, written = feed_of(), 0
    with writing(path, feed) as writer:
        while written < 40 * 1024 * 1024:
            writer.write(feed, events=[Event(0.0, "test", EventKind.NOTICE, "x" * 200_000)])
            written += 200_000
            assert os.stat(f"{path}-wal").st_size < 16 * 1024 * 1024


def test_a_long_read_delays_nobody_and_sees_one_instant(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer, closing(plainly(path)) as held:
        writer.write(feed, received(*(quote(f"S{i}USDT", 1.0, 1) for i in range(962))))
        cursor = held.execute("SELECT mark_price FROM quote ORDER BY symbol")
        seen = [next(cursor)[0]]
        sizes = []
        for frame in frames_of(150, 962):
            assert writer.write(feed, frame) == 962
            sizes.append(writer.checkpoint())
        assert sizes == sorted(sizes)
        assert sizes[-1] > 8 * 1024 * 1024
        seen += [price for (price,) in cursor.fetchall()]
        assert seen == [1.0] * 962
        held.close()
        # Nobody holds it any more: it starts anew, and gives back what it took too much.
        writer.checkpoint()
        for frame in frames_of(2, 10, first=1_000):
            writer.write(feed, frame)
        assert os.stat(f"{path}-wal").st_size <= 8 * 1024 * 1024


def test_closing_empties_the_wal_where_nobody_reads(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer:
        writer.write(feed, received(quote()))
        assert os.stat(f"{path}-wal").st_size > 0
    assert not Path(f"{path}-wal").exists()
    assert rows(path, "SELECT symbol FROM quote") == [("BTCUSDT",)]


def test_closing_empties_the_wal_beside_an_idle_reader(path: Path) -> None:
    feed = feed_of()
    with reading(path) as reader:
        with writing(path, feed) as writer:
            writer.write(feed, received(quote()))
            assert len(reader.all()) == 1
        assert os.stat(f"{path}-wal").st_size == 0
        assert len(reader.all()) == 1


def test_closing_beside_a_reader_loses_nothing(path: Path) -> None:
    feed = feed_of()
    writer = Writer(path, feed)
    with closing(plainly(path)) as held:
        writer.write(feed, received(quote(mark=1.0)))
        held.execute("BEGIN")
        assert held.execute("SELECT mark_price FROM quote").fetchall() == [(1.0,)]
        writer.write(feed, received(quote(mark=2.0, event_time=NOW_MS + 1)))
        writer.close()
        assert held.execute("SELECT mark_price FROM quote").fetchall() == [(1.0,)]
        held.execute("COMMIT")
        assert held.execute("SELECT mark_price FROM quote").fetchall() == [(2.0,)]
        with writing(path) as writer:
            assert writer.symbols("binance") == ["BTCUSDT"]
