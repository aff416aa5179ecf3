"""What does not get out: alerts that wait for their target, pings that are not taken, a trail that
waits for NATS."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from funding.model.alert import Consumer
from funding.model.event import EventKind

ALERT_SECONDS = 30.0
"""An alert that is older and not accepted cannot be delivered at present."""
REFUSED_SECONDS = 120.0
"""A ping is sent each minute: one refused longer ago was followed by one that was taken."""
_DAY_SECONDS = 86_400.0
_UNDELIVERED = """
SELECT target, count(*), min(created_at), max(last_error) FROM outbox
WHERE consumer = ? AND sent_at IS NULL AND created_at < ? GROUP BY target
"""

_REFUSED = """
SELECT at, detail FROM event
WHERE at > ?1 - ?2 AND kind = ?3 AND at + duration_seconds > ?1 - ?4 ORDER BY id DESC LIMIT 1
"""
TRAIL_SECONDS = 300.0
"""A server that is restarted, or a cluster that elects, is back before."""
_UNPUBLISHED = " UNION ALL ".join(
    f"SELECT (SELECT {at} FROM {table} WHERE id > consumer.done ORDER BY id LIMIT 1)"
    f" FROM consumer WHERE name = 'publish-{table}'"
    for table, at in (("signal", "at"), ("event", "at"), ("comparison", "compared_at"))
)
"""The time of the first row of each table that has not been sent."""


def undelivered(
    rows: Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]], now: float
) -> list[str]:
    """A sentence for each target that takes no alerts, and one where the address of the pings takes
    none, at `now` (Unix seconds); `rows` is that of a reader. Raises `StoreError`s."""
    refused = now, 2 * _DAY_SECONDS, EventKind.HEARTBEAT_REFUSED, REFUSED_SECONDS
    return [
        *(_waiting(*row) for row in rows(_UNDELIVERED, (Consumer.ALERTS, now - ALERT_SECONDS))),
        *(
            f"FUNDING_HEARTBEAT_URL takes no ping since {_time(since)}: {why}"
            for since, why in rows(_REFUSED, refused)
        ),
    ]


def unpublished(rows: Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]], now: float) -> str:
    """A sentence where signals, events or comparisons wait for NATS for long, at `now` (Unix
    seconds), else ""; `rows` is that of a reader. Raises `StoreError`s."""
    old = [at for (at,) in rows(_UNPUBLISHED, ()) if at is not None and at < now - TRAIL_SECONDS]
    if not old:
        return ""
    return f"signals, events or comparisons wait for NATS since {_time(min(old))}"


def _waiting(target: str, many: int, since: float, error: str | None) -> str:
    why = error or "not tried yet"
    return f"alerts cannot be sent to {target} since {_time(since)}: {why}; waiting: {many}"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
