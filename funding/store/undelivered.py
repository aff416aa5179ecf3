"""Alerts that wait: they could not be sent to their target."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from funding.model.alert import Consumer

ALERT_SECONDS = 30.0
"""An alert that is older and not accepted cannot be delivered at present."""
_UNDELIVERED = """
SELECT target, count(*), min(created_at), max(last_error) FROM outbox
WHERE consumer = ? AND sent_at IS NULL AND created_at < ? GROUP BY target
"""


def undelivered(
    rows: Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]], now: float
) -> list[str]:
    """A sentence for each target that takes no alerts, at `now` (Unix seconds); `rows` is that of a
    reader. Raises `StoreError`s."""
    return [_text(*row) for row in rows(_UNDELIVERED, (Consumer.ALERTS, now - ALERT_SECONDS))]


def _text(target: str, many: int, since: float, error: str | None) -> str:
    begin = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    why = error or "not tried yet"
    return f"alerts cannot be sent to {target} since {begin}: {why}; waiting: {many}"
