"""What is copied out of a damaged database: all but the rows on the pages that are damaged."""

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from funding.model.open_interest import Edge
from funding.store.durable import DurableConnection
from funding.store.open_interest import OpenInterestStore
from funding.store.outbox import OutboxStore
from funding.store.salvage import copy_readable
from tests.funding.store.test_upgrades import version_1
from tests.support.clock import ManualClock, rows, write
from tests.support.store import alert

PAGE = 4_096
LEAF = 13  # a page of a table's rows (sqlite.org/fileformat.html, 1.6)
FIRST = 5_000_000  # what was before has been pruned
COUNT = 8_000
AT = 1_764_725_610.0


def plant(path: Path) -> list[int]:
    """`COUNT` events, made at the second that their id says; the pages that hold them."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("DELETE FROM event")
        database.executemany(
            "INSERT INTO event (id, at, source, kind, detail) VALUES (?, ?, 'test', 'planted', '')",
            [(number, number) for number in range(FIRST, FIRST + COUNT)],
        )
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("rb") as file:
        pages = enumerate(iter(partial(file.read, PAGE), b""))
        return [n for n, page in pages if page[0] == LEAF and page.count(b"planted") > 20]


def saved(path: Path) -> set[int]:
    """The seconds of the planted events at `path`."""
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT at FROM event WHERE kind = 'planted'")
        return {int(at) for (at,) in rows}


@pytest.mark.parametrize(
    "damaged",
    [[], [0], [-1], [20], [20, -1], [10, 11, 12], [5, 7, 9, 30], range(1, 40)],
    ids=str,
)
def test_only_what_is_on_damaged_pages_is_lost(tmp_path: Path, damaged: list[int]) -> None:
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    write(old, ManualClock().clock())
    write(new, ManualClock().clock())
    pages = plant(old)
    assert len(pages) > 40
    planted = b"planted"
    with old.open("r+b") as file:
        gone = 0
        for page in {pages[n] for n in damaged}:
            file.seek(page * PAGE)
            gone += file.read(PAGE).count(planted)
            file.seek(page * PAGE)
            file.write(b"\xff" * PAGE)
    copied = copy_readable(old, new)
    kept = saved(new)
    assert kept <= set(range(FIRST, FIRST + COUNT))
    assert copied["event"] == len(kept) == COUNT - gone


def test_of_rubbish_nothing_is_copied(tmp_path: Path) -> None:
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    write(new, ManualClock().clock())
    old.write_bytes(b"\xff" * 100_000)
    assert not any(copy_readable(old, new).values())


def test_a_database_of_an_older_version_is_copied_too(tmp_path: Path) -> None:
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    version_1(old)
    write(new, ManualClock().clock())
    assert copy_readable(old, new)["event"] == 5


def test_what_the_consumers_know_outlives_a_damaged_store(
    path: Path, store: DurableConnection, tmp_path: Path
) -> None:
    """The new one has begun: its scan has made one of the alerts once more."""
    outbox, poller = OutboxStore(store), OpenInterestStore(store)
    outbox.complete("volume_alert", 300, AT, [alert(), alert("l")], ["backend"])
    poller.add([], [Edge("A", "5MIN", "UP", AT, None)])
    outbox.complete("oi_poller", 1, AT, [], [])
    poller.set_universe(["A"], "backend", AT)
    outbox.sent(1, AT + 1)
    new = tmp_path / "new.db"
    write(new, ManualClock().clock())
    fresh = DurableConnection(new)
    OutboxStore(fresh).complete(
        "volume_alert", 600, AT + 300, [alert("l", at=AT + 300)], ["backend"]
    )
    copied = copy_readable(path, new)
    wanted = {"alert": 2, "outbox": 2, "open_interest_edge": 1, "universe": 1, "consumer": 2}
    assert wanted.items() <= copied.items()
    assert rows(new, "SELECT key, at FROM alert") == [("k", AT), ("l", AT + 300)]
    assert rows(new, "SELECT sent_at FROM outbox ORDER BY sent_at") == [(None,), (AT + 1,)]
    assert OutboxStore(fresh).done("volume_alert") == 600
    assert OpenInterestStore(fresh).edges() == poller.edges()
    assert OpenInterestStore(fresh).universe() == {"A": "backend"}
    fresh.close()


def test_history_outlives_a_damaged_store_up_to_the_damage(tmp_path: Path) -> None:
    """Signals, settled rates, bars and a ban. How far the history was asked for begins again."""
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    write(old, ManualClock().clock())
    write(new, ManualClock().clock())
    with closing(sqlite3.connect(old)) as database, database:
        database.executemany(
            "INSERT INTO bar (exchange, symbol, period, start, open, high, low, close, quotes)"
            " VALUES ('binance', 'BTCUSDT', 60, ?, 1, 1, 1, 1, 7)",
            [(60 * n,) for n in range(COUNT)],
        )
        database.executemany(
            "INSERT INTO funding_rate (exchange, symbol, funding_time, rate_type, rate, source)"
            " VALUES ('binance', 'BTCUSDT', ?, 'Regular', 0.0001, 'rest')",
            [(28_800_000 * n,) for n in range(90)],
        )
        database.execute("INSERT INTO backfill VALUES ('binance', 'BTCUSDT', 0, 1, 0)")
        database.execute(
            "INSERT INTO signal (at, exchange, symbol, kind, direction, detail)"
            " VALUES (1, 'binance', 'BTCUSDT', 'zone', 'up', 'far')"
        )
        database.execute(
            "INSERT INTO rest_ban (address, until, pauses, reason)"
            " VALUES ('https://fapi.example', 9e9, 1, 'banned')"
        )
    with closing(sqlite3.connect(old)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with old.open("r+b") as file:
        pages = enumerate(iter(partial(file.read, PAGE), b""))
        last = max(n for n, page in pages if page.count(b"BTCUSDT") > 50 and b"Reg" not in page)
        file.seek(last * PAGE)
        file.write(b"\xff" * PAGE)
    copied = copy_readable(old, new)
    assert COUNT * 0.9 < copied["bar"] < COUNT
    assert rows(new, "SELECT count(*), max(start) FROM bar") == [
        (copied["bar"], 60 * (copied["bar"] - 1))
    ]
    assert rows(new, "SELECT count(*) FROM funding_rate") == [(90,)]
    assert rows(new, "SELECT detail FROM signal") == [("far",)]
    assert rows(new, "SELECT until FROM rest_ban") == [(9e9,)]
    assert rows(new, "SELECT count(*) FROM backfill") == [(0,)]
