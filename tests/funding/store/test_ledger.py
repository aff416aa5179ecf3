"""What must not be lost, on real files: on the disk when acknowledged, whatever is killed."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import pytest

from funding.comparison.difference import Field, Outcome
from funding.comparison.pair import Comparison
from funding.errors import StoreCorrupt, StoreError, StoreForeign, StoreLocked, StoreMissing
from funding.model.event import Event, EventKind
from funding.model.quote import Quote
from funding.store import damage, ledger
from funding.store.ledger import Calls, Ledger
from funding.store.writer import Writer, set_aside_if_foreign
from tests.conftest import ROOT
from tests.support.clock import Hand, feed_at, rows, write
from tests.support.processes import environment

AT = 1_764_725_610.0
MINUTE = int(AT // 60)


def comparison(at: float = AT, symbol: str = "BTCUSDT", rest_value: float = 2.0) -> Comparison:
    return Comparison(
        compared_at=at,
        source="test",
        exchange="binance",
        symbol=symbol,
        field=Field.MARK_PRICE,
        ws_value=1.0,
        rest_value=rest_value,
        difference_pct=-50.0,
        skew_ms=12,
        outcome=Outcome.SIGNIFICANT,
        rest_time=1_764_725_610_000,
        explained=0,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store as ingest has made it."""
    write(tmp_path / "funding.db", Hand().clock())
    return tmp_path / "funding.db"


@pytest.fixture
def book(path: Path) -> Iterator[Ledger]:
    with closing(Ledger(path)) as made:
        yield made


def test_a_comparison_comes_back_column_by_column(path: Path, book: Ledger) -> None:
    book.add([comparison()])
    columns = ", ".join(Comparison._fields)
    assert rows(path, f"SELECT {columns} FROM comparison") == [tuple(comparison())]


def test_comparisons_and_events_are_stored_together_or_not_at_all(path: Path, book: Ledger) -> None:
    wrong = comparison()._replace(explained=7)
    with pytest.raises(StoreError):
        book.add([comparison(), wrong], [Event(AT, "test", EventKind.RESTART, "x")])
    assert rows(path, "SELECT * FROM comparison") == []
    book.add([comparison()], [Event(AT, "test", EventKind.RESTART, "x")])
    assert len(rows(path, "SELECT * FROM comparison")) == 1
    assert rows(path, "SELECT at, source, kind, detail FROM event") == [
        (AT, "test", "restart", "x")
    ]


def test_events_are_found_by_source_kind_and_time(book: Ledger) -> None:
    mine = [Event(AT + n, "watchdog", EventKind.RESTART, str(n)) for n in range(3)]
    others = [
        Event(AT + 2, "ingest", EventKind.RESTART, "x"),
        Event(AT + 2, "watchdog", EventKind.KILL, "x"),
    ]
    mine[2] = replace(mine[2], program="funding:ingest", rule="no data")
    book.add(events=[*mine, *others])
    assert book.events("watchdog", EventKind.RESTART, AT + 1) == mine[1:]


def test_funding_intervals(path: Path, book: Ledger) -> None:
    quotes = [Quote(name, 1.0, 1.0, 0.0001, 1, 1) for name in ("AUSDT", "BUSDT")]
    write(path, Hand().clock(), quotes)
    book.set_funding_intervals("binance", [("AUSDT", 4), ("NOPE", 8)])
    book.set_funding_intervals("elsewhere", [("BUSDT", 1)])
    select = "SELECT symbol, funding_interval_hours FROM quote ORDER BY symbol"
    assert rows(path, select) == [("AUSDT", 4), ("BUSDT", None)]


def test_the_last_validation(path: Path, book: Ledger) -> None:
    assert book.last_validation() is None
    with closing(apsw.Connection(str(path))) as other:
        for at, verdict in ((1.0, "GO"), (2.0, "NO-GO")):
            insert = "INSERT INTO validation (at, verdict, since, until, report)"
            other.execute(f"{insert} VALUES (?, ?, 0, ?, '{{}}')", (at, verdict, at))
    assert book.last_validation() == (2.0, "NO-GO")


# Forgetting


def test_old_comparisons_go_in_batches(
    path: Path, book: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "_PRUNE_ROWS", 10)
    book.add([comparison(AT + n) for n in range(25)])
    counts = [book.prune(AT + 24) for _ in range(4)]
    assert counts == [10, 10, 4, 0]
    assert rows(path, "SELECT compared_at FROM comparison") == [(AT + 24,)]


def test_old_accounts_go_too(path: Path, book: Ledger) -> None:
    for minute in (MINUTE - 100, MINUTE - 2, MINUTE - 1, MINUTE):
        book.spend("test", "time", 1, minute, 10)
    assert (book.prune(AT), book.prune(AT)) == (3, 0)
    assert rows(path, "SELECT minute FROM rest_usage") == [(MINUTE,)]


# Accounts and bans


def test_spending_stays_within_what_is_allowed(path: Path, book: Ledger) -> None:
    assert [book.spend("a", "all", 10, MINUTE, 25) for _ in range(4)] == [0, 10, 20, 20]
    assert book.spend("b", "one", 5, MINUTE, 25) == 20
    assert book.spend("b", "one", 1, MINUTE, 25) == 25
    assert book.spend("b", "one", 1, MINUTE + 1, 25) == 0
    assert rows(path, "SELECT * FROM rest_usage") == [
        (MINUTE, "a", "all", 2, 20), (MINUTE, "b", "one", 1, 5), (MINUTE + 1, "b", "one", 1, 1)
    ]  # fmt: skip


def test_calls_without_weight_are_counted_over_five_minutes(book: Ledger) -> None:
    spent = [book.spend("a", "free", 0, MINUTE + n, 3) for n in range(7)]
    assert spent == [0, 1, 2, 3, 3, 2, 2]
    assert book.spend("a", "dear", 3, MINUTE + 6, 3) == 0


def test_two_ledgers_never_overspend_together(path: Path) -> None:
    made: list[bool] = []

    def spend(caller: str) -> None:
        with closing(Ledger(path)) as mine:
            made.extend(mine.spend(caller, "one", 1, MINUTE, 50) < 50 for _ in range(40))

    threads = [threading.Thread(target=spend, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), sum(made)) == (80, 50)
    assert rows(path, "SELECT sum(calls), sum(weight) FROM rest_usage") == [(50, 50)]


def test_a_ban_is_seen_by_all_and_ends_no_sooner_than_the_latest_says(path: Path) -> None:
    with closing(Ledger(path)) as one, closing(Ledger(path)) as other:
        assert one.ban("x") is None
        assert one.set_ban("x", AT + 50, 1, "first")
        assert other.ban("x") == (AT + 50, 1, "first")
        assert not other.set_ban("x", AT + 20, 2, "a shorter one")
        assert not other.set_ban("x", AT + 51, 2, "the same one, met by another thread")
        assert one.ban("x") == (AT + 50, 1, "first")
        assert one.set_ban("x", AT + 80, 2, "a longer one")
        assert other.ban("x") == (AT + 80, 2, "a longer one")
        assert one.ban("y") is None
        one.lift_ban("x", AT + 79)
        assert other.ban("x") is not None
        one.lift_ban("x", AT + 80)
        assert other.ban("x") is None


def test_a_ban_that_a_wrong_clock_has_stored_is_replaced(book: Ledger) -> None:
    assert book.set_ban("x", AT + 10 * 365 * 86_400, 1, "in another age")
    assert book.set_ban("x", AT + 60, 1, "now")
    assert book.ban("x") == (AT + 60, 1, "now")


def test_calls_that_could_not_be_counted_are_counted_later(path: Path, book: Ledger) -> None:
    book.spend("me", "time", 1, MINUTE, 100)
    calls = [Calls(MINUTE, "me", "time", 3, 3), Calls(MINUTE - 1, "me", "premiumIndex", 1, 10)]
    book.add([comparison()], calls=calls)
    assert (book.used(MINUTE), book.used(MINUTE - 1), book.used(MINUTE + 1)) == (4, 10, 0)
    with pytest.raises(StoreError):
        book.add([comparison()._replace(explained=7)], calls=calls)
    assert book.used(MINUTE) == 4


# The file


def test_before_ingest_there_is_nothing_to_write_to(tmp_path: Path) -> None:
    path = tmp_path / "funding.db"
    with closing(Ledger(path)) as book:
        writes: list[Callable[[], Any]] = [
            lambda: book.add([comparison()]),
            lambda: book.prune(AT),
            lambda: book.spend("a", "one", 1, MINUTE, 5),
            lambda: book.ban("x"),
            lambda: book.events("a", EventKind.START, 0),
        ]
        for call in writes:
            with pytest.raises(StoreMissing):
                call()
        assert not path.exists(), "it must not hide that ingest is not running"
        write(path, Hand().clock())
        book.add([comparison()])
    assert len(rows(path, "SELECT * FROM comparison")) == 1


def test_it_follows_a_file_that_is_deleted_and_made_anew(path: Path, book: Ledger) -> None:
    book.add([comparison()])
    for name in ("", "-wal", "-shm"):
        Path(f"{path}{name}").unlink(missing_ok=True)
    with pytest.raises(StoreMissing):
        book.add([comparison()])
    write(path, Hand().clock())
    book.add([comparison(symbol="ETHUSDT")])
    assert rows(path, "SELECT symbol FROM comparison") == [("ETHUSDT",)]


def test_it_follows_a_file_that_is_set_aside(path: Path, book: Ledger) -> None:
    book.add([comparison()])
    book.close()
    other = feed_at(Hand().clock())
    other.address = "elsewhere.invalid"
    aside = set_aside_if_foreign(path, other)
    assert aside is not None
    write(path, Hand().clock(), feed=other)
    book.add([comparison(symbol="ETHUSDT")])
    assert rows(aside, "SELECT symbol FROM comparison") == [("BTCUSDT",)]
    assert rows(path, "SELECT symbol FROM comparison") == [("ETHUSDT",)]


def test_the_new_file_keeps_its_wal_when_the_old_one_is_let_go(path: Path, book: Ledger) -> None:
    book.add([comparison()])
    path.rename(path.with_name("old.db"))
    for name in ("-wal", "-shm"):
        Path(f"{path}{name}").rename(path.with_name(f"old.db{name}"))
    write(path, Hand().clock())
    with closing(Ledger(path)) as new:
        new.add([comparison(symbol="NEW1")])
        book.add([comparison(symbol="NEW2")])  # closes the old file first
        new.add([comparison(symbol="NEW3")])
    assert rows(path, "SELECT symbol FROM comparison") == [("NEW1",), ("NEW2",), ("NEW3",)]
    assert rows(path.with_name("old.db"), "SELECT symbol FROM comparison") == [("BTCUSDT",)]


def test_a_database_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(apsw.Connection(str(path))) as other:
        other.execute("CREATE TABLE theirs (x)")
    before = path.read_bytes()
    with closing(Ledger(path)) as book, pytest.raises(StoreForeign):
        book.add([comparison()])
    assert path.read_bytes() == before


def test_a_store_that_is_locked_is_waited_for_as_long_as_there_is_patience(path: Path) -> None:
    asked: list[float] = []

    def patience() -> float:
        asked.append(0.05 if asked else 20.0)
        return asked[-1]

    begin = time.monotonic()
    with (
        closing(Ledger(path, patience)) as book,
        closing(apsw.Connection(str(path))) as other,
    ):
        assert book.used(MINUTE) == 0
        for statement in ("BEGIN IMMEDIATE", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"):
            other.execute(statement)
            with pytest.raises(StoreLocked):
                book.add([comparison()])
            assert book.used(MINUTE) == 0, "reading goes on"
            other.execute("ROLLBACK")
        book.add([comparison()])
    assert len(asked) == 8, "before each"
    assert time.monotonic() - begin < 20


# Durability


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


def test_what_is_acknowledged_was_forced_to_the_disk(path: Path) -> None:
    counting = Counting()
    try:
        with closing(Ledger(path)) as book:
            book.prune(0)
            for _ in range(3):
                before = CountingFile.synced
                book.add([comparison()])
                assert CountingFile.synced > before
    finally:
        counting.unregister()


def add_for_ever(path: str) -> None:
    """A process that compares without pause and says what was acknowledged."""
    book = Ledger(Path(path))
    number = 0
    while True:
        book.add(
            [comparison(symbol=f"S{number}")], [Event(AT, "test", EventKind.NOTICE, f"S{number}")]
        )
        print(number, flush=True)
        number += 1


def test_kill_9_loses_nothing_that_was_acknowledged(path: Path) -> None:
    for _ in range(2):
        with closing(apsw.Connection(str(path))) as other:
            other.execute("DELETE FROM comparison")
        code = (
            f"from tests.funding.store.test_ledger import add_for_ever; add_for_ever({str(path)!r})"
        )
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
        with closing(Ledger(path)) as book:
            book.add([comparison(symbol="after")])


def test_a_removed_file_takes_nothing_of_the_next_one_with_it(path: Path, book: Ledger) -> None:
    """Its -wal and -shm are left, and are the next file's when nobody removes them."""
    book.add([comparison()])
    path.unlink()
    hand = Hand()
    feed = feed_at(hand.clock())
    with closing(Writer(path, feed)) as writer:
        for number in range(3):
            hand.pass_seconds(1)
            event = Event(hand.wall, "ingest", EventKind.START, str(number))
            writer.write(feed, events=[event])
            book.add([comparison(symbol=f"NEW{number}")])  # closes the removed file first
        assert rows(path, "SELECT detail FROM event") == [("0",), ("1",), ("2",)]
    assert len(rows(path, "SELECT symbol FROM comparison")) == 3
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


def test_a_ledger_that_is_closed_leaves_the_next_file_alone(path: Path, book: Ledger) -> None:
    book.add([comparison()])
    path.unlink()
    feed = feed_at(Hand().clock())
    with closing(Writer(path, feed)) as writer:
        book.close()
        writer.write(feed, events=[Event(AT, "ingest", EventKind.START, "new")])
        assert rows(path, "SELECT detail FROM event") == [("new",)]


@pytest.mark.parametrize("use", ["write", "read"])
def test_damage_that_is_met_is_told(path: Path, book: Ledger, use: str) -> None:
    ((page, size),) = rows(
        path, "SELECT rootpage, page_size FROM sqlite_schema, pragma_page_size WHERE name = 'event'"
    )
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    added = [Event(AT, "watchdog", EventKind.START, "")]
    with pytest.raises(StoreCorrupt):
        book.add(events=added) if use == "write" else book.events("", EventKind.START, 0.0)
    assert damage.marker_path(path).exists()


def test_a_check_finds_damage_where_nobody_looks(path: Path, book: Ledger) -> None:
    book.add([comparison(AT + number) for number in range(500)])
    book.close()
    assert book.check() == ""
    assert not damage.marker_path(path).exists()
    book.close()
    with path.open("r+b") as file:
        file.seek(-3 * 4096, 2)
        file.write(b"\xff" * 4096)
    with suppress(StoreCorrupt):
        assert book.check()
    assert damage.marker_path(path).exists()


def test_damage_of_a_file_that_is_not_ours_is_not_told(tmp_path: Path) -> None:
    path = tmp_path / "letter.db"
    path.write_bytes(b"Dear aunt,\n" * 1_000)
    with closing(Ledger(path)) as book, pytest.raises(StoreCorrupt):
        book.events("watchdog", EventKind.START, 0.0)
    assert [each.name for each in tmp_path.iterdir()] == ["letter.db"]
