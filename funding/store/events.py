"""The table `event`: the audit trail."""

from collections.abc import Iterable
from operator import attrgetter

import apsw

from funding.model.event import Event, EventKind
from funding.store.durable import DurableConnection

_COLUMNS = "at, source, kind, detail, program, rule"
_ADD = f"INSERT INTO event ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"
_row = attrgetter(*_COLUMNS.split(", "))


class Events:
    """What happened, over `store`."""

    def __init__(self, store: DurableConnection) -> None:
        self._store = store

    def add(self, events: Iterable[Event]) -> None:
        """Add `events` to the audit trail."""
        with self._store.transaction() as connection:
            add_events(connection, events)

    def recall(self, source: str, kind: EventKind, since: float) -> list[Event]:
        """The events of `source` and `kind` since Unix seconds, oldest first."""
        rows = self._store.rows(
            f"SELECT {_COLUMNS} FROM event WHERE at >= ? AND source = ? AND kind = ? ORDER BY id",
            (since, source, kind),
        )
        return [Event(at, source, kind, *rest) for at, _, _, *rest in rows]


def add_events(connection: apsw.Connection, events: Iterable[Event]) -> None:
    """Within a transaction: add `events` to the audit trail."""
    connection.executemany(_ADD, map(_row, events))
