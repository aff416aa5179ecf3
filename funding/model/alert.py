"""What an alert is, and the posts that it becomes. For both consumers.

# Facts
(the backend's own checks, as its public repository has them)
- Times are ISO 8601 in UTC with a Z and whole seconds.
- A field without a value must be left out: null is refused with 400.
- Telegram's sendMessage takes {"chat_id", "text"} as JSON at /bot<token>/sendMessage.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

LONGEST_WAIT_SECONDS = 3_600.0
"""No post waits longer than this for its next attempt."""
STUCK_ATTEMPTS = 10
"""A post that failed this often is sent after the posts that did not."""


class Consumer(StrEnum):
    """Who makes alerts; the words stand in the database."""

    VOLUME_ALERT = "volume_alert"
    OI_POLLER = "oi_poller"
    SIGNAL_ALERT = "signal_alert"
    ALERTS = "alerts"  # the watchdog, which tells people how the service is


class TargetName(StrEnum):
    """Where alerts are sent; the words stand in the database."""

    BACKEND = "backend"
    BACKEND_DEV = "backend-dev"
    TELEGRAM = "telegram"  # takes an alert's message instead of its body
    WEBHOOK = "webhook"  # any address that takes JSON


class MarkAndRate(NamedTuple):
    """A symbol's mark price and funding rate as the service has them; None for no fresh value."""

    mark_price: float | None
    funding_rate: float | None


UNKNOWN = MarkAndRate(None, None)


class Alert(NamedTuple):
    """Something to report to each target once.

    `key` identifies it: a second alert with the same key is the same alert. `at` is Unix seconds,
    `path` is where a backend takes its `body`, `message` says the same to people.
    """

    key: str
    consumer: str
    symbol: str
    kind: str
    at: float
    message: str
    path: str
    body: Mapping[str, Any]


class Post(NamedTuple):
    """One body for one target, under a key by which the target knows it when it comes twice."""

    target: str
    path: str
    idempotency_key: str
    body: str


def posts(alert: Alert, targets: Iterable[str]) -> list[Post]:
    """The posts of `alert` to `targets`."""
    return [
        post(target, "", alert.key, {"text": alert.message})
        if target == TargetName.TELEGRAM
        else post(target, alert.path, alert.key, alert.body)
        for target in targets
    ]


def post(target: str, path: str, key: str, body: Mapping[str, Any]) -> Post:
    """A post of `body`; `key` may hold any characters, a header may not."""
    return Post(target, path, idempotency_key(key), msgspec.json.encode(body).decode())


def idempotency_key(key: str) -> str:
    """The same 32 letters for the same `key`, on any machine and after any restart."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def iso(at: float) -> str:
    """Unix seconds as `2026-01-01T00:05:00Z`."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def without_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    """`fields` except those that are None."""
    return {name: value for name, value in fields.items() if value is not None}
