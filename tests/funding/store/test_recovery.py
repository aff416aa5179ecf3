"""What is copied out of a damaged database: all but the rows on the pages that are damaged."""

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from funding.store.recovery import copy_readable
from tests.funding.store.test_database import version_1
from tests.support.clock import Hand, write

PAGE = 4_096
LEAF = 13  # a page of a table's rows (sqlite.org/fileformat.html, 1.6)
FIRST = 5_000_000  # what was before has been pruned
COUNT = 8_000


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
    write(old, Hand().clock())
    write(new, Hand().clock())
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
    write(new, Hand().clock())
    old.write_bytes(b"\xff" * 100_000)
    assert not any(copy_readable(old, new).values())


def test_a_database_of_an_older_version_is_copied_too(tmp_path: Path) -> None:
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    version_1(old)
    write(new, Hand().clock())
    assert copy_readable(old, new)["event"] == 5
