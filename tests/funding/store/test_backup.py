"""The backup: of one instant beside a writer, checked, and never half made."""

import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from funding import errors
from funding.store import backup
from funding.store.backup import Copied, back_up, check
from funding.store.reader import Reader
from funding.store.writer import Writer
from tests.support.clock import ManualClock, feed_at, rows, write
from tests.support.store import NOW_MS, quote


def nothing(_done: int, _pages: int) -> None:
    """A progress that nobody watches."""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def database(tmp_path: Path, clock: ManualClock) -> Path:
    path = tmp_path / "funding.db"
    write(path, clock.clock(), [quote("BTCUSDT"), quote("ETHUSDT")])
    return path


def test_copy_holds_every_row_and_is_one_closed_file(database: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    copied = back_up(database, target, nothing)
    assert rows(target, "SELECT symbol FROM quote ORDER BY 1") == [("BTCUSDT",), ("ETHUSDT",)]
    assert rows(target, "PRAGMA journal_mode") == [("delete",)]
    assert copied.size_bytes == target.stat().st_size
    assert copied.rows == sum(check(target).values()) >= 3
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.glob("*copy*")) == ["copy.db"]


def test_restored_copy_serves_a_reader_and_a_writer(
    database: Path, tmp_path: Path, clock: ManualClock
) -> None:
    target = tmp_path / "copy.db"
    back_up(database, target, nothing)
    for path in tmp_path.glob("funding.db*"):
        path.unlink()
    shutil.copy(target, database)
    write(database, clock.clock(), [quote("BTCUSDT", event_time=NOW_MS + 9_000)])
    assert {each.symbol for each in Reader(database, "binance", clock.clock()).all()} == {
        "BTCUSDT",
        "ETHUSDT",
    }


def test_copy_is_of_one_instant_though_ingest_writes_between_the_steps(
    database: Path, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "_STEP_PAGES", 5)
    feed = feed_at(clock.clock())
    writer = Writer(database, feed)
    steps = []

    def write_more(done: int, _pages: int) -> None:
        assert done not in steps, "the copy began again"
        steps.append(done)
        clock.advance(1)
        now = clock.wall, clock.uptime
        feed.heartbeat_at, feed.heartbeat_uptime = now
        new = quote(f"NEW{len(steps)}USDT", event_time=int(clock.wall * 1_000))
        writer.write(feed, [(new, *now)])

    target = tmp_path / "copy.db"
    back_up(database, target, write_more)
    writer.close()
    assert len(steps) > 3
    assert rows(target, "SELECT count(*) FROM quote") == [(2,)]
    assert rows(database, "SELECT count(*) FROM quote") == [(2 + len(steps),)]


def test_existing_file_stays_as_it_is(database: Path, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("precious")
    with pytest.raises(errors.StoreError, match="exists already: choose another name"):
        back_up(database, target, nothing)
    assert target.read_text() == "precious"


def test_file_that_somebody_makes_meanwhile_stays_as_it_is(database: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"

    def make(_done: int, _pages: int) -> None:
        target.write_text("precious")

    with pytest.raises(errors.StoreError, match="cannot be written"):
        back_up(database, target, make)
    assert target.read_text() == "precious"


def test_what_an_interrupted_backup_left_is_no_obstacle(database: Path, tmp_path: Path) -> None:
    (tmp_path / ".copy.db.partial").write_text("half")
    back_up(database, tmp_path / "copy.db", nothing)
    assert not (tmp_path / ".copy.db.partial").exists()


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda path: path.unlink(), errors.StoreMissing),
        (lambda path: path.write_bytes(b"no database" * 500), errors.StoreError),
        (lambda path: damage_a_page(path), errors.StoreCorrupt),
    ],
)
def test_no_backup_is_made_of_what_is_missing_or_damaged(
    database: Path, tmp_path: Path, spoil: Callable[[Path], object], error: type[Exception]
) -> None:
    spoil(database)
    with pytest.raises(error):
        back_up(database, tmp_path / "copy.db", nothing)
    assert list(tmp_path.glob("*copy*")) == []


def damage_a_page(path: Path) -> None:
    """Overwrite the page where the rows of `quote` are."""
    with apsw.Connection(str(path)) as connection:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'quote'").get
        size = connection.pragma("page_size")
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)


def test_folder_that_is_not_there_is_named(database: Path, tmp_path: Path) -> None:
    with pytest.raises(errors.StoreError, match=r"nowhere/copy.db: cannot be written \(No such"):
        back_up(database, tmp_path / "nowhere" / "copy.db", nothing)


def test_copy_with_fewer_rows_than_the_database_is_refused(database: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    back_up(database, target, nothing)
    expected = check(target)
    with apsw.Connection(str(target)) as connection:
        connection.execute("DELETE FROM quote WHERE symbol = 'BTCUSDT'")
    with pytest.raises(errors.StoreCorrupt, match="other rows"):
        check(target, expected)


def test_database_of_another_program_is_no_backup(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with apsw.Connection(str(other)) as connection:
        connection.execute("CREATE TABLE mine (id)")
    with pytest.raises(errors.StoreForeign):
        check(other)


def test_progress_ends_at_all_pages(database: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    copied = back_up(database, tmp_path / "copy.db", lambda *pages: seen.append(pages))
    assert isinstance(copied, Copied)
    assert seen[-1][0] == seen[-1][1] > 0
