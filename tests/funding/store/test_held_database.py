"""The database that ingest writes to: whether it is still that one, through a writer of it."""

import os
from pathlib import Path

import apsw
import pytest

from funding.errors import StoreCorrupt, StoreError, StoreLocked
from funding.model.event import Event, EventKind
from funding.store import damage, held_database
from tests.support.store import NOW_MS, feed_of, quote, received, writing


def test_commit_with_an_event_waits_for_the_disk_and_one_without_does_not(path: Path) -> None:
    """A power cut must not undo an event; quotes come again."""
    full, normal, waits = 2, 1, []
    event = Event(1.0, "ingest", EventKind.CONNECT, "")
    feed = feed_of()
    with writing(path, feed) as writer:
        for events in ([], [event], [event], [], [event]):
            writer.write(feed, events=events)
            waits.append(writer._database.connection.pragma("synchronous"))
    assert waits == [normal, full, full, normal, full]


def test_first_commit_waits_for_the_disk_if_it_has_an_event(path: Path) -> None:
    full = 2
    feed = feed_of()
    with writing(path, feed) as writer:
        writer.write(feed, events=[Event(1.0, "ingest", EventKind.CONNECT, "")])
        assert writer._database.connection.pragma("synchronous") == full


def test_mark_of_another_file_does_not_concern_this_one(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer:
        damage.marker_path(path).write_text("another file")
        assert writer.write(feed, received(quote())) == 1


@pytest.mark.parametrize("removed", [True, False])
def test_writing_to_a_file_that_is_no_longer_there_is_an_error(path: Path, removed: bool) -> None:
    feed = feed_of()
    with writing(path, feed) as writer:
        path.rename(path.with_name("away.db"))
        if not removed:
            path.write_bytes(b"another file")
        with pytest.raises(StoreError, match="removed or replaced"):
            writer.write(feed, received(quote()))


def test_file_that_another_program_found_damaged_is_not_written_to(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer:
        writer.write(feed, received(quote()))
        damage.report_damage(path)
        with pytest.raises(StoreCorrupt, match="another program found it damaged"):
            writer.write(feed, received(quote(event_time=NOW_MS + 1)))


def test_content_that_was_replaced_in_place_is_damage_and_left_as_it_is(path: Path) -> None:
    feed, other = feed_of(), b"a letter to my aunt\n" * 5_000
    with writing(path, feed) as writer:
        writer.write(feed, received(quote()))
        with path.open("r+b") as file:
            file.write(other)
            file.truncate()
        with pytest.raises(StoreCorrupt, match="was changed by another program"):
            writer.write(feed, received(quote(event_time=NOW_MS + 1)))
        assert damage.is_marked(path)
    assert path.read_bytes() == other


def test_lock_of_another_program_is_no_damage(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: object) -> apsw.Connection:
        raise StoreLocked(str(path), "locked by another process")

    feed = feed_of()
    with writing(path, feed) as writer:
        writer.write(feed, received(quote()))
        with monkeypatch.context() as patched:
            patched.setattr(held_database, "open_reader", locked)
            os.utime(path)
            with pytest.raises(StoreLocked):
                writer.write(feed, received(quote(event_time=NOW_MS + 1)))
        assert not damage.marker_path(path).exists()
        assert writer.write(feed, received(quote(event_time=NOW_MS + 2))) == 1
