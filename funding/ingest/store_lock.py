"""While another process holds the store's write lock: ingest goes on receiving, and says so."""

import logging

from funding.ingest.condition import Condition
from funding.model.event import Event, EventKind
from funding.runtime.clock import Clock
from funding.runtime.logs import Throttle

log = logging.getLogger("ingest")

LOG_AGAIN_SECONDS = 60.0


class StoreLock:
    """Told after each attempt to write whether the store was locked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._throttle = Throttle(LOG_AGAIN_SECONDS)
        self._condition = Condition(EventKind.LOCKED)

    @property
    def active(self) -> bool:
        """Whether the last attempt failed."""
        return self._condition.active

    def update(self, locked: bool) -> list[Event]:
        """The event of a lock, when one begins; the same with its duration, when it ends."""
        wall, now = self._clock.wall(), self._clock.uptime()
        seconds = self._condition.seconds(now)
        if self.active and not locked:
            log.info("the store is free again after %.1f s", seconds)
        words = "another process holds the store's write lock: receiving goes on, writing waits"
        event = self._condition.update(locked, words, wall, now)
        if locked and self._throttle("locked", now):
            log.warning("%s (%.0f s)", words, seconds)
        return [] if event is None else [event]
