"""What one batch changes beside the quotes, what it waits for, and when it is refused."""

from contextlib import closing
from pathlib import Path

import pytest

from funding.model.event import Event, EventKind
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


def test_event_time_above_the_ceiling_gives_way_to_an_older_one(path: Path) -> None:
    """What a wrong clock has let in is not kept for ever; without a ceiling the newest stays."""
    feed = feed_of()
    with writing(path, feed) as writer:
        writer.write(feed, received(quote(event_time=NOW_MS + 100)))
        assert writer.write(feed, received(quote()), ceiling=NOW_MS + 100) == 0
        assert writer.write(feed, received(quote()), ceiling=NOW_MS + 99) == 1


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
