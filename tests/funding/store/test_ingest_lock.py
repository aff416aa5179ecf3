"""One ingest per database, whatever name it is reached by."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from funding.errors import StoreInUse
from funding.store.damage import is_named, lock_path
from funding.store.ingest_lock import IngestLock


def test_the_lock_is_held_until_it_is_closed(path: Path) -> None:
    with closing(IngestLock(path)) as lock:
        with pytest.raises(StoreInUse):
            IngestLock(path)
        assert not path.exists(), "a database was made by somebody who only wants the lock"
        lock.hold_file()
        lock.name_file()
    assert is_named(path)
    with closing(IngestLock(path)):
        pass


def test_the_file_is_held_by_each_of_its_names(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    with closing(IngestLock(path)) as lock:
        lock.hold_file()
        os.link(path, link)
        with pytest.raises(StoreInUse):
            IngestLock(link)
        assert not is_named(link)
        path.unlink()
        lock.hold_file()
        with closing(IngestLock(link)):
            pass  # it is another file by now
    assert lock_path(path).exists()
