"""One ingest per exchange and database, whatever name that is reached by."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from funding.errors import StoreInUse
from funding.runtime.access import DATABASE
from funding.store.damage import is_named, lock_path
from funding.store.ingest_lock import IngestLock
from tests.support.store import writing


def test_the_lock_is_held_until_it_is_closed(path: Path) -> None:
    with closing(IngestLock(path, "binance")) as lock:
        with pytest.raises(StoreInUse):
            IngestLock(path, "binance")
        assert not path.exists(), "a database was made by somebody who only wants the lock"
        lock.hold_file()
        lock.name_file()
    assert is_named(path)
    with closing(IngestLock(path, "binance")):
        pass


def test_the_file_is_held_by_each_of_its_names(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    with closing(IngestLock(path, "binance")) as lock:
        lock.hold_file()
        os.link(path, link)
        with pytest.raises(StoreInUse):
            IngestLock(link, "binance")
        assert not is_named(link)
        path.unlink()
        lock.hold_file()
        with closing(IngestLock(link, "binance")):
            pass  # it is another file by now
    assert lock_path(path).exists()


def test_other_exchanges_write_beside_the_owner(path: Path) -> None:
    with closing(IngestLock(path, "binance")) as owner:
        owner.hold_file()
        owner.name_file()
        with closing(IngestLock(path, "kucoin")) as other:
            assert (owner.owns, other.owns) == (True, False)
            assert is_named(path), "this reads the lock file, and must not drop the locks"
            for exchange in ("binance", "kucoin"):
                with pytest.raises(StoreInUse, match=f"for {exchange}"):
                    IngestLock(path, exchange)
    with closing(IngestLock(path, "kucoin")) as next_owner:
        assert next_owner.owns


def test_group_reads_what_is_made_in_its_folder_also_after_damage(path: Path) -> None:
    path.parent.mkdir()
    path.parent.chmod(0o2750)
    for writes in (b"", b"not a database any more" * 200, b""):
        if writes:
            path.write_bytes(writes)
        with writing(path) as writer:
            assert (writer.set_aside is not None) == bool(writes)
            for ending in DATABASE:
                assert Path(f"{path}{ending}").stat().st_mode & 0o777 == 0o640, ending
    assert lock_path(path).stat().st_mode & 0o777 == 0o600
