"""What ingest writes is there, whole, whatever happens to the writer."""

import os
import random
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from funding.errors import (
    StoreCorrupt,
    StoreError,
    StoreForeign,
    StoreFull,
    StoreInUse,
    StoreLocked,
)
from funding.model.event import Event, EventKind
from funding.store import damage
from funding.store.durable import DurableConnection
from funding.store.reader import Reader
from funding.store.writer import Writer
from harness.processes import finished
from tests.conftest import ROOT
from tests.support.clock import rows
from tests.support.store import (
    HOUR_MS,
    NOW_MS,
    contents,
    feed_of,
    plainly,
    quote,
    reading,
    received,
    writing,
)

SPOIL = """
import sys
path, *pages = sys.argv[1:]
with open(path, "r+b") as file:
    for page in pages:
        file.seek((int(page) - 1) * 4096)
        file.write(bytes([255]) * 4096)
"""
"""In a process of its own: in this one it would drop SQLite's locks."""


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


def test_a_batch_is_stored_whole_or_not_at_all(path: Path) -> None:
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


@pytest.mark.parametrize(
    "data", [b"a letter to my aunt\n" * 500, b"hello\n", b"SQLite format 3\0" + b"x" * 5_000]
)
def test_a_file_that_is_not_a_database_is_left_as_it_is(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "funding.db"
    path.write_bytes(data)
    with pytest.raises(StoreCorrupt, match="not readable as a database") as caught:
        Writer(path, feed_of())
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(StoreCorrupt), reading(path) as reader:
        reader.all()
    assert contents(tmp_path) == {"funding.db": data}


def test_a_damaged_page_raises_store_corrupt(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer:
        writer.write(feed, received(quote()))
    pages = rows(
        path,
        "SELECT rootpage, page_size FROM sqlite_schema, pragma_page_size"
        " WHERE tbl_name = 'quote' AND rootpage > 0",  # the table and its index
    )
    with writing(path) as writer:
        finished([sys.executable, "-c", SPOIL, path, *(str(page) for page, _ in pages)])
        with pytest.raises(StoreCorrupt):
            writer.write(feed, received(quote(event_time=NOW_MS + 1)))
    assert damage.is_marked(path), "the next ingest is not told"
    damage.marker_path(path).unlink()
    with pytest.raises(StoreCorrupt), reading(path) as reader:
        reader.one("BTCUSDT")
    assert damage.is_marked(path), "ingest is not told"


def test_a_path_that_cannot_be_a_file_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "funding.db"):
        with pytest.raises(StoreError):
            Writer(path, feed_of())
        with pytest.raises(StoreError), reading(path) as reader:
            reader.all()


def test_a_second_writer_is_refused_at_once(path: Path) -> None:
    with writing(path) as writer:
        with pytest.raises(StoreInUse, match="another ingest"):
            Writer(path, feed_of())
        feed = feed_of()
        assert writer.write(feed, received(quote())) == 1
    with writing(path) as writer:
        assert writer.symbols("binance") == ["BTCUSDT"]


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_second_writer_by_another_name_is_refused_too(
    link: Callable[[Path, Path], None], path: Path, tmp_path: Path
) -> None:
    other = tmp_path / "elsewhere" / "link.db"
    other.parent.mkdir()
    with writing(path) as writer:
        link(path, other)
        before = path.read_bytes()
        for _ in range(2):
            with pytest.raises(StoreInUse, match="another ingest"):
                Writer(other, feed_of())
        assert path.read_bytes() == before
        feed = feed_of()
        assert writer.write(feed, received(quote())) == 1
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


def test_nobody_writes_through_a_hard_link(path: Path, tmp_path: Path) -> None:
    """It would have a WAL of its own."""
    other = tmp_path / "link.db"
    with writing(path):
        os.link(path, other)
        with closing(DurableConnection(other)) as store, pytest.raises(StoreForeign, match="link"):
            store.rows("SELECT 1")
        with closing(DurableConnection(path)) as store:
            assert store.rows("SELECT count(*) FROM quote") == [(0,)]


def test_address_at_which_nobody_answered_may_be_changed(path: Path) -> None:
    with writing(path):
        pass
    with writing(path, feed_of("new.example")), closing(plainly(path)) as other:
        assert other.execute("SELECT address FROM feed").fetchall() == [("new.example",)]


def test_a_writer_that_cannot_begin_releases_the_lock(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer:
        writer.write(feed, received(quote()))
    with pytest.raises(StoreForeign, match=r"holds quotes of fstream\.example.*new\.example need"):
        Writer(path, feed_of("new.example"))
    with writing(path):
        pass


def test_a_lock_that_is_never_released_raises_store_locked(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer, closing(plainly(path)) as other:
        writer.write(feed, received(quote()))
        writer._database.connection.set_busy_timeout(10)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreLocked, match="locked by another process"):
            writer.write(feed, received(quote(event_time=NOW_MS + 1)))
        other.execute("ROLLBACK")
        assert writer.write(feed, received(quote(event_time=NOW_MS + 2))) == 1


def test_a_batch_waits_half_a_second_for_a_lock(path: Path) -> None:
    """Longer, and frames would wait in the socket; shorter, and a checkpoint would be a lock."""
    with writing(path) as writer:
        assert writer._database.connection.pragma("busy_timeout") == 500


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


def test_a_full_disk_raises_store_full_and_loses_nothing(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer, reading(path) as reader:
        writer.write(feed, received(*(quote(f"KEPT{i}USDT") for i in range(50))))
        held = writer._database.connection
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


WRITE_WITHOUT_END = """
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
def forking_process(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that forks one writer per line it is told: the number of its first frame."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE_WITHOUT_END, str(path)],
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


def test_a_killed_writer_loses_nothing_it_acknowledged(path: Path) -> None:
    chance, last = random.Random(7), 0
    with forking_process(path) as parent, reading(path) as reader:
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
