"""Is the service healthy? The feed row and the ages of the quotes in, verdict out.

Health is the age of accepted data, never the state of a socket: a connection without a good frame
is not connected, and one dead symbol of 900 does not make the service unhealthy. Contracts that do
not trade are not looked at: their quotes may stand still for months.

While REST stands in for the stream, the data may be fresh although the stream is not: that is
degraded. It is served, and a person should look at the stream.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from math import inf

import msgspec

from funding.model.contract import ContractStatus
from funding.model.feed import LAG_SECONDS, Feed, StoredQuote
from funding.model.quote import Source

HEARTBEAT_SECONDS = 10.0
"""Ingest writes its feed row at least each second. When the row is older than this, ingest has
ended or hangs, or another process has locked the store."""
AHEAD_SECONDS = 60.0
LATE_SECONDS = 2.0
"""When ingest is later than this, something may hold it up."""


class Status(StrEnum):
    """The verdict; the words stand in answers."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a healthy service, from the settings: seconds, and a number of symbols."""

    stale_after: float
    min_symbols: int


class Health(msgspec.Struct, rename="camel", frozen=True):
    """The answer of `/funding/health`; durations and ages in seconds, times in Unix seconds.
    `reasons` say what is wrong with the data, `warnings` what else a person should see to."""

    status: Status
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
    warnings: list[str] | msgspec.UnsetType = msgspec.UNSET
    unhealthy_since: float | msgspec.UnsetType | None = msgspec.UNSET
    error: str | msgspec.UnsetType = msgspec.UNSET  # every error of the API has this key

    @property
    def healthy(self) -> bool:
        """Whether there are no reasons against it."""
        return self.status is Status.HEALTHY

    @property
    def serves(self) -> bool:
        """Whether the data is fresh, be it by REST."""
        return self.status is not Status.UNHEALTHY


def heartbeat_age(feed: Feed, uptime: float, boot: str) -> float:
    """Seconds since ingest wrote its feed row; infinite where no clock can tell: across a reboot,
    or when the row lies ahead of the clock by more than a look can take."""
    age = uptime - feed.heartbeat_uptime
    return age if feed.boot_id == boot and age > -AHEAD_SECONDS else inf


def since(age: float) -> str:
    """A heartbeat of `age` seconds, in words."""
    return "since this machine started" if age == inf else f"for {age:.0f} s"


def trades(quote: StoredQuote) -> bool:
    """Whether fresh quotes are expected of its contract: it trades, or nobody has asked yet."""
    return quote.status in (None, ContractStatus.TRADING)


def is_filled_in(quote: StoredQuote, stale_after: float) -> bool:
    """Whether this is a fresh quote, and REST's."""
    return quote.source is Source.REST and quote.age_seconds <= stale_after and trades(quote)


def feed_problem(
    feed: Feed | None, newest: float | None, heartbeat: float | None, locked_by: str
) -> str:
    """What is wrong with the feed, "" for nothing; `newest` is the age of the newest quote."""
    if feed is None or heartbeat is None:
        return "no quotes are stored yet: is ingest running?"
    if heartbeat > HEARTBEAT_SECONDS and locked_by:
        return f"the database is locked by {locked_by}: ingest has waited {since(heartbeat)}"
    if heartbeat > HEARTBEAT_SECONDS:
        return f"ingest has not written {since(heartbeat)}: it is gone or hangs"
    known = newest is not None and newest < inf
    silence = f", no quote for {newest:.0f} s" if known else ""
    if not feed.connected:
        return f"not connected to {feed.address}{silence}: {feed.last_error or 'no attempt yet'}"
    if feed.good_since is None:
        why = f": {feed.last_error}" if feed.last_error else ""
        return f"no good frame has come on this connection to {feed.address}{silence}{why}"
    if feed.lag_seconds > LAG_SECONDS:
        return f"the stream of {feed.address} is {feed.lag_seconds:.0f} s late"
    return ""


def standby_text(feed: Feed | None, filled_in: int) -> str:
    """That REST stands in with `filled_in` fresh quotes, "" where it does not."""
    if feed is None or feed.standby_since is None or not filled_in:
        return ""
    begin = datetime.fromtimestamp(feed.standby_since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"REST stands in for the stream since {begin}: {filled_in} quotes are from there"


def judge(
    feed: Feed | None,
    ages: Sequence[float],
    limits: Limits,
    heartbeat: float | None,
    locked_by: str = "",
    *,
    filled_in: int = 0,
    link: str = "",
) -> Health:
    """The verdict on `feed`, its `heartbeat` age and the `ages` of the quotes of all contracts that
    trade, in seconds.

    `feed` and `heartbeat` are None before the first ingest. `locked_by` is the process that keeps
    ingest from writing. `filled_in` is how many of the quotes are fresh and REST's. `link` says, of
    what came from another machine, why it may not be the present; "" for nothing.
    """
    stale = sum(age > limits.stale_after for age in ages)
    newest = min(ages, default=None)
    alive = not link and heartbeat is not None and heartbeat <= HEARTBEAT_SECONDS
    problem = link or feed_problem(feed, newest, heartbeat, locked_by)
    standby = standby_text(feed, filled_in)
    lacking = _lacking(len(ages) - stale, newest, limits)
    if lacking or link or (problem and not standby):
        status = Status.UNHEALTHY
    else:
        status = Status.DEGRADED if standby else Status.HEALTHY
    return Health(
        status=status,
        websocket_connected=bool(alive and feed and feed.connected and feed.good_since),
        symbol_count=len(ages),
        stale_symbols=stale,
        uptime_seconds=round(feed.heartbeat_uptime - feed.started_uptime, 1) if feed else 0.0,
        last_connected_time=feed.last_connected_at if feed else None,
        messages_received=feed.frames if feed else 0,
        reconnect_attempts=feed.reconnects if feed else 0,
        oldest_data_age_seconds=round(max(ages), 3) if ages else None,
        newest_data_age_seconds=round(min(ages), 3) if ages else None,
        reasons=[text for text in (problem, standby, *lacking) if text],
        error="unhealthy" if status is Status.UNHEALTHY else msgspec.UNSET,
    )


def _lacking(fresh: int, newest: float | None, limits: Limits) -> list[str]:
    """What the quotes themselves lack; `newest` is the age of the newest one."""
    reasons = []
    if fresh < limits.min_symbols:
        reasons.append(f"{fresh} fresh symbols, at least {limits.min_symbols} are expected")
    if newest == inf:
        reasons.append("no quote was received since this machine started")
    elif newest is not None and newest > limits.stale_after:
        reasons.append(
            f"the newest quote is {newest:.0f} s old, the limit is {limits.stale_after:g} s"
        )
    return reasons
