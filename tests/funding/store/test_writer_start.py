"""What a writer does before its first batch: folder, lock, and what an earlier ingest has left."""

import os
import stat
from pathlib import Path

import pytest

from funding.errors import StoreError, StorePermission
from funding.runtime import access
from funding.store.damage import lock_path
from funding.store.file_identity import identify
from funding.store.writer import Writer
from tests.support.clock import rows
from tests.support.store import feed_of, quote, received, writing


def test_folders_are_made_and_the_last_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "one" / "two" / "funding.db"
    before = os.umask(0)
    try:
        with writing(path):
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
            assert stat.S_IMODE(lock_path(path).stat().st_mode) == 0o600
    finally:
        os.umask(before)


def test_lock_names_the_file_that_is_written_and_nothing_else(path: Path) -> None:
    path.parent.mkdir()
    lock_path(path).write_text("9" * 200)
    with writing(path):
        assert lock_path(path).read_text() == str(identify(path))


@pytest.mark.parametrize(
    ("who", "words"), [("", "Permission denied"), ("only root may write", "only root may write")]
)
def test_file_that_is_closed_to_this_user_says_who_may_write_it(
    path: Path, monkeypatch: pytest.MonkeyPatch, who: str, words: str
) -> None:
    def refused(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    def closed(_path: Path, *, writing: bool = False, endings: object = ()) -> str:
        return who if writing and endings == access.DATABASE else "asked for another thing"

    monkeypatch.setattr(os, "open", refused)
    monkeypatch.setattr(access, "closed", closed)
    with pytest.raises(StorePermission) as caught:
        Writer(path, feed_of())
    assert str(caught.value) == f"{path}: {words}"


def test_path_through_a_file_says_why_it_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "funding.db"
    with pytest.raises(StoreError) as caught:
        Writer(path, feed_of())
    assert (caught.value.path, caught.value.detail) == (str(path), "File exists")


@pytest.mark.parametrize(("boot", "uptime"), [("this boot", 5_000.0), ("another", None)])
def test_uptime_of_a_receipt_means_nothing_after_a_reboot(
    path: Path, boot: str, uptime: float | None
) -> None:
    feed = feed_of()
    with writing(path, feed) as writer:
        writer.write(feed, received(quote()))
    with writing(path, feed_of(boot=boot)):
        assert rows(path, "SELECT received_uptime FROM quote") == [(uptime,)]


@pytest.mark.parametrize(("boot", "left"), [("this boot", 2.0 + 4.0), ("another", 15.0)])
def test_attempts_that_an_earlier_ingest_left_are_taken_over(
    path: Path, boot: str, left: float
) -> None:
    """One more for each five seconds since; a reboot takes longer than all of them need."""
    feed = feed_of()
    with writing(path, feed) as writer:
        feed.attempts_left, feed.heartbeat_uptime = 2.0, 4_000.0
        writer.write(feed)
    again = feed_of(boot=boot)
    again.started_uptime = 4_020.0
    with writing(path, again):
        assert again.attempts_left == left
    assert rows(path, "SELECT attempts_left FROM feed") == [(left,)]


@pytest.mark.parametrize(("boot", "delay"), [("this boot", 0.2 + 0.002), ("another", None)])
def test_least_delay_of_the_stream_is_taken_over_with_the_drift_of_clocks(
    path: Path, boot: str, delay: float | None
) -> None:
    """A tenth of a millisecond a second."""
    feed = feed_of()
    with writing(path, feed) as writer:
        feed.least_delay, feed.heartbeat_uptime = 0.2, 4_000.0
        writer.write(feed)
    again = feed_of(boot=boot)
    again.started_uptime = 4_020.0
    with writing(path, again):
        assert again.least_delay == (None if delay is None else pytest.approx(delay))
