"""Alerts that wait for their target."""

from pathlib import Path

from funding.model.alert import Consumer, Post
from funding.store.durable import DurableConnection
from funding.store.outbox import OutboxStore
from funding.store.undelivered import ALERT_SECONDS, undelivered

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
