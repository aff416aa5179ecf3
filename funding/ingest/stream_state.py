"""The feed row from what came in: counts, connection, lag, and whose clock is wrong."""

import logging

from funding.ingest.condition import Condition
from funding.ingest.connection_shares import Policy
from funding.ingest.inbox import Batch
from funding.ingest.rejections import Rejections
from funding.model.event import Event, EventKind
from funding.model.feed import LAG_SECONDS, Feed

log = logging.getLogger("ingest")

LAG_OVER_SECONDS = 2.0  # under LAG_SECONDS, so that a stream at the limit is one event
CLOCK_SECONDS = 10.0
"""How far the wall clock may be from the exchange's; NTP keeps a clock within 0.1 s."""
LATE_SECONDS = 300.0
"""A stream may be late by less than this from the start, which looks like a clock that is ahead
until REST tells the exchange's clock."""


class StreamState:
    """Keeps `feed`; `update` with each batch."""

    def __init__(self, feed: Feed, rejections: Rejections) -> None:
        self._feed = feed
        self._rejections = rejections
        self._lag = Condition(EventKind.LAG)
        self._clock = Condition(EventKind.CLOCK)

    @property
    def clock_is_wrong(self) -> bool:
        """Whether the wall clock and the exchange's are far apart."""
        return self._clock.active

    def update(self, batch: Batch, policy: Policy, wall: float, now: float) -> list[Event]:
        """Bring the row up to date; what has begun or ended."""
        self._count(batch)
        feed = self._feed
        before, feed.connections = feed.connections, policy.open_connections()
        if feed.connections > before:  # be they the exchange's own, or those of its carrier
            feed.last_connected_at = wall
        feed.connected = int(policy.is_good())
        feed.connected_since = (feed.connected_since or wall) if feed.connections else None
        feed.good_since = (feed.good_since or wall) if feed.connected else None
        feed.lag_seconds = round(policy.lag(), 3)
        events = []
        if feed.connected:  # what was late until it was replaced is not prompt without a connection
            events.append(self._check_lag(wall, now))
        if batch.least_delay is not None:
            feed.least_delay = batch.least_delay
            events.append(self._check_clock(wall, now))
        return [event for event in events if event is not None]

    def stop(self) -> None:
        """No connection is left."""
        feed = self._feed
        feed.connected, feed.connections, feed.lag_seconds = 0, 0, 0.0
        feed.connected_since = feed.good_since = None
        feed.last_error = "ingest was stopped"

    def _count(self, batch: Batch) -> None:
        feed = self._feed
        feed.frames += batch.frames
        feed.malformed += batch.malformed
        feed.repeated += batch.repeated
        feed.rejected += batch.rejected.total()
        feed.ignored += batch.ignored.total()
        if batch.malformed or batch.rejected or batch.ignored:
            self._rejections.add(batch)
            feed.reasons = self._rejections.as_json()
        if batch.event_time:
            feed.last_event_time = batch.event_time

    def _check_lag(self, wall: float, now: float) -> Event | None:
        lag = self._feed.lag_seconds
        limit = LAG_OVER_SECONDS if self._lag.active else LAG_SECONDS
        words = f"the stream is {lag:.0f} s late"
        return self._noted(self._lag, lag > limit, words, "the stream is prompt again", wall, now)

    def _check_clock(self, wall: float, now: float) -> Event | None:
        assert self._feed.least_delay is not None
        ahead = wall - (now - self._feed.least_delay)
        words = (
            f"the wall clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the"
            " exchange's: is this machine's time set (NTP)?"
        )
        if 0 < ahead < LATE_SECONDS:
            words += " Or was the stream late from the start?"
        wrong = abs(ahead) > CLOCK_SECONDS
        return self._noted(self._clock, wrong, words, "the wall clock is right again", wall, now)

    def _noted(
        self, condition: Condition, active: bool, words: str, over: str, wall: float, now: float
    ) -> Event | None:
        if active and not condition.active:
            log.warning("%s", words)
            self._feed.last_error, self._feed.last_error_at = words, wall
        elif condition.active and not active:
            log.info("%s", over)
        return condition.update(active, words, wall, now)
