"""Something that lasts: one event with a duration, however often it comes and goes. Pure."""

from dataclasses import replace

from funding.model.event import Event, EventKind

AGAIN_SECONDS = 60.0
"""What comes again this soon after its end is the same event, with a higher count."""


class Condition:
    """Call `update` often. The event is added when it begins; its duration when it is over."""

    def __init__(self, kind: EventKind) -> None:
        self._kind = kind
        self._event: Event | None = None
        self._began = 0.0  # uptime
        self._ended: float | None = None

    @property
    def active(self) -> bool:
        """Whether it has begun and is not over."""
        return self._event is not None and self._ended is None

    def update(self, active: bool, detail: str, wall: float, now: float) -> Event | None:
        """Whether it is so at uptime `now`; the event to be added, or to replace the one of its
        time and kind."""
        if active == self.active:
            return None
        if not active:
            assert self._event is not None
            self._ended = now
            self._event = replace(self._event, duration_seconds=round(now - self._began, 3))
            return self._event
        again = self._ended is not None and now - self._ended < AGAIN_SECONDS
        self._ended = None
        if again and self._event is not None:
            self._event = replace(self._event, duration_seconds=None, count=self._event.count + 1)
            return None
        self._began = now
        self._event = Event(wall, "ingest", self._kind, detail)
        return self._event
