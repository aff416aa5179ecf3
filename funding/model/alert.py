"""An alert, and the posts that it becomes. For both consumers.

# Facts
(the backend's own checks, as its public repository has them)
- Times are ISO 8601 in UTC with a Z and whole seconds.
- A field without a value must be left out: null is refused with 400.
- Telegram's sendMessage takes {"chat_id", "text"} as JSON at /bot<token>/sendMessage.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

TELEGRAM = "telegram"
"""The name of the target that takes an alert's message instead of its body."""
LONGEST_WAIT_SECONDS = 3_600.0
"""No post is delayed for longer than this."""
STUCK_ATTEMPTS = 10
"""A post that was tried this often comes after those that were not."""


class Mark(NamedTuple):
    """A symbol's values in the service now; None where it has none that are fresh."""

    mark_price: float | None
    funding_rate: float | None


UNKNOWN = Mark(None, None)


class Alert(NamedTuple):
    """One thing to send, once.

    `key` names it among all alerts ever made: a second one of the same key is the same alert.
    `at` is Unix seconds, `path` where a backend takes its `body`, `message` the text for people.
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
    found = []
    for target in targets:
        body = {"text": alert.message} if target == TELEGRAM else alert.body
        found.append(post(target, alert.path if target != TELEGRAM else "", alert.key, body))
    return found


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
    """`fields` without those that are None."""
    return {name: value for name, value in fields.items() if value is not None}
