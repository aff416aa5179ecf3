"""The table `event`: the audit trail."""

from collections.abc import Iterable
from operator import attrgetter

import apsw

from funding.model.event import Event, EventKind
from funding.store.durable import DurableConnection

_COLUMNS = "at, source, kind, detail, program, rule, duration_seconds, count"
_ADD = f"INSERT INTO event ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_UPDATE = """
UPDATE event SET detail = ?4, duration_seconds = ?7, count = ?8
WHERE at = ?1 AND source = ?2 AND kind = ?3 AND program IS ?5 AND rule IS ?6
"""
_row = attrgetter(*_COLUMNS.split(", "))


class Events:
    """What happened, over `store`."""

    def __init__(self, store: DurableConnection) -> None:
        self._store = store

    def add(self, events: Iterable[Event]) -> None:
        """Add `events` to the audit trail."""
        with self._store.transaction() as connection:
            add_events(connection, events)

    def update(self, event: Event) -> None:
        """Store the detail, the duration and the count that `event`, added before, has now."""
        with self._store.transaction() as connection:
            connection.execute(_UPDATE, _row(event))

    def recall(self, source: str, kind: EventKind, since: float) -> list[Event]:
        """The events of `source` and `kind` since Unix seconds, oldest first."""
        rows = self._store.rows(
            f"SELECT {_COLUMNS} FROM event WHERE at >= ? AND source = ? AND kind = ? ORDER BY id",
            (since, source, kind),
        )
        return [Event(at, source, kind, *rest) for at, _, _, *rest in rows]


def add_events(connection: apsw.Connection, events: Iterable[Event]) -> None:
    """Within a transaction: add `events` to the audit trail. One that has lasted takes the place of
    the row that was added when it began."""
    for event in events:
        if event.duration_seconds is not None:
            connection.execute(_UPDATE, _row(event))
            if connection.changes():
                continue
        connection.execute(_ADD, _row(event))
