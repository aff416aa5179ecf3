"""A file that was replaced is another file, whatever its name."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from funding.errors import StoreError
from funding.store.file_identity import identify, require_file
from funding.store.reader import Reader
from funding.store.writer import Writer
from tests.support.clock import ManualClock
from tests.support.store import feed_of


def test_a_file_is_known_by_itself_and_not_by_its_name(tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    assert identify(path) is None
    path.touch()
    link.symlink_to(path)
    first = identify(path)
    assert first == identify(str(link)) is not None
    path.rename(tmp_path / "moved")
    path.touch()
    assert identify(path) != first == identify(tmp_path / "moved")


def test_the_text_of_the_lock_file_is_device_and_inode(tmp_path: Path) -> None:
    status = tmp_path.stat()
    assert str(identify(tmp_path)) == f"{status.st_dev}:{status.st_ino}"


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: os.symlink("/dev/null", path)])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """To open a pipe would wait for ever."""
    path = tmp_path / "funding.db"
    require_file(path)
    make(path)
    for use in (
        lambda: require_file(path),
        lambda: Writer(path, feed_of()),
        lambda: Reader(path, "binance", ManualClock().clock()).all(),
    ):
        with pytest.raises(StoreError, match=r"funding\.db: is not a file"):
            use()
