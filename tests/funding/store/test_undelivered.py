"""What waits for its target."""

from pathlib import Path

from funding.model.alert import Consumer, Post
from funding.model.event import Event, EventKind
from funding.store.durable import DurableConnection
from funding.store.events import Events
from funding.store.outbox import OutboxStore
from funding.store.trail_outbox import Mark, TrailOutbox, TrailTable
from funding.store.undelivered import (
    ALERT_SECONDS,
    REFUSED_SECONDS,
    TRAIL_SECONDS,
    undelivered,
    unpublished,
)

AT = 1_764_725_610.0


def test_alerts_that_nobody_takes_are_counted_by_target(
    path: Path, store: DurableConnection
) -> None:
    outbox = OutboxStore(store)
    posts = [Post("webhook", "", "1", "{}"), Post("webhook", "", "2", "{}")]
    outbox.complete(Consumer.ALERTS, None, AT, [], [], [*posts, Post("telegram", "", "3", "{}")])
    outbox.complete(Consumer.VOLUME_ALERT, None, AT, [], [], [Post("backend", "", "4", "{}")])
    assert undelivered(store.rows, AT + ALERT_SECONDS) == []
    begin = "since 2025-12-03T01:33:30Z: not tried yet; waiting:"
    assert undelivered(store.rows, AT + ALERT_SECONDS + 1) == [
        f"alerts cannot be sent to telegram {begin} 1",
        f"alerts cannot be sent to webhook {begin} 2",
    ]


def test_pings_that_are_not_taken_are_told_while_that_lasts(
    path: Path, store: DurableConnection
) -> None:
    assert path.exists()
    refused = Event(AT, "watchdog", EventKind.HEARTBEAT_REFUSED, "status 500", None, None, 3_600.0)
    Events(store).add([refused])
    over = AT + 3_600.0 + REFUSED_SECONDS
    text = "FUNDING_HEARTBEAT_URL takes no ping since 2025-12-03T01:33:30Z: status 500"
    assert undelivered(store.rows, over - 1) == [text]
    assert undelivered(store.rows, over) == []


def test_a_trail_that_waits_for_nats(path: Path, store: DurableConnection) -> None:
    Events(store).add([Event(AT + n, "ingest", EventKind.CONNECT, "") for n in range(3)])
    later = AT + TRAIL_SECONDS + 1.5
    assert unpublished(store.rows, later) == ""  # it was never published
    outbox = TrailOutbox(store)
    outbox.set_mark(TrailTable.EVENT, Mark(0, 0.0))
    outbox.set_mark(TrailTable.SIGNAL, Mark(7, 0.0))
    words = "signals, events or comparisons wait for NATS since 2025-12-03T01:33:30Z"
    assert unpublished(store.rows, later) == words
    outbox.set_mark(TrailTable.EVENT, Mark(1, AT))
    assert "01:33:31Z" in unpublished(store.rows, later)
    outbox.set_mark(TrailTable.EVENT, Mark(2, AT + 1))
    assert unpublished(store.rows, later) == ""
