"""What one batch changes beside the quotes, what it waits for, and when it is refused."""

import os
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from funding.errors import StoreCorrupt, StoreError, StoreLocked
from funding.model.event import Event, EventKind
from funding.store import damage
from funding.store import writer as writer_module
from tests.support.clock import rows
from tests.support.store import NOW_MS, feed_of, plainly, quote, received, writing


def test_feed_counts_what_was_newer_and_what_came_again(path: Path) -> None:
    feed, latest = feed_of(), NOW_MS + 1_000
    with writing(path, feed) as writer:
        first = received(quote("AUSDT"), quote("BUSDT"), wall=NOW_MS / 1000, uptime=5_000.0)
        assert writer.write(feed, first, ceiling=latest) == 2
        newer = quote("AUSDT", event_time=NOW_MS + 1)
        again = received(newer, quote("BUSDT"), wall=NOW_MS / 1000 + 1, uptime=5_001.0)
        assert writer.write(feed, again, ceiling=latest) == 1
        old = received(quote("BUSDT"), uptime=5_002.0)
        assert writer.write(feed, old, ceiling=latest) == 0
    select = "SELECT accepted, repeated, last_frame_at, last_frame_uptime FROM feed"
    assert rows(path, select) == [(3, 2, NOW_MS / 1000 + 1, 5_001.0)]


def test_commit_with_an_event_waits_for_the_disk_and_one_without_does_not(path: Path) -> None:
    """A power cut must not undo an event; quotes come again."""
    full, normal, waits = 2, 1, []
    event = Event(1.0, "ingest", EventKind.CONNECT, "")
    feed = feed_of()
    with writing(path, feed) as writer:
        for events in ([], [event], [event], [], [event]):
            writer.write(feed, events=events)
            waits.append(writer._connection.pragma("synchronous"))
    assert waits == [normal, full, full, normal, full]


def test_first_commit_waits_for_the_disk_if_it_has_an_event(path: Path) -> None:
    full = 2
    feed = feed_of()
    with writing(path, feed) as writer:
        writer.write(feed, events=[Event(1.0, "ingest", EventKind.CONNECT, "")])
        assert writer._connection.pragma("synchronous") == full


def test_mark_of_another_file_does_not_concern_this_one(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer:
        damage.marker_path(path).write_text("another file")
        assert writer.write(feed, received(quote())) == 1


def test_event_time_above_the_ceiling_gives_way_to_an_older_one(path: Path) -> None:
    """What a wrong clock has let in is not kept for ever; without a ceiling the newest stays."""
    feed = feed_of()
    with writing(path, feed) as writer:
        writer.write(feed, received(quote(event_time=NOW_MS + 100)))
        assert writer.write(feed, received(quote()), ceiling=NOW_MS + 100) == 0
        assert writer.write(feed, received(quote()), ceiling=NOW_MS + 99) == 1


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


@pytest.mark.parametrize(
    ("uptime", "updated", "now", "retired"),
    [
        (5_000.0, 0.0, (0.0, 5_000.0 + 86_400), False),
        (5_000.0, 0.0, (0.0, 5_000.5 + 86_400), True),
        (None, 1_000.0, (1_000.0 + 86_400, 0.0), False),  # of another boot: by the wall clock
        (None, 1_000.0, (1_000.5 + 86_400, 0.0), True),
    ],
)
def test_symbol_without_a_quote_for_a_day_is_retired(
    path: Path, uptime: float | None, updated: float, now: tuple[float, float], retired: bool
) -> None:
    feed = feed_of()
    with writing(path, feed) as writer, closing(plainly(path)) as other:
        writer.write(feed, received(quote()))
        other.execute("UPDATE quote SET received_uptime = ?, updated_at = ?", (uptime, updated))
        assert writer.retire("another", *now) == []
        assert writer.retire("binance", *now) == ["BTCUSDT"] * retired
        assert writer.symbols("binance") == ["BTCUSDT"] * (not retired)


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
            patched.setattr(writer_module, "open_reader", locked)
            os.utime(path)
            with pytest.raises(StoreLocked):
                writer.write(feed, received(quote(event_time=NOW_MS + 1)))
        assert not damage.marker_path(path).exists()
        assert writer.write(feed, received(quote(event_time=NOW_MS + 2))) == 1


@pytest.mark.parametrize(
    ("exchange", "source"), [("binance", "ingest"), ("kucoin", "ingest-kucoin")]
)
def test_events_name_the_ingest_that_wrote_them(path: Path, exchange: str, source: str) -> None:
    feed = feed_of()
    feed.exchange = exchange
    connect = Event(1.0, "ingest", EventKind.CONNECT, "", rule="opened")
    with writing(path, feed) as writer:
        writer.write(feed, events=[connect])
        writer.write(feed, events=[connect])
    assert rows(path, "SELECT source, count FROM event") == [(source, 2)]
