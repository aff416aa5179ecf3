"""Is the service healthy? The feed row and the ages of the quotes in, verdict out.

Health is the age of accepted data, never the state of a socket: a silent connection is not
healthy, and one dead symbol of 900 does not make the service unhealthy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import msgspec

from funding.model.feed import Feed

HEARTBEAT_SECONDS = 10.0
"""Ingest writes its feed row at least each second. When the row is older than this, ingest has
ended or hangs."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a healthy service, from the settings: seconds, and a number of symbols."""

    stale_after: float
    min_symbols: int


class Health(msgspec.Struct, rename="camel", frozen=True):
    """The answer of `/funding/health`; durations and ages in seconds, times in Unix seconds."""

    status: str
    websocket_connected: bool
    symbol_count: int
    stale_symbols: int
    uptime_seconds: float
    last_connected_time: float | None
    messages_received: int
    reconnect_attempts: int
    oldest_data_age_seconds: float | None
    newest_data_age_seconds: float | None
    reasons: list[str]
    error: str | msgspec.UnsetType = msgspec.UNSET  # every error of the API has this key

    @property
    def healthy(self) -> bool:
        """Whether there are no reasons against it."""
        return not self.reasons


def heartbeat_age(feed: Feed, uptime: float, boot: str) -> float:
    """Seconds since ingest wrote its feed row; infinite across a reboot: no clock can tell."""
    return uptime - feed.heartbeat_uptime if feed.boot_id == boot else inf


def since(age: float) -> str:
    """A heartbeat of `age` seconds, in words."""
    return "since this machine started" if age == inf else f"for {age:.0f} s"


def judge(
    feed: Feed | None, ages: Sequence[float], limits: Limits, heartbeat: float | None
) -> Health:
    """The verdict on `feed`, its `heartbeat` age and the `ages` of all quotes, in seconds.

    `feed` and `heartbeat` are None before the first ingest.
    """
    stale = sum(age > limits.stale_after for age in ages)
    fresh = len(ages) - stale
    reasons = []
    alive = heartbeat is not None and heartbeat <= HEARTBEAT_SECONDS
    if feed is None or heartbeat is None:
        reasons.append("no quotes are stored yet: is ingest running?")
    elif not alive:
        reasons.append(f"ingest has not written {since(heartbeat)}: it is gone or hangs")
    elif not feed.connected:
        reasons.append(f"not connected to the exchange: {feed.last_error or 'no attempt yet'}")
    if fresh < limits.min_symbols:
        reasons.append(f"{fresh} fresh symbols, at least {limits.min_symbols} are expected")
    if ages and min(ages) == inf:
        reasons.append("no quote was received since this machine started")
    elif ages and min(ages) > limits.stale_after:
        reasons.append(
            f"the newest quote is {min(ages):.0f} s old, the limit is {limits.stale_after:g} s"
        )
    return Health(
        status="unhealthy" if reasons else "healthy",
        websocket_connected=bool(alive and feed and feed.connected),
        symbol_count=len(ages),
        stale_symbols=stale,
        uptime_seconds=round(feed.heartbeat_uptime - feed.started_uptime, 1) if feed else 0.0,
        last_connected_time=feed.last_connected_at if feed else None,
        messages_received=feed.frames if feed else 0,
        reconnect_attempts=feed.reconnects if feed else 0,
        oldest_data_age_seconds=round(max(ages), 3) if ages else None,
        newest_data_age_seconds=round(min(ages), 3) if ages else None,
        reasons=reasons,
        error="unhealthy" if reasons else msgspec.UNSET,
    )
