"""Who holds the write lock: real connections, in this process."""

import os
from pathlib import Path
from types import SimpleNamespace

import apsw
import pytest

from funding.store import lock_holder as module
from funding.store.database import open_writer
from funding.store.lock_holder import lock_holder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "funding.db"


def test_writer_holds_the_lock_and_a_reader_does_not(path: Path) -> None:
    assert lock_holder(path) is None, "there is no file"
    connection = open_writer(path)
    assert lock_holder(path) is None
    connection.execute("BEGIN")
    connection.execute("SELECT * FROM quote").fetchall()
    assert lock_holder(path) is None
    connection.execute("COMMIT; BEGIN IMMEDIATE")
    assert lock_holder(path) == os.getpid()
    connection.execute("COMMIT")
    assert lock_holder(path) is None
    connection.close()


def test_exclusive_lock_is_a_lock(path: Path) -> None:
    open_writer(path).close()
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA locking_mode = exclusive; BEGIN EXCLUSIVE").fetchall()
    assert lock_holder(path) == os.getpid()
    connection.close()
    assert lock_holder(path) is None


def test_lock_that_one_listing_leaves_out_is_found(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = open_writer(path)
    connection.execute("BEGIN IMMEDIATE")
    listings = ["", "", module.LOCKS.read_text()]
    listing = SimpleNamespace(read_text=lambda _encoding: listings.pop(0))
    monkeypatch.setattr(module, "LOCKS", listing)
    assert lock_holder(path) == os.getpid()
    connection.execute("COMMIT")
    connection.close()


def test_system_that_does_not_tell(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = open_writer(path)
    connection.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(module, "LOCKS", tmp_path / "none")
    assert lock_holder(path) is None
    (tmp_path / "none").write_text("1: nonsense\n2: -> POSIX\n")
    assert lock_holder(path) is None
    connection.execute("COMMIT")
    connection.close()
