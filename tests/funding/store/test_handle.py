"""Whoever has a database open begins again, once, with what is there."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import apsw
import pytest

from funding.errors import StoreError, StoreLocked
from funding.model.event import Event, EventKind
from funding.store import damage
from funding.store.durable import DurableConnection
from funding.store.events import Events
from funding.store.file_identity import DatabaseFiles, FileIdentity
from funding.store.handle import Handle
from funding.store.reader import Reader
from funding.store.writer import Writer
from harness.processes import finished
from tests.support.clock import ManualClock, rows
from tests.support.store import NOW_MS, feed_of, quote, received, writing

AT = 1_764_725_610.0


def without(path: Path, *suffixes: str) -> None:
    for suffix in suffixes:
        Path(f"{path}{suffix}").unlink()


def truncated(size: int) -> Callable[[Path], None]:
    return lambda path: os.truncate(path, size)


def other_database(path: Path) -> None:
    other = path.with_name("other.db")
    with closing(sqlite3.connect(other)) as made:
        made.executescript("CREATE TABLE t (a); INSERT INTO t VALUES (1); PRAGMA user_version = 2")
    copied_over(other, path)


def copied_over(source: Path, path: Path) -> None:
    """As `cp` does: the same file, with another content."""
    with path.open("r+b") as file:
        file.truncate(0)
        file.write(source.read_bytes())


def zeros_at_the_start(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(bytes(65536))  # pages of the schema among them, which no WAL of a test has


ODD: dict[str, Callable[[Path], None]] = {
    "rm -wal -shm": lambda path: without(path, "-wal", "-shm"),
    "rm -wal": lambda path: without(path, "-wal"),
    "rm -shm": lambda path: without(path, "-shm"),
    "rm": lambda path: without(path, ""),
    "rm all": lambda path: without(path, "", "-wal", "-shm"),
    "truncate -s 0": truncated(0),
    "truncate -s 1": truncated(1),
    "truncate -s 100": truncated(100),
    "truncate -s 4K": truncated(4096),
    "truncate -s 64K": truncated(65536),
    "another database": other_database,
    "text": lambda path: copied_over(Path(__file__), path),
    "zeros": zeros_at_the_start,
}


def later(path: Path) -> None:
    """People are slower than a tick of the file system's clock, which tests are not."""
    if path.exists():
        changed = path.stat().st_mtime_ns + 1_000_000_000
        os.utime(path, ns=(changed, changed))


class Holders:
    """A reader and a durable connection in each of two threads' worth, as the watchdog has them."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        clock = ManualClock().clock()
        self.readers = [stack.enter_context(closing(Reader(path, "binance", clock))) for _ in "12"]
        self.stores = [stack.enter_context(closing(DurableConnection(path))) for _ in "12"]

    def use(self) -> list[float]:
        """Each once: the prices that were read; errors are passed over."""
        seen = []
        for reader in self.readers:
            with suppress(StoreError):
                seen += [one.mark_price for one in reader.all()]
        for store in self.stores:
            with suppress(StoreError):
                Events(store).add([Event(AT, "test", EventKind.NOTICE, "x")])
        return seen


def write_on(path: Path, writer: Writer, count: int, mark: float) -> None:
    for n in range(count):
        event_time = NOW_MS + int(mark * 1000) + n
        names = [quote(f"S{i}USDT", mark, event_time) for i in range(100)]
        writer.write(feed_of(), received(quote("BTCUSDT", mark, event_time), *names))


@pytest.mark.parametrize(
    ("what", "checkpoint"),
    # Zeros that nobody has to read, since the WAL has the newer pages, are no damage.
    [(what, moved) for what in ODD for moved in (False, True) if moved or what != "zeros"],
)
def test_everybody_begins_again_once(what: str, checkpoint: bool, path: Path) -> None:
    """Ingest ends, once; the next one has a whole database, which all read and write."""
    with ExitStack() as stack:
        holders = Holders(path, stack)
        writer = Writer(path, feed_of())
        write_on(path, writer, 5, 1.0)
        if checkpoint:
            writer.checkpoint()
        assert set(holders.use()) == {1.0}
        write_on(path, writer, 1, 1.5)
        ODD[what](path)
        later(path)
        holders.use()
        with pytest.raises(StoreError):
            write_on(path, writer, 1, 2.0)
        with suppress(StoreError):
            writer.close()
        for beginning in (3.0, 4.0):
            with writing(path) as writer:
                holders.use()  # may end with an error, and then begins again
                write_on(path, writer, 2, beginning)
                holders.use()
                assert set(holders.use()) == {beginning}
                write_on(path, writer, 2, beginning + 0.5)
                assert set(holders.use()) == {beginning + 0.5}
                assert rows(path, "PRAGMA integrity_check") == [("ok",)]
                assert len(rows(path, "SELECT 1 FROM event")) >= 4
            assert not damage.marker_path(path).exists()
    aside = list(path.parent.glob("funding-damaged-*.db"))
    assert len(aside) == (0 if what.startswith("rm") else 1)


def test_a_backup_copied_over_the_running_database_is_noticed(path: Path) -> None:
    """Whole or not, what is there afterwards is one database."""
    with writing(path) as writer:
        write_on(path, writer, 5, 1.0)
    backup = path.with_name("backup.db")
    shutil.copy(path, backup)
    writer = Writer(path, feed_of())
    write_on(path, writer, 5, 2.0)
    writer.write(feed_of(), events=[Event(AT, "x", EventKind.NOTICE, "y" * 500)] * 900)
    copied_over(backup, path)
    later(path)
    with suppress(StoreError):
        for n in range(3):
            write_on(path, writer, 1, 3.0 + n)
            writer.checkpoint()
    with suppress(StoreError):
        writer.close()
    with writing(path) as writer:
        write_on(path, writer, 1, 9.0)
        assert rows(path, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("what", ["rm -wal -shm", "rm -wal", "another database", "truncate -s 1"])
def test_link_to_the_database_leads_to_its_files(path: Path, what: str) -> None:
    """What lies beside the database is named after the file, and not after the link."""
    path.parent.mkdir()
    link = path.with_name("link.db")
    link.symlink_to(path)
    with ExitStack() as stack:
        holders = Holders(link, stack)
        writer = Writer(link, feed_of())
        write_on(link, writer, 5, 1.0)
        writer.checkpoint()
        assert set(holders.use()) == {1.0}
        write_on(link, writer, 1, 1.5)
        ODD[what](path)
        later(path)
        holders.use()
        with pytest.raises(StoreError):
            write_on(link, writer, 1, 2.0)
        with suppress(StoreError):
            writer.close()
        with writing(link) as writer:
            holders.use()
            write_on(link, writer, 2, 3.0)
            holders.use()
            assert set(holders.use()) == {3.0}
            assert rows(path, "PRAGMA integrity_check") == [("ok",)]
        assert link.is_symlink()


def test_link_that_leads_elsewhere_is_noticed(path: Path) -> None:
    path.parent.mkdir()
    link = path.with_name("link.db")
    link.symlink_to(path)
    writer = Writer(link, feed_of())
    write_on(link, writer, 1, 1.0)
    link.unlink()
    link.symlink_to(path.with_name("other.db"))
    with pytest.raises(StoreError, match="was removed or replaced"):
        write_on(link, writer, 1, 2.0)
    writer.close()
    with writing(link) as writer:
        write_on(link, writer, 1, 3.0)
    assert rows(path, "SELECT count(*) FROM quote WHERE mark_price = 1.0") == [(101,)]


def moved_over(source: Path, target: Path) -> None:
    source.rename(target)


@pytest.mark.parametrize("put", [moved_over, copied_over], ids=["mv", "cp"])
def test_a_whole_database_in_the_place_of_ours_is_used(
    path: Path, put: Callable[[Path, Path], None]
) -> None:
    """Its WAL would be that of another one: it is set aside, and nothing of the backup is lost."""
    with writing(path) as writer:
        write_on(path, writer, 2, 1.0)
        writer.write(feed_of(), events=[Event(AT, "x", EventKind.NOTICE, "kept" * 500)] * 50)
    backup = path.with_name("backup.db")
    shutil.copy(path, backup)
    path.unlink()
    clock = ManualClock().clock()
    writer = Writer(path, feed_of())
    with closing(Reader(path, "binance", clock)) as reader:
        writer.write(feed_of(), events=[Event(AT, "x", EventKind.NOTICE, "new" * 900)] * 300)
        writer.checkpoint()
        write_on(path, writer, 9, 2.0)
        assert len(reader.all()) == 101
        put(backup, path)
        later(path)
        with pytest.raises(StoreError):
            write_on(path, writer, 1, 3.0)
        with suppress(StoreError):
            writer.close()
    with writing(path) as writer:
        assert rows(path, "SELECT count(*) FROM event WHERE detail LIKE 'kept%'") == [(50,)]
        write_on(path, writer, 1, 9.0)
        assert rows(path, "SELECT count(*) FROM event WHERE detail LIKE 'new%'") == [(0,)]
        assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert not list(path.parent.glob("funding-damaged-*.db"))


def test_a_program_that_checkpoints_or_vacuums_is_no_damage(path: Path) -> None:
    with writing(path) as writer:
        write_on(path, writer, 5, 1.0)
        for statement in ("PRAGMA wal_checkpoint(PASSIVE)", "VACUUM"):
            finished(["python3", "-c", SQL, path, statement])
            write_on(path, writer, 1, 2.0)
        assert not damage.marker_path(path).exists()
        assert rows(path, "PRAGMA integrity_check") == [("ok",)]


SQL = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute(sys.argv[2])"


@pytest.mark.parametrize("content", ["", "1:2", "\xff", None])
def test_a_mark_that_speaks_of_another_file_is_nothing(content: str | None, path: Path) -> None:
    """It outlived its file, or is a folder."""
    mark = damage.marker_path(path)
    with writing(path) as writer:
        mark.mkdir() if content is None else mark.write_text(content)
        write_on(path, writer, 1, 1.0)
    with writing(path) as writer:
        write_on(path, writer, 1, 2.0)
    assert list(path.parent.glob("funding-damaged-*")) == []


def test_an_empty_database_is_a_missing_one_where_there_is_no_schema(
    path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As in an installed client."""
    monkeypatch.setattr("funding.store.upgrades.SCHEMA", tmp_path / "none.sql")
    path.parent.mkdir()
    path.touch()
    with closing(DurableConnection(path)) as store, pytest.raises(StoreError, match="no tables"):
        store.rows("SELECT 1")
    assert path.read_bytes() == b""


def test_connections_of_one_process_leave_removed_files_together(path: Path) -> None:
    """One that stays would lend its removed -shm to the one that begins again."""
    with writing(path) as writer:
        write_on(path, writer, 1, 1.0)
    with ExitStack() as stack:
        holders = Holders(path, stack)
        holders.use()
        handles = [each._handle for each in holders.readers]
        first, *others = handles + [each._handle for each in holders.stores]
        without(path, "-wal", "-shm")
        with first.use():
            assert [other._connection for other in others] == [None] * 3
        holders.use()
        without(path, "-wal", "-shm")
        with others[2].use():
            pass
        with others[1].use():
            without(path, "-wal", "-shm")
            with pytest.raises(StoreLocked, match="in a transaction"):
                first.use().__enter__()
        assert set(holders.use()) == {1.0}


HOLDS = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1])
held.execute("SELECT count(*) FROM quote").fetchall()
print("holds", flush=True)
sys.stdin.read()
"""


def test_an_index_of_a_removed_wal_is_no_damage(path: Path) -> None:
    """Another program still has the -wal that was removed, and a third has made a new one."""
    writer = Writer(path, feed_of())
    write_on(path, writer, 1, 1.0)
    writer.checkpoint()
    write_on(path, writer, 5, 2.0)
    holds = [sys.executable, "-c", HOLDS, str(path)]
    with subprocess.Popen(holds, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == b"holds\n"
        without(path, "-wal")
        with pytest.raises(StoreError):
            write_on(path, writer, 1, 3.0)
        writer.close()
        Path(f"{path}-wal").touch()
        with writing(path) as writer:
            assert writer.set_aside is None
            assert "BTCUSDT" in writer.symbols("binance")
            write_on(path, writer, 1, 4.0)
            assert rows(path, "PRAGMA integrity_check") == [("ok",)]
        other.stdin.close()


def test_files_are_not_looked_at_again_within_the_time_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []

    def identify(name: str) -> DatabaseFiles:
        looks.append(name)
        return DatabaseFiles(FileIdentity(1, 2), None, None)

    monkeypatch.setattr("funding.store.handle.identify_all", identify)
    for seconds, expected in ((3_600.0, 0), (0.0, 3)):
        handle = Handle(
            tmp_path / "x.db", lambda _: apsw.Connection(":memory:"), check_seconds=seconds
        )
        with handle.use():
            pass
        looks.clear()
        for _ in range(3):
            with handle.use():
                pass
        assert len(looks) == expected


def test_a_connection_in_use_that_began_before_the_sidecars_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path)) as before:
        before.execute("CREATE TABLE t (x)")
    first, second = (Handle(path, lambda name: apsw.Connection(str(name))) for _ in range(2))
    with first.use(), closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA journal_mode = wal")
        other.execute("INSERT INTO t VALUES (1)")
        other.commit()
        with second.use() as connection:
            assert connection.execute("SELECT x FROM t").get == 1
    first.close()
    second.close()
