"""On the disk when acknowledged, whatever is killed; never in the wrong file."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import apsw
import pytest

from funding.errors import StoreError, StoreForeign, StoreLocked, StoreMissing
from funding.model.ban import Ban, BanKind
from funding.model.event import Event, EventKind
from funding.store.comparisons import Comparisons
from funding.store.database import open_writer
from funding.store.durable import DurableConnection
from funding.store.events import Events
from funding.store.outbox import OutboxStore
from funding.store.prepare import set_aside_if_foreign
from funding.store.rest_usage import RestUsage
from funding.store.writer import Writer
from harness.processes import WAIT_SECONDS, environment
from tests.conftest import ROOT
from tests.support.clock import ManualClock, feed_at, rows, write
from tests.support.store import comparison, writing

AT = 1_764_725_610.0
MINUTE = int(AT // 60)


def test_before_ingest_there_is_nothing_to_write_to(tmp_path: Path) -> None:
    path = tmp_path / "funding.db"
    with closing(DurableConnection(path)) as store:
        writes: list[Callable[[], Any]] = [
            lambda: Comparisons(store).add([comparison()]),
            lambda: RestUsage(store).prune(AT),
            lambda: RestUsage(store).spend("a", "one", 1, MINUTE, 5),
            lambda: RestUsage(store).ban("x"),
            lambda: Events(store).recall("a", EventKind.START, 0),
        ]
        for call in writes:
            with pytest.raises(StoreMissing):
                call()
        assert not path.exists(), "it must not hide that ingest is not running"
        write(path, ManualClock().clock())
        Comparisons(store).add([comparison()])
    assert len(rows(path, "SELECT * FROM comparison")) == 1


def test_a_transaction_spans_tables_and_undoes_them_together(
    path: Path, store: DurableConnection
) -> None:
    counts = "SELECT (SELECT count(*) FROM comparison), (SELECT count(*) FROM rest_usage)"
    for wrong in (7, 0):
        with suppress(StoreError), store.transaction():
            assert RestUsage(store).spend("test", "time", 1, MINUTE, 10) == 0
            assert RestUsage(store).used(MINUTE) == 1, "it sees its own writes"
            Comparisons(store).add([comparison()._replace(explained=wrong)])
        assert rows(path, counts) == [(not wrong, not wrong)]


def test_a_transaction_ends_in_the_file_in_which_it_began(
    path: Path, store: DurableConnection
) -> None:
    new = Comparisons(store)
    with store.transaction():
        new.add([comparison()])
        path.rename(path.with_name("old.db"))
        new.add([comparison()])
        assert store.rows("SELECT count(*) FROM comparison") == [(2,)]
    with pytest.raises(StoreMissing):
        new.add([comparison()])


def test_a_transaction_of_one_thread_is_not_joined_by_another(store: DurableConnection) -> None:
    usage = RestUsage(store)
    banned = Ban(1.0, BanKind.BANNED, 1, "")
    failures: list[BaseException] = []

    def ban() -> None:
        try:
            usage.set_ban("x", banned)
        except BaseException as error:  # noqa: BLE001 (shown by the assertion)
            failures.append(error)

    other = threading.Thread(target=ban)
    with store.transaction():
        other.start()
        other.join(0.1)
        assert usage.ban("x") is None
    other.join()
    assert failures == []
    assert usage.ban("x") == banned


def test_a_deleted_file_that_is_made_anew_is_followed(path: Path, store: DurableConnection) -> None:
    Comparisons(store).add([comparison()])
    for name in ("", "-wal", "-shm"):
        Path(f"{path}{name}").unlink(missing_ok=True)
    with pytest.raises(StoreMissing):
        Comparisons(store).add([comparison()])
    write(path, ManualClock().clock())
    Comparisons(store).add([comparison(symbol="ETHUSDT")])
    assert rows(path, "SELECT symbol FROM comparison") == [("ETHUSDT",)]


def test_a_file_that_is_set_aside_is_not_written_to(path: Path, store: DurableConnection) -> None:
    Comparisons(store).add([comparison()])
    store.close()
    other = feed_at(ManualClock().clock())
    other.address = "elsewhere.invalid"
    aside = set_aside_if_foreign(path, other)
    assert aside is not None
    write(path, ManualClock().clock(), feed=other)
    Comparisons(store).add([comparison(symbol="ETHUSDT")])
    assert rows(aside, "SELECT symbol FROM comparison") == [("BTCUSDT",)]
    assert rows(path, "SELECT symbol FROM comparison") == [("ETHUSDT",)]


def test_closing_the_old_file_leaves_the_wal_of_the_new_one(
    path: Path, store: DurableConnection
) -> None:
    Comparisons(store).add([comparison()])
    path.rename(path.with_name("old.db"))
    for name in ("-wal", "-shm"):
        Path(f"{path}{name}").rename(path.with_name(f"old.db{name}"))
    write(path, ManualClock().clock())
    with closing(DurableConnection(path)) as new:
        Comparisons(new).add([comparison(symbol="NEW1")])
        Comparisons(store).add([comparison(symbol="NEW2")])  # closes the old file first
        Comparisons(new).add([comparison(symbol="NEW3")])
    assert rows(path, "SELECT symbol FROM comparison") == [("NEW1",), ("NEW2",), ("NEW3",)]
    assert rows(path.with_name("old.db"), "SELECT symbol FROM comparison") == [("BTCUSDT",)]


def test_a_database_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(apsw.Connection(str(path))) as other:
        other.execute("CREATE TABLE theirs (x)")
    before = path.read_bytes()
    with closing(DurableConnection(path)) as store, pytest.raises(StoreForeign):
        Comparisons(store).add([comparison()])
    assert path.read_bytes() == before


@pytest.mark.parametrize("rest_host", ["fapi.binance.com", "testnet.binancefuture.com"])
def test_what_comes_from_another_origin_is_neither_stored_nor_read(
    tmp_path: Path, rest_host: str
) -> None:
    path = tmp_path / "funding.db"
    write(path, ManualClock().clock())
    before = path.read_bytes()
    with closing(DurableConnection(path, rest_host=rest_host)) as store:
        for use in (
            lambda: Comparisons(store).add([comparison()]),
            lambda: RestUsage(store).spend("a", "one", 1, MINUTE, 5),
            lambda: Comparisons(store).last_validation(),
        ):
            with pytest.raises(StoreForeign, match=r"quotes of 127\.0\.0\.1, REST of .*not compar"):
                use()
    assert path.read_bytes() == before


def test_origin_is_known_once_ingest_has_said_it(tmp_path: Path) -> None:
    """A file has its tables a moment before its feed."""
    path = tmp_path / "funding.db"
    open_writer(path).close()
    with closing(DurableConnection(path, rest_host="fapi.binance.com")) as store:
        assert Comparisons(store).last_validation() is None
        write(path, ManualClock().clock())
        with pytest.raises(StoreForeign):
            Comparisons(store).last_validation()
    with closing(DurableConnection(path, rest_host="127.0.0.1")) as store:
        Comparisons(store).add([comparison()])
    assert len(rows(path, "SELECT * FROM comparison")) == 1


def test_a_locked_store_is_waited_for_as_long_as_asked(
    path: Path, store: DurableConnection
) -> None:
    store.close()
    asked: list[float] = []

    def busy_seconds() -> float:
        asked.append(0.05 if asked else 120.0)
        return asked[-1]

    begin = time.monotonic()
    with (
        closing(DurableConnection(path, busy_seconds)) as patient,
        closing(apsw.Connection(str(path))) as other,
    ):
        assert RestUsage(patient).used(MINUTE) == 0
        for statement in ("BEGIN IMMEDIATE", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"):
            other.execute(statement)
            with pytest.raises(StoreLocked):
                Comparisons(patient).add([comparison()])
            assert RestUsage(patient).used(MINUTE) == 0, "reading goes on"
            other.execute("ROLLBACK")
        Comparisons(patient).add([comparison()])
    assert len(asked) == 8, "before each"
    assert time.monotonic() - begin < 60


class CountingFile(apsw.VFSFile):
    """A file that counts how often it is forced to the disk."""

    synced = 0

    def xSync(self, flags: int) -> None:  # noqa: N802 (the library's name)
        CountingFile.synced += 1
        super().xSync(flags)


class Counting(apsw.VFS):
    """SQLite's own way to files, with `CountingFile`s."""

    def __init__(self) -> None:
        super().__init__("counting", "unix", makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        return CountingFile("unix", name, flags)


def test_what_is_acknowledged_was_forced_to_the_disk(path: Path, store: DurableConnection) -> None:
    store.close()
    counting = Counting()
    try:
        with closing(DurableConnection(path)) as counted:
            RestUsage(counted).prune(0)
            for _ in range(3):
                before = CountingFile.synced
                Comparisons(counted).add([comparison()])
                assert CountingFile.synced > before
    finally:
        counting.unregister()


def add_without_end(path: str) -> None:
    """A process that compares without pause and says what was acknowledged."""
    store = DurableConnection(Path(path))
    number = 0
    while True:
        with store.transaction():
            Comparisons(store).add([comparison(symbol=f"S{number}")])
            Events(store).add([Event(AT, "test", EventKind.NOTICE, f"S{number}")])
        print(number, flush=True)
        number += 1


def test_kill_9_loses_nothing_that_was_acknowledged(path: Path, store: DurableConnection) -> None:
    store.close()
    for _ in range(2):
        with closing(apsw.Connection(str(path))) as other:
            other.execute("DELETE FROM comparison")
        here = "tests.funding.store.test_durable"
        code = f"from {here} import add_without_end; add_without_end({str(path)!r})"
        with subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, env=environment(), stdout=subprocess.PIPE,
            text=True,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            said = [process.stdout.readline() for _ in range(100)]
            process.send_signal(signal.SIGKILL)
            said += process.stdout.readlines()
        last = max(int(line) for line in said if line.endswith("\n"))
        assert last >= 99
        kept = [name for (name,) in rows(path, "SELECT symbol FROM comparison ORDER BY id")]
        assert kept[: last + 1] == [f"S{number}" for number in range(last + 1)]
        assert rows(path, "PRAGMA integrity_check") == [("ok",)]
        with closing(DurableConnection(path)) as after:
            Comparisons(after).add([comparison(symbol="after")])


def test_closing_a_removed_file_takes_nothing_of_the_next_one(
    path: Path, store: DurableConnection
) -> None:
    """Its -wal and -shm are left, and are the next file's when nobody removes them."""
    Comparisons(store).add([comparison()])
    path.unlink()
    hand = ManualClock()
    feed = feed_at(hand.clock())
    with closing(Writer(path, feed)) as writer:
        for number in range(3):
            hand.advance(1)
            event = Event(hand.wall, "ingest", EventKind.START, str(number))
            writer.write(feed, events=[event])
            Comparisons(store).add(
                [comparison(symbol=f"NEW{number}")]
            )  # closes the removed file first
        assert rows(path, "SELECT detail FROM event") == [("0",), ("1",), ("2",)]
    assert len(rows(path, "SELECT symbol FROM comparison")) == 3
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


def test_a_connection_that_closes_leaves_the_next_file_alone(
    path: Path, store: DurableConnection
) -> None:
    Comparisons(store).add([comparison()])
    path.unlink()
    feed = feed_at(ManualClock().clock())
    with closing(Writer(path, feed)) as writer:
        store.close()
        writer.write(feed, events=[Event(AT, "ingest", EventKind.START, "new")])
        assert rows(path, "SELECT detail FROM event") == [("new",)]


def test_a_store_that_ingest_has_not_made_is_not_made_here(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing):
        OutboxStore(DurableConnection(tmp_path / "none.db")).done("volume_alert")
    assert not (tmp_path / "none.db").exists()


# Forks

_DONE = "INSERT INTO consumer (name, done, done_at) VALUES ('oi_poller', 1, 1)"


def test_child_holds_locks_of_its_own(store: DurableConnection, path: Path) -> None:
    """Beside a file that it inherits open, SQLite would believe that it holds the parent's locks:
    whoever closes the file last removes the WAL, and what the child writes then is lost."""
    store.rows("SELECT 1")
    opened, may_write = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        try:
            store.rows("SELECT 1")
            os.write(opened[1], b"!")
            os.read(may_write[0], 1)
            with store.transaction() as connection:
                connection.execute(_DONE)
            os._exit(0)
        finally:
            os._exit(1)
    os.read(opened[0], 1)
    store.close()
    os.write(may_write[1], b"!")
    assert os.waitpid(child, 0)[1] == 0
    assert rows(path, "SELECT count(*) FROM consumer") == [(1,)]
    for each in (*opened, *may_write):
        os.close(each)


def test_fork_waits_for_a_thread_that_writes(store: DurableConnection) -> None:
    writing, may_end = threading.Event(), threading.Event()

    def write() -> None:
        with store.transaction() as connection:
            connection.execute(_DONE)
            writing.set()
            may_end.wait(WAIT_SECONDS)

    thread = threading.Thread(target=write)
    thread.start()
    assert writing.wait(WAIT_SECONDS)
    os.register_at_fork(before=may_end.set)  # the last that is registered comes first
    child = os.fork()
    if child == 0:
        try:
            os._exit(store.rows("SELECT count(*) FROM consumer") != [(1,)])
        finally:
            os._exit(1)
    thread.join()
    assert os.waitpid(child, 0)[1] == 0
    assert store.rows("SELECT count(*) FROM consumer") == [(1,)]


def test_connection_that_ends_begins_no_transaction(path: Path) -> None:
    with writing(path), closing(DurableConnection(path)) as store:
        with store.transaction():
            store.end()
            with store.transaction() as connection:
                connection.execute("DELETE FROM event")
        with pytest.raises(StoreError, match="not written to"), store.transaction():
            pass
        assert store.rows("SELECT 1") == [(1,)]
