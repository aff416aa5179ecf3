"""The audit trail as the watchdog uses it: events on their way into the store, and the restarts
that earlier watchdogs wrote into it."""

import logging
from typing import NamedTuple

from funding import errors
from funding.model.event import Event, EventKind
from funding.store.events import Events
from funding.watchdog.restart_rules import PastRestart

log = logging.getLogger("watchdog")

SOURCE = "watchdog"
MAX_UNSAVED = 1_000
LOOK_SECONDS = 5.0
"""The last look is stored this often: each time waits for the disk."""
ORDER_SECONDS = 60.0
"""A process that was sent TERM ends within this, if need be by KILL."""


class Earlier(NamedTuple):
    """When a watchdog looked for the last time (Unix seconds), if one ever did, and the unhealthy
    periods of which none has seen the end."""

    looked: float | None
    unfinished: list[Event]


class AuditTrail:
    """Keeps events until the store has them. For one thread."""

    def __init__(self, stored: Events) -> None:
        self._stored = stored
        self._unsaved: list[Event] = []
        self._changed: list[Event] = []
        self._looked: float | None = None
        self._stored_look: float | None = None

    def add(self, event: Event) -> None:
        """Store `event` with the next `save`."""
        self._unsaved.append(event)

    def change(self, before: Event, after: Event) -> None:
        """Store `after` in the place of `before`, which was added."""
        if before in self._unsaved:
            self._unsaved[self._unsaved.index(before)] = after
        else:
            self._changed.append(after)

    def looked(self, at: float) -> None:
        """Store with the next `save` that the watchdog looked at `at` (Unix seconds)."""
        self._looked = at

    def warn(self, event: Event) -> None:
        """As `add`, and log the event's text."""
        log.warning("%s", event.detail)
        self.add(event)

    def save(self) -> bool:
        """Store what was added; whether the store has all of it now."""
        waiting = len(self._unsaved) + len(self._changed)
        if not waiting and not self._look_due():
            return True
        try:
            self._stored.save(self._unsaved, self._changed, SOURCE, self._looked)
        except errors.StoreError as error:
            if waiting:
                log.warning("%d events not stored yet, retrying: %s", waiting, error)
            self._unsaved = self._unsaved[-MAX_UNSAVED:]
            self._changed = self._changed[-MAX_UNSAVED:]
            return not waiting
        self._unsaved, self._changed, self._stored_look = [], [], self._looked
        return True

    def earlier(self) -> Earlier | None:
        """What an earlier watchdog has left; None while the store does not tell."""
        try:
            events = self._stored.recall(SOURCE, EventKind.UNHEALTHY, 0.0)
            looked = self._stored.last_look(SOURCE)
        except errors.StoreError:
            return None
        return Earlier(looked, [event for event in events if event.duration_seconds is None])

    def _look_due(self) -> bool:
        """Whether the last look is to be stored, so that the next watchdog knows of it."""
        stored, looked = self._stored_look, self._looked
        if looked is None or stored is None:
            return looked is not None
        return not 0 <= looked - stored < LOOK_SECONDS

    def restarts(self, since: float) -> list[PastRestart]:
        """The stored restarts and starts since `since` (Unix seconds); none without a store, whose
        failure is a fact that the checks report."""
        try:
            events = [
                event
                for kind in (EventKind.RESTART, EventKind.START)
                for event in self._stored.recall(SOURCE, kind, since)
            ]
        except errors.StoreError:
            return []
        return [PastRestart(e.at, e.program, e.rule or "") for e in events if e.program]

    def explains(self, event: Event) -> bool:
        """Whether an earlier watchdog stored `event`, or ordered the crash that it reports."""
        try:
            orders = self._stored.recall(SOURCE, EventKind.RESTART, event.at - ORDER_SECONDS)
            stored = self._stored.recall(event.source, event.kind, event.at)
        except errors.StoreError:
            return False
        crash = event.kind is EventKind.CRASH
        ordered = any(e.program == event.program and e.at <= event.at for e in orders)
        return (crash and ordered) or any(
            (e.at, e.detail) == (event.at, event.detail) for e in stored
        )
