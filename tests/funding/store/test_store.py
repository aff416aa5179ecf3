"""The store, on real files: what is written is there, whole, whatever happens to the writer."""

import json
import os
import random
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Any

import apsw
import pytest

from funding.errors import (
    StoreCorrupt,
    StoreError,
    StoreForeign,
    StoreFull,
    StoreLocked,
    StoreMissing,
)
from funding.model.event import Event, EventKind
from funding.model.feed import Feed
from funding.model.quote import Quote
from funding.runtime.clock import Clock
from funding.store import damage, database
from funding.store.reader import Reader
from funding.store.writer import Writer, set_aside_if_foreign
from tests.conftest import ROOT
from tests.support.processes import PATIENCE_SECONDS, finished

HOUR_MS = 3_600_000
NOW_MS = 1_764_725_610_000
VERSION = database.VERSION


@dataclass
class Hand:
    """A clock set by hand."""

    wall: float = 1_764_725_610.0
    uptime: float = 5_000.0
    boot: str = "this boot"

    def clock(self) -> Clock:
        return Clock(wall=lambda: self.wall, uptime=lambda: self.uptime, boot=self.boot)


def feed_of(address: str = "fstream.example", boot: str = "this boot") -> Feed:
    return Feed("binance", address, 17, boot, started_at=1_764_725_000.0, started_uptime=4_000.0)


def quote(
    symbol: str = "BTCUSDT",
    mark: float = 91_897.67414493,
    event_time: int = NOW_MS,
    rate: float | None = 0.00001864,
    settles: int | None = NOW_MS + HOUR_MS,
) -> Quote:
    return Quote(symbol, mark, 91_930.87652174, rate, settles, event_time)


def received(
    *quotes: Quote, wall: float = 1_764_725_610.0, uptime: float = 5_000.0
) -> list[tuple[Quote, float, float]]:
    """`quotes` as the writer takes them, received at one moment."""
    return [(one, wall, uptime) for one in quotes]


@contextmanager
def writing(path: Path, feed: Feed | None = None) -> Iterator[Writer]:
    writer = Writer(path, feed or feed_of())
    try:
        yield writer
    finally:
        writer.close()


@contextmanager
def reading(path: Path, hand: Hand | None = None) -> Iterator[Reader]:
    with closing(Reader(path, "binance", (hand or Hand()).clock())) as reader:
        yield reader


def plainly(path: Path) -> apsw.Connection:
    """A connection without our settings, for use in `closing`.

    Of the same library: a second one in this process would share its locks, and drop them.
    """
    return apsw.Connection(str(path))


def rows(path: Path, statement: str) -> list[Any]:
    """What the file answers, without our code between."""
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as other:
        return other.execute(statement).fetchall()


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but SQLite's shared memory, which any reader may touch, and the lock file."""
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if not path.name.endswith(("-shm", ".lock"))
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a database may be made, in a folder that is not there yet."""
    return tmp_path / "var" / "funding.db"


# Writing and reading back


def test_a_quote_comes_back_as_it_was_sent(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer, reading(path) as reader:
        assert writer.write(feed, received(quote())) == 1
        found = reader.one("BTCUSDT")
        assert found is not None
        assert (found.mark_price, found.index_price) == (91_897.67414493, 91_930.87652174)
        assert (found.funding_rate, found.next_funding_time) == (0.00001864, NOW_MS + HOUR_MS)
        assert (found.exchange, found.symbol, found.event_time) == ("binance", "BTCUSDT", NOW_MS)
        assert found.updated_at == 1_764_725_610.0


def test_no_funding_is_null_and_not_zero(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer, reading(path) as reader:
        writer.write(feed, received(quote(rate=None, settles=None)))
        found = reader.one("BTCUSDT")
        assert found is not None
        assert (found.funding_rate, found.next_funding_time) == (None, None)
    assert rows(path, "SELECT funding_rate IS NULL, next_funding_time IS NULL FROM quote") == [
        (1, 1)
    ]


def test_older_and_repeated_event_times_never_overwrite(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer, reading(path) as reader:
        assert writer.write(feed, received(quote(mark=100.0)), ceiling=NOW_MS + 5_000) == 1
        older = received(quote(mark=99.0, event_time=NOW_MS - 1), wall=1_764_725_620.0)
        same = received(quote(mark=98.0), wall=1_764_725_620.0)
        assert writer.write(feed, older, ceiling=NOW_MS + 5_000) == 0
        assert writer.write(feed, same, ceiling=NOW_MS + 5_000) == 0
        found = reader.one("BTCUSDT")
        assert found is not None
        assert (found.mark_price, found.updated_at) == (100.0, 1_764_725_610.0)
        newer = received(quote(mark=101.0, event_time=NOW_MS + 1))
        assert writer.write(feed, newer, ceiling=NOW_MS + 5_000) == 1
        assert [reading.mark_price for reading in reader.all()] == [101.0]
        stored = reader.feed()
        assert stored is not None
        assert (stored.accepted, stored.repeated) == (2, 2)


def test_an_event_time_that_was_never_true_gives_way_to_the_next_good_one(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer, reading(path) as reader:
        future = received(quote(mark=1.0, event_time=NOW_MS + 20 * HOUR_MS))
        writer.write(feed, future, ceiling=NOW_MS + 5_000)
        writer.write(
            feed, received(quote(mark=2.0, event_time=NOW_MS + 1_000)), ceiling=NOW_MS + 6_000
        )
        found = reader.one("BTCUSDT")
        assert found is not None
        assert (found.mark_price, found.event_time) == (2.0, NOW_MS + 1_000)


def test_an_event_time_up_to_the_ceiling_is_believed(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer:
        writer.write(feed, received(quote(event_time=NOW_MS + 5_000)), ceiling=NOW_MS + 5_000)
        late = received(quote(event_time=NOW_MS + 4_999))
        assert writer.write(feed, late, ceiling=NOW_MS + 5_000) == 0


@pytest.mark.parametrize("symbol", ["BTCUSDT", "btcusdt", "BtcUsdt"])
def test_ascii_case_does_not_matter(symbol: str, path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer, reading(path) as reader:
        writer.write(feed, received(quote()))
        found = reader.one(symbol)
        assert found is not None
        assert found.symbol == "BTCUSDT"
        again = received(quote(symbol, mark=5.0, event_time=NOW_MS + 1))
        writer.write(feed, again)
        assert [one.mark_price for one in reader.all()] == [5.0]


def test_symbols_of_other_scripts_are_themselves(path: Path) -> None:
    feed = feed_of()
    names = ["币安人生USDT", "ÄUSDT", "äUSDT", "😀USDT", "USDT' OR 1=1 --", '["X"]']
    with writing(path, feed) as writer, reading(path) as reader:
        writer.write(feed, received(*(quote(name, float(i + 1)) for i, name in enumerate(names))))
        for i, name in enumerate(names):
            found = reader.one(name)
            assert found is not None
            assert (found.symbol, found.mark_price) == (name, i + 1)
        assert {one.symbol for one in reader.all()} == set(names)
        assert reader.one("币安人生usdt") is not None
        assert sorted(writer.symbols("binance")) == sorted(names)


@pytest.mark.parametrize(("ceiling", "stored"), [(NOW_MS, 0), (NOW_MS - 1, 1)])
def test_a_stored_time_beyond_the_ceiling_is_not_believed(
    ceiling: int, stored: int, path: Path
) -> None:
    feed = feed_of()
    names = [f"S{n}USDT" for n in range(17)]
    with writing(path, feed) as writer:
        writer.write(feed, received(*map(quote, names)), ceiling=NOW_MS)
        older = received(*(quote(name, event_time=NOW_MS - 500) for name in names))
        assert writer.write(feed, older, ceiling=ceiling) == stored * len(names)


@pytest.mark.parametrize("count", [1, 15, 16, 17, 40])
def test_every_row_of_a_frame_is_judged_by_itself(count: int, path: Path) -> None:
    feed = feed_of()
    names = [f"S{n}USDT" for n in range(count)]
    first = [
        (quote(name, n + 1.0, NOW_MS, n / 1e6, NOW_MS + n), 1_000.0 + n, 2_000.0 + n)
        for n, name in enumerate(names)
    ]
    second = [
        (quote(name, n + 0.5, NOW_MS + (n % 3 == 0), None, None), 3_000.0 - n, 4_000.0 - n)
        for n, name in enumerate(names)
    ]
    with writing(path, feed) as writer:
        assert writer.write(feed, first, ceiling=NOW_MS + 1_000) == count
        assert (feed.last_frame_at, feed.last_frame_uptime) == (999.0 + count, 1_999.0 + count)
        newer = len(names[::3])
        assert writer.write(feed, second, ceiling=NOW_MS + 1_000) == newer
        assert (feed.last_frame_at, feed.last_frame_uptime) == (3_000.0, 4_000.0)
        assert (feed.accepted, feed.repeated) == (count + newer, count - newer)
    expected = [
        (
            one.symbol, one.mark_price, one.index_price, one.funding_rate, one.next_funding_time,
            one.event_time, wall, uptime,
        )
        for n in range(count)
        for one, wall, uptime in [(second if n % 3 == 0 else first)[n]]
    ]  # fmt: skip
    columns = "mark_price, index_price, funding_rate, next_funding_time, event_time"
    stored = f"SELECT symbol, {columns}, updated_at, received_uptime FROM quote ORDER BY rowid"
    assert rows(path, stored) == expected


@pytest.mark.parametrize("hours", [1, 4, 8])
def test_the_funding_interval_is_learned_when_a_settlement_passes(hours: int, path: Path) -> None:
    feed = feed_of()
    learned = "SELECT funding_interval_hours FROM quote"
    with writing(path, feed) as writer:
        steps = (NOW_MS, NOW_MS, NOW_MS + hours * HOUR_MS)
        for i, settles in enumerate(steps):
            assert rows(path, learned) == ([] if i == 0 else [(None,)])
            writer.write(feed, received(quote(event_time=NOW_MS + i, settles=settles)))
        assert rows(path, learned) == [(hours,)]


@pytest.mark.parametrize("settles", [None, NOW_MS, NOW_MS + 5 * HOUR_MS, NOW_MS - 8 * HOUR_MS])
def test_no_other_step_teaches_an_interval(settles: int | None, path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer:
        for i, at in enumerate((NOW_MS - 4 * HOUR_MS, NOW_MS, settles)):
            writer.write(feed, received(quote(event_time=NOW_MS + i, settles=at)))
    assert rows(path, "SELECT funding_interval_hours FROM quote") == [(4,)]


def test_a_turn_is_stored_as_a_whole_or_not_at_all(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer, reading(path) as reader:
        writer.write(feed, received(quote(mark=1.0)))
        feed.frames = 99
        bad = received(quote(mark=2.0, event_time=NOW_MS + 1), quote("BADUSDT", mark=-1.0))
        with pytest.raises(StoreError):
            writer.write(feed, bad, [Event(1.0, "ingest", EventKind.CONNECT, "")])
        assert [one.mark_price for one in reader.all()] == [1.0]
        stored = reader.feed()
        assert stored is not None
        assert stored.frames == 0
        assert rows(path, "SELECT * FROM event") == []
        assert writer.write(feed, received(quote(mark=3.0, event_time=NOW_MS + 2))) == 1


def test_events_are_kept_and_pruned_by_age(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer:
        events = [
            Event(float(at), "ingest", EventKind.CONNECT, f"connection {at}") for at in (1, 2, 3)
        ]
        writer.write(feed, events=events)
        writer.prune_events(2.0)
    assert rows(path, "SELECT at, source, kind, detail FROM event ORDER BY at") == [
        (2.0, "ingest", "connect", "connection 2"),
        (3.0, "ingest", "connect", "connection 3"),
    ]


def test_a_version_lasts_until_anybody_commits(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer, reading(path) as reader:
        seen = [reader.version()]
        for _ in range(3):
            writer.write(feed, received(quote(event_time=NOW_MS + len(seen))))
            seen.append(reader.version())
            assert reader.version() == seen[-1]
        reader.close()
        seen.append(reader.version())
        assert len(set(seen)) == len(seen) == 5


# Ages and clocks


def test_an_age_is_taken_from_the_clock_that_does_not_step(path: Path) -> None:
    feed, hand = feed_of(), Hand()
    with writing(path, feed) as writer, reading(path, hand) as reader:
        writer.write(feed, received(quote()))
        for wall in (hand.wall - 3_600, hand.wall + 3_600):
            hand.wall, hand.uptime = wall, hand.uptime + 10
            (found,) = reader.all()
            assert found.age_seconds == pytest.approx(hand.uptime - 5_000.0)


def test_a_frame_that_comes_after_the_clock_was_read_is_of_no_age(path: Path) -> None:
    feed, hand = feed_of(), Hand()
    with writing(path, feed) as writer, reading(path, hand) as reader:
        writer.write(feed, received(quote()))
        hand.uptime = 4_999.9  # as somebody read it just before
        assert [one.age_seconds for one in reader.all()] == [0.0]


def test_after_a_reboot_the_wall_clock_gives_the_age(path: Path) -> None:
    feed, hand = feed_of(), Hand(uptime=20.0, boot="next boot")
    with writing(path, feed) as writer:
        writer.write(feed, received(quote(), quote("ETHUSDT")))
    hand.wall += 300
    with reading(path, hand) as reader:
        # Before ingest has begun again, and after.
        assert [one.age_seconds for one in reader.all()] == [300.0, 300.0]
        feed = feed_of(boot="next boot")
        with writing(path, feed) as writer:
            assert rows(path, "SELECT count(*) FROM quote WHERE received_uptime IS NULL") == [(2,)]
            assert [one.age_seconds for one in reader.all()] == [300.0, 300.0]
            new = received(quote(event_time=NOW_MS + 1), wall=hand.wall, uptime=19.0)
            writer.write(feed, new)
            assert [one.age_seconds for one in reader.all()] == [1.0, 300.0]
        hand.wall -= 3_600
        assert [one.age_seconds for one in reader.all()] == [1.0, 0.0]


def test_the_next_ingest_of_one_boot_keeps_the_ages(path: Path) -> None:
    feed, hand = feed_of(), Hand(uptime=5_030.0)
    with writing(path, feed) as writer:
        writer.write(feed, received(quote()))
    with writing(path), reading(path, hand) as reader:
        assert [one.age_seconds for one in reader.all()] == [30.0]


# Files that are not there, not ours, or not to be written


def test_a_new_database_is_made_with_all_that_the_contract_names(path: Path) -> None:
    with writing(path):
        names = {name for (name,) in rows(path, "SELECT name FROM sqlite_schema")}
        assert names >= {"quote", "feed", "comparison", "event"}
        assert names >= {"latest", "stale", "worst_differences"}
        assert rows(path, "PRAGMA user_version") == [(VERSION,)]
        assert rows(path, "PRAGMA application_id") == [(damage.APPLICATION_ID,)]
        assert rows(path, "PRAGMA journal_mode") == [("wal",)]


def test_a_schema_that_fails_half_way_leaves_an_empty_file(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "schema.sql"
    broken.write_text(database.SCHEMA.read_text("utf-8") + "\nCREATE TABLE quote (again);\n")
    monkeypatch.setattr(database, "SCHEMA", broken)
    with pytest.raises(StoreError, match="already exists"):
        Writer(path, feed_of())
    assert rows(path, "SELECT name FROM sqlite_schema") == []
    assert rows(path, "PRAGMA user_version") == [(0,)]
    monkeypatch.undo()
    with writing(path) as writer:
        assert writer.symbols("binance") == []


def test_an_older_schema_is_upgraded_step_by_step(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = feed_of()
    with writing(path, feed) as writer:
        writer.write(feed, received(quote()))
    steps = {
        VERSION: "CREATE TABLE extra (a TEXT) STRICT",
        VERSION + 1: "ALTER TABLE extra ADD COLUMN b TEXT; INSERT INTO extra VALUES ('x', 'y')",
    }
    monkeypatch.setattr(database, "VERSION", VERSION + 2)
    monkeypatch.setattr(database, "UPGRADES", steps)
    for _ in range(2):
        with writing(path) as writer:
            assert writer.symbols("binance") == ["BTCUSDT"]
        assert rows(path, "SELECT a, b FROM extra") == [("x", "y")]
        assert rows(path, "PRAGMA user_version") == [(VERSION + 2,)]


def test_an_upgrade_that_fails_leaves_the_old_version(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = feed_of()
    with writing(path, feed) as writer:
        writer.write(feed, received(quote()))
    steps = {
        VERSION: "CREATE TABLE extra (a TEXT)",
        VERSION + 1: "DELETE FROM quote; DROP TABLE no_such_table",
    }
    monkeypatch.setattr(database, "VERSION", VERSION + 2)
    monkeypatch.setattr(database, "UPGRADES", steps)
    with pytest.raises(StoreError, match="no_such_table"):
        Writer(path, feed_of())
    assert rows(path, "PRAGMA user_version") == [(VERSION,)]
    assert rows(path, "SELECT name FROM sqlite_schema WHERE name = 'extra'") == []
    monkeypatch.undo()
    with writing(path) as writer:
        assert writer.symbols("binance") == ["BTCUSDT"]


def _leave_open(path: Path, script: str) -> None:
    """Run SQL `script` on `path` in a process that dies without closing: its WAL stays."""
    code = "import os, sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.argv[2]);"
    finished([sys.executable, "-c", f"{code} os._exit(0)", path, script])


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
    _leave_open(path, script)
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


@pytest.mark.parametrize(
    "data", [b"a letter to my aunt\n" * 500, b"hello\n", b"SQLite format 3\0" + b"x" * 5_000]
)
def test_a_file_that_is_no_database_is_left_as_it_is(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "funding.db"
    path.write_bytes(data)
    with pytest.raises(StoreCorrupt, match="not readable as a database") as caught:
        Writer(path, feed_of())
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(StoreCorrupt), reading(path) as reader:
        reader.all()
    assert contents(tmp_path) == {"funding.db": data}


def test_a_damaged_page_is_a_store_error_of_ours(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer:
        writer.write(feed, received(quote()))
    pages = rows(
        path,
        "SELECT rootpage, page_size FROM sqlite_schema, pragma_page_size"
        " WHERE tbl_name = 'quote' AND rootpage > 0",  # the table and its index
    )
    with path.open("r+b") as file:
        for page, size in pages:
            file.seek((page - 1) * size)
            file.write(b"\xff" * size)
    with writing(path) as writer:
        with pytest.raises(StoreCorrupt):
            writer.symbols("binance")
        with pytest.raises(StoreCorrupt):
            writer.write(feed, received(quote(event_time=NOW_MS + 1)))
    assert not damage.marker_path(path).exists()
    with pytest.raises(StoreCorrupt), reading(path) as reader:
        reader.one("BTCUSDT")
    assert damage.marker_path(path).exists(), "ingest is not told"


def test_a_path_that_cannot_be_a_file_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "funding.db"):
        with pytest.raises(StoreError):
            Writer(path, feed_of())
        with pytest.raises(StoreError), reading(path) as reader:
            reader.all()


def test_a_reader_says_what_is_not_there_yet(path: Path) -> None:
    with reading(path) as reader:
        with pytest.raises(StoreMissing, match="not there yet"):
            reader.all()
        path.parent.mkdir()
        path.touch()
        with pytest.raises(StoreMissing, match="no tables yet"):
            reader.one("BTCUSDT")
        assert path.read_bytes() == b""
        with writing(path):
            assert reader.all() == []
            assert reader.one("BTCUSDT") is None
            assert reader.feed() is not None


def test_a_reader_cannot_write(path: Path) -> None:
    with writing(path), reading(path) as reader:
        reader.all()
        held = reader._connection
        assert held is not None
        with pytest.raises(apsw.ReadOnlyError):
            held.execute("DELETE FROM feed")


def test_a_reader_follows_a_file_that_is_replaced(path: Path) -> None:
    with reading(path) as reader:
        for mark in (1.0, 2.0):
            feed = feed_of()
            with writing(path, feed) as writer:
                writer.write(feed, received(quote(mark=mark)))
                assert [one.mark_price for one in reader.all()] == [mark]
            reader.close()
            path.rename(path.with_name(f"old-{mark}.db"))
            with pytest.raises(StoreMissing):
                reader.all()


def test_a_file_replaced_under_an_open_reader_is_followed(path: Path) -> None:
    for name, mark in (("funding.db", 1.0), ("other.db", 2.0)):
        feed = feed_of()
        with writing(path.with_name(name), feed) as writer:
            writer.write(feed, received(quote(mark=mark)))
    with reading(path) as reader:
        assert [one.mark_price for one in reader.all()] == [1.0]
        path.rename(path.with_name("old.db"))
        for suffix in ("-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
        path.with_name("other.db").rename(path)
        assert [one.mark_price for one in reader.all()] == [2.0]


# One writer, and other people's locks


def test_a_second_writer_is_refused_at_once(path: Path) -> None:
    with writing(path) as writer:
        with pytest.raises(StoreLocked, match="another ingest"):
            Writer(path, feed_of())
        feed = feed_of()
        assert writer.write(feed, received(quote())) == 1
    with writing(path) as writer:
        assert writer.symbols("binance") == ["BTCUSDT"]


def test_a_second_writer_by_another_name_is_refused_too(path: Path) -> None:
    with writing(path):
        other = path.with_name("link.db")
        other.symlink_to(path)
        with pytest.raises(StoreLocked, match="another ingest"):
            Writer(other, feed_of())


def test_a_writer_that_could_not_begin_lets_go(path: Path) -> None:
    with writing(path):
        pass
    with pytest.raises(StoreForeign, match=r"holds quotes of fstream\.example.*new\.example need"):
        Writer(path, feed_of("new.example"))
    with writing(path):
        pass


def test_a_lock_that_is_never_released_is_an_error(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer, closing(plainly(path)) as other:
        writer.write(feed, received(quote()))
        writer._connection.set_busy_timeout(10)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreLocked, match="locked by another process"):
            writer.write(feed, received(quote(event_time=NOW_MS + 1)))
        other.execute("ROLLBACK")
        assert writer.write(feed, received(quote(event_time=NOW_MS + 2))) == 1


def test_a_transaction_holds_the_write_lock_from_its_beginning(path: Path) -> None:
    with writing(path) as writer, closing(plainly(path)) as other:
        with database.transaction(writer._connection), pytest.raises(apsw.BusyError):
            other.execute("BEGIN IMMEDIATE")
        other.execute("BEGIN IMMEDIATE")


def test_a_lock_of_a_moment_is_waited_for(path: Path) -> None:
    with writing(path) as writer:
        assert writer._connection.pragma("busy_timeout") == 5_000
    with reading(path) as reader:
        reader.all()
        assert reader._connection is not None
        assert reader._connection.pragma("busy_timeout") == 500


def test_a_reader_of_a_file_that_a_person_locks_for_long_says_so(path: Path) -> None:
    with writing(path) as writer:
        writer.write(feed_of(), received(quote()))
    with closing(plainly(path)) as person, reading(path) as reader:
        person.execute("PRAGMA locking_mode = EXCLUSIVE")
        person.execute("DELETE FROM event")
        began = time.monotonic()
        with pytest.raises(StoreLocked, match="locked by another process"):
            reader.one("BTCUSDT")
        assert time.monotonic() - began < 4  # and not the five seconds of a writer
        person.close()
        assert reader.one("BTCUSDT") is not None


def test_a_writer_of_comparisons_beside_ingest_disturbs_nobody(path: Path) -> None:
    feed = feed_of()
    insert = (
        "INSERT INTO comparison (compared_at, source, exchange, symbol, field, outcome)"
        " VALUES (1, 'watchdog', 'binance', 'BTCUSDT', 'mark_price', 'match')"
    )
    with writing(path, feed) as writer, closing(plainly(path)) as other:
        for i in range(20):
            other.execute(insert)
            assert writer.write(feed, received(quote(event_time=NOW_MS + i))) == 1


def test_a_checkpoint_beside_somebody_elses_is_no_error(path: Path) -> None:
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


def test_files_are_for_their_owner_alone(path: Path) -> None:
    before = os.umask(0o077)
    try:
        with writing(path):
            modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()}
            assert set(modes) >= {"funding.db", "funding.db-wal", "funding.db.ingest.lock"}
            assert set(modes.values()) == {0o600}
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    finally:
        os.umask(before)


# Setting aside what another address delivered


def test_another_addresss_quotes_are_set_aside(path: Path) -> None:
    assert set_aside_if_foreign(path, feed_of()) is None
    names = []
    for address in ("127.0.0.1", "fstream.example", "127.0.0.1", "fstream.example"):
        feed = feed_of(address)
        aside = set_aside_if_foreign(path, feed)
        names.append(aside.name if aside else None)
        with writing(path, feed) as writer:
            assert writer.symbols("binance") == []
            writer.write(feed, received(quote(f"AT{address}")))
        assert set_aside_if_foreign(path, feed) is None
    first, second = "funding-127.0.0.1.db", "funding-fstream.example.db"
    assert names == [None, first, second, "funding-127.0.0.1-2.db"]
    assert rows(path.with_name(first), "SELECT symbol FROM quote") == [("AT127.0.0.1",)]
    assert rows(path.with_name(second), "SELECT symbol FROM quote") == [("ATfstream.example",)]


def test_what_is_open_elsewhere_is_not_set_aside(path: Path) -> None:
    feed = feed_of("old.example")
    with writing(path, feed) as writer:
        writer.write(feed, received(quote()))
    with reading(path) as reader:
        reader.all()
        with pytest.raises(StoreLocked, match=r"old\.example.*open in another program"):
            set_aside_if_foreign(path, feed_of("new.example"))
        assert [one.symbol for one in reader.all()] == ["BTCUSDT"]
    aside = set_aside_if_foreign(path, feed_of("new.example"))
    assert aside is not None
    assert rows(aside, "SELECT symbol FROM quote") == [("BTCUSDT",)]
    assert not path.exists()


def test_what_a_killed_ingest_left_is_set_aside_whole(path: Path) -> None:
    with writing(path, feed_of("old.example")):
        pass
    _leave_open(path, "INSERT INTO event (at, source, kind, detail) VALUES (1, 'a', 'b', 'c');")
    aside = set_aside_if_foreign(path, feed_of("new.example"))
    assert aside is not None
    assert rows(aside, "SELECT kind FROM event") == [("b",)]


# Full disks, killed writers, readers that stay


def test_a_full_disk_shows_as_such_and_loses_nothing(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer, reading(path) as reader:
        writer.write(feed, received(*(quote(f"KEPT{i}USDT") for i in range(50))))
        held = writer._connection
        held.pragma("max_page_count", int(str(held.pragma("page_count"))) + 2)
        many = received(*(quote(f"LOST{i}USDT") for i in range(2_000)))
        with pytest.raises(StoreFull, match="no space left"):
            writer.write(feed, many)
        assert not held.in_transaction
        assert len(reader.all()) == 50
        one = received(quote("KEPT0USDT", mark=7.0, event_time=NOW_MS + 1))
        assert writer.write(feed, one) == 1
        held.pragma("max_page_count", 1_000_000)
        assert writer.write(feed, many) == 2_000
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


WRITE_FOR_EVER = """
import os, sys
from pathlib import Path
from funding.model.event import Event, EventKind; from funding.model.feed import Feed
from funding.model.quote import Quote
from funding.store.writer import Writer
path, symbols = Path(sys.argv[1]), [f"S{i}USDT" for i in range(60)]
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        feed = Feed("binance", "fstream.example", os.getpid(), "boot", 0.0, 0.0)
        writer = Writer(path, feed)
        for n in range(int(line), 1_000_000):
            feed.frames = n
            writer.write(
                feed,
                [(Quote(symbol, float(n), 1.0, 0.0, None, n), n, n) for symbol in symbols],
                [Event(float(n), "test", EventKind.NOTICE, "x" * 200)],
            )
            os.write(1, f"{n}\\n".encode())
            if n % 7 == 0:
                writer.checkpoint()
    os.write(1, f"pid {pid}\\n".encode())
    os.waitpid(pid, 0)
    os.write(1, b"dead\\n")
"""


@contextmanager
def nursery(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that forks one writer per line it is told: the number of its first frame."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE_FOR_EVER, str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        with process:
            try:
                yield process
            finally:
                assert process.stdin is not None
                process.stdin.close()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def test_a_writer_killed_in_mid_write_loses_nothing_it_acknowledged(path: Path) -> None:
    chance, last = random.Random(7), 0
    with nursery(path) as parent, reading(path) as reader:
        assert parent.stdin is not None
        assert parent.stdout is not None
        for _ in range(30):
            parent.stdin.write(f"{last + 1}\n")
            parent.stdin.flush()
            pid, acknowledged = 0, last
            enough = last + chance.randint(1, 12)
            while not pid or acknowledged < enough:
                line = parent.stdout.readline()
                assert line, "the writer ended by itself"
                if line.startswith("pid"):
                    pid = int(line.split()[1])
                else:
                    acknowledged = int(line)
                    stored = {one.event_time for one in reader.all()}
                    assert len(stored) == 1, "half a frame is visible"
                    assert stored >= {acknowledged} or min(stored) > acknowledged
            os.kill(pid, signal.SIGKILL)
            while (line := parent.stdout.readline()) != "dead\n":
                acknowledged = int(line)
            last = _check_after_death(path, reader, acknowledged)


def _check_after_death(path: Path, reader: Reader, acknowledged: int) -> int:
    """What every file must hold whose writer was killed; the last frame it holds."""
    stored = {one.event_time for one in reader.all()}
    assert len(stored) == 1
    (last,) = stored
    assert acknowledged <= last <= acknowledged + 1
    assert {one.mark_price for one in reader.all()} == {float(last)}
    feed = reader.feed()
    assert feed is not None
    assert feed.frames == last
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert [at for (at,) in rows(path, "SELECT at FROM event ORDER BY at")] == [
        float(n) for n in range(1, last + 1)
    ]
    return last


def frames_of(
    count: int, symbols: int, first: int = 0
) -> Iterator[list[tuple[Quote, float, float]]]:
    for n in range(first, first + count):
        yield received(*(quote(f"S{i}USDT", 1.0 + n, NOW_MS + n) for i in range(symbols)))


def test_the_wal_stays_small_in_normal_running(path: Path) -> None:
    feed, largest = feed_of(), 0
    with writing(path, feed) as writer:
        for n, frame in enumerate(frames_of(1_200, 150)):
            writer.write(feed, frame, [Event(float(n), "test", EventKind.NOTICE, "")])
            if n % 20 == 19:  # ten seconds at two frames a second
                writer.checkpoint()
            largest = max(largest, os.stat(f"{path}-wal").st_size)
    assert 0 < largest < 16 * 1024 * 1024


def test_the_wal_stays_small_when_the_timer_does_not_come(path: Path) -> None:
    feed, written = feed_of(), 0
    with writing(path, feed) as writer:
        while written < 40 * 1024 * 1024:
            writer.write(feed, events=[Event(0.0, "test", EventKind.NOTICE, "x" * 200_000)])
            written += 200_000
            assert os.stat(f"{path}-wal").st_size < 16 * 1024 * 1024


def test_a_reader_that_stays_holds_up_nobody_and_sees_one_instant(path: Path) -> None:
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


def test_closing_empties_the_wal_beside_a_reader_that_is_idle(path: Path) -> None:
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


# The views, for people


def fill_views(path: Path) -> None:
    """Two fresh quotes, two stale ones, and comparisons of today and of the day before."""
    feed, now = feed_of(), time.time()
    settles = 1_764_748_800_000
    with writing(path, feed) as writer:
        eight_hours = quote("BTCUSDT", 91_897.67414493, rate=0.0001, settles=settles)
        none = quote("XAUUSDT", 4_000.5, rate=None, settles=None)
        for step, hours in enumerate((-4, 0)):
            four_hours = quote(
                "币安人生USDT", 0.25, NOW_MS + step, -0.0002, settles + hours * HOUR_MS
            )
            writer.write(feed, received(four_hours, wall=now - 10))
        writer.write(feed, received(eight_hours, wall=now - 2))
        writer.write(feed, received(none, wall=now - 181))
        writer.write(feed, received(quote("OLDUSDT"), wall=now - 7_200))
    insert = (
        "INSERT INTO comparison (compared_at, source, exchange, symbol, field, difference_pct,"
        " outcome) VALUES (?, 'watchdog', 'binance', ?, ?, ?, ?)"
    )
    with closing(plainly(path)) as plain:
        for i in range(30):
            outcome = "match" if i < 20 else "significant"
            difference = (-1) ** i * i / 100
            values = (now - 60 * i, f"S{i}USDT", "mark_price", difference, outcome)
            plain.execute(insert, values)
        plain.execute(insert, (now - 86_500, "BEFOREUSDT", "funding_rate", 50.0, "mismatch"))


def by_program(path: Path, statement: str) -> list[dict[str, Any]]:
    """What the `sqlite3` program answers."""
    if which("sqlite3") is None:
        pytest.skip("the sqlite3 program is not installed")
    result = finished(["sqlite3", "-readonly", "-json", path, statement])
    assert result.stderr == ""
    answer: list[dict[str, Any]] = json.loads(result.stdout or "[]")
    return answer


BY_LIBRARY = """
import json, sqlite3, sys
plain = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
plain.row_factory = sqlite3.Row
print(json.dumps([dict(row) for row in plain.execute(sys.argv[2])]))
"""


def by_library(path: Path, statement: str) -> list[dict[str, Any]]:
    """What the standard library's SQLite answers, in a process of its own."""
    result = finished([sys.executable, "-c", BY_LIBRARY, path, statement])
    assert result.stderr == ""
    answer: list[dict[str, Any]] = json.loads(result.stdout)
    return answer


@pytest.mark.parametrize("answers", [by_program, by_library])
def test_the_views_read_well(answers: Any, path: Path) -> None:
    fill_views(path)
    latest = answers(path, "SELECT * FROM latest LIMIT 5")
    assert [row["symbol"] for row in latest] == ["BTCUSDT", "币安人生USDT", "XAUUSDT", "OLDUSDT"]
    assert latest[0] | {"age_seconds": 0, "updated": ""} == {
        "symbol": "BTCUSDT",
        "mark_price": 91_897.67414493,
        "index_price": 91_930.87652174,
        "funding_pct": 0.01,
        "annualised_pct": 10.95,
        "next_funding": "2025-12-03T08:00:00Z",
        "age_seconds": 0,
        "updated": "",
        "exchange": "binance",
    }
    assert latest[1]["funding_pct"] == -0.02
    assert latest[1]["annualised_pct"] == -43.8  # every four hours
    assert latest[2]["funding_pct"] is latest[2]["annualised_pct"] is None
    assert latest[2]["next_funding"] is None
    ages = [row["age_seconds"] for row in latest]
    assert ages == [pytest.approx(age, abs=PATIENCE_SECONDS) for age in (2, 10, 181, 7_200)]
    shown = time.strptime(latest[0]["updated"], "%Y-%m-%dT%H:%M:%SZ")
    assert abs(time.mktime(shown) - time.timezone - time.time()) < PATIENCE_SECONDS
    stale = answers(path, "SELECT * FROM stale")
    assert [row["symbol"] for row in stale] == ["OLDUSDT", "XAUUSDT"]
    worst = answers(path, "SELECT * FROM worst_differences")
    assert [row["difference_pct"] for row in worst] == [
        (-1) ** i * i / 100 for i in range(29, 9, -1)
    ]
    assert worst[0]["outcome"] == "significant"


@pytest.mark.parametrize("answers", [by_program, by_library])
def test_the_views_can_be_read_beside_a_running_writer(answers: Any, path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer:
        writer.write(feed, received(quote(), wall=time.time()))
        (row,) = answers(path, "SELECT symbol, mark_price FROM latest")
        assert row == {"symbol": "BTCUSDT", "mark_price": 91_897.67414493}
        assert answers(path, "SELECT * FROM stale") == []
