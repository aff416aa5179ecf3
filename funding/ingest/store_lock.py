"""While the store takes nothing, since another process holds its write lock or the disk is full:
ingest goes on receiving, and says so."""

import logging
from collections.abc import Callable

from funding.errors import StoreError, StoreFull, StoreLocked
from funding.ingest.condition import Condition
from funding.model.event import Event, EventKind
from funding.runtime.clock import Clock
from funding.runtime.logs import Throttle

log = logging.getLogger("ingest")

LOG_AGAIN_SECONDS = 60.0
ANOTHER = "another process"
LOCKED = "{holder} holds the store's write lock: receiving goes on, writing waits"
FULL = "the disk is full: receiving goes on, writing waits"


class StoreLock:
    """Told after each attempt to write why the store took nothing, or None where it did.

    `locked_by` names the process that holds the lock, as far as the system tells.
    """

    def __init__(self, clock: Clock, locked_by: Callable[[], str] = lambda: "") -> None:
        self._clock = clock
        self._locked_by = locked_by
        self._throttle = Throttle(LOG_AGAIN_SECONDS)
        self._condition = Condition(EventKind.LOCKED)
        self._holder = ANOTHER
        self._since: float | None = None
        self._logged = False

    @property
    def active(self) -> bool:
        """Whether the last attempt failed."""
        return self._condition.active

    def update(self, problem: StoreError | None) -> list[Event]:
        """The event of a wait, when one begins; the same with its duration, when it ends."""
        wall, now = self._clock.wall(), self._clock.uptime()
        if problem is None and self._logged and self._since is not None:
            log.info("the store is free again after %.1f s", now - self._since)
        if problem is None:
            self._since, self._logged = None, False
        elif self._since is None:
            self._since = now
        words = FULL if isinstance(problem, StoreFull) else LOCKED
        if isinstance(problem, StoreLocked) and not self.active:
            self._holder = self._locked_by() or ANOTHER
        words = words.format(holder=self._holder)
        event = self._condition.update(problem is not None, words, wall, now)
        if self._since is not None and self._throttle(words, now):
            log.warning("%s (%.0f s)", words, now - self._since)
            self._logged = True
        return [] if event is None else [event]
