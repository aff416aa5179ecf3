"""While the store takes nothing, since another process holds its write lock or the disk is full:
ingest goes on receiving, and says so."""

import logging

from funding.errors import StoreError, StoreFull
from funding.ingest.condition import Condition
from funding.model.event import Event, EventKind
from funding.runtime.clock import Clock
from funding.runtime.logs import Throttle

log = logging.getLogger("ingest")

LOG_AGAIN_SECONDS = 60.0
LOCKED = "another process holds the store's write lock: receiving goes on, writing waits"
FULL = "the disk is full: receiving goes on, writing waits"


class StoreLock:
    """Told after each attempt to write why the store took nothing, or None where it did."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._throttle = Throttle(LOG_AGAIN_SECONDS)
        self._condition = Condition(EventKind.LOCKED)

    @property
    def active(self) -> bool:
        """Whether the last attempt failed."""
        return self._condition.active

    def update(self, problem: StoreError | None) -> list[Event]:
        """The event of a wait, when one begins; the same with its duration, when it ends."""
        wall, now = self._clock.wall(), self._clock.uptime()
        seconds = self._condition.seconds(now)
        if self.active and problem is None:
            log.info("the store is free again after %.1f s", seconds)
        words = FULL if isinstance(problem, StoreFull) else LOCKED
        event = self._condition.update(problem is not None, words, wall, now)
        if problem is not None and self._throttle(words, now):
            log.warning("%s (%.0f s)", words, seconds)
        return [] if event is None else [event]
