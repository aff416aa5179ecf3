"""Times in which REST did not answer the comparisons: events with a duration.

Nobody can compare then, and the service may be well all the same: the report must know when.
"""

from dataclasses import replace

from funding import errors
from funding.model.event import Event, EventKind
from funding.runtime.clock import Clock
from funding.watchdog.audit_trail import SOURCE


class RestOutages:
    """What to store after each attempt to compare. For one thread.

    An outage begins with the first attempt that fails, and ends when no comparison fails any more.
    The first failure alone is not stored: the next attempt mostly succeeds.
    """

    def __init__(self, exchange: str, clock: Clock) -> None:
        self._exchange = exchange
        self._clock = clock
        self._failing: set[str] = set()  # what is compared
        self._began = 0.0  # uptime
        self._event: Event | None = None
        self._stored = False

    def failed(self, comparison: str, error: errors.RestError) -> Event | None:
        """The event to store now that `comparison` could not be made."""
        if isinstance(error, errors.RestOverBudget):
            return None  # that is our own limit
        self._failing.add(comparison)
        if self._event is None:
            self._began = self._clock.uptime()
            kind, at = EventKind.REST_UNAVAILABLE, self._clock.wall()
            self._event = Event(at, SOURCE, kind, str(error)[:500], rule=self._exchange)
            return None
        self._stored = True
        return self._lasting(self._event)

    def answered(self, comparison: str) -> Event | None:
        """The event to store now that `comparison` was made."""
        self._failing.discard(comparison)
        if self._failing or self._event is None:
            return None
        ended = self._lasting(self._event) if self._stored else None
        self._event, self._stored = None, False
        return ended

    def _lasting(self, event: Event) -> Event:
        """`event` with its duration until now."""
        return replace(event, duration_seconds=self._clock.uptime() - self._began)
