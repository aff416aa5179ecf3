"""The audit trail as the watchdog uses it: events on their way into the store, and the restarts
that earlier watchdogs wrote into it."""

import logging

from funding import errors
from funding.model.event import Event, EventKind
from funding.store.events import Events
from funding.watchdog.restart_rules import PastRestart

log = logging.getLogger("watchdog")

SOURCE = "watchdog"
MAX_UNSAVED = 1_000
ORDER_SECONDS = 60.0
"""A process that was sent TERM ends within this, if need be by KILL."""


class AuditTrail:
    """Keeps events until the store has them. For one thread."""

    def __init__(self, stored: Events) -> None:
        self._stored = stored
        self._unsaved: list[Event] = []

    def add(self, event: Event) -> None:
        """Store `event` with the next `save`."""
        self._unsaved.append(event)

    def warn(self, event: Event) -> None:
        """As `add`, and log the event's text."""
        log.warning("%s", event.detail)
        self.add(event)

    def save(self) -> bool:
        """Store what was added; whether the store has all of it now."""
        if not self._unsaved:
            return True
        try:
            self._stored.add(self._unsaved)
        except errors.StoreError as error:
            log.warning("%d events not stored yet, retrying: %s", len(self._unsaved), error)
            self._unsaved = self._unsaved[-MAX_UNSAVED:]
            return False
        self._unsaved = []
        return True

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
        """Whether an earlier watchdog stored `event`, or ordered the end that it reports."""
        try:
            orders = self._stored.recall(SOURCE, EventKind.RESTART, event.at - ORDER_SECONDS)
            stored = self._stored.recall(event.source, event.kind, event.at)
        except errors.StoreError:
            return False
        ordered = any(e.program == event.program and e.at <= event.at for e in orders)
        return ordered or any((e.at, e.detail) == (event.at, event.detail) for e in stored)
