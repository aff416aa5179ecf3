"""The table `event`: the audit trail; and when its writer looked last (table `consumer`)."""

from collections.abc import Iterable, Sequence
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
COUNTED = {
    EventKind.SIGNIFICANT,
    EventKind.CONNECT,
    EventKind.CONNECT_FAILED,
    EventKind.DISCONNECT,
    EventKind.STALL,
    EventKind.NOTICE,
    EventKind.ENDING,
}
_COUNT = """
UPDATE event SET count = count + ?6 WHERE id = (
    SELECT id FROM event WHERE source = ?1 AND kind = ?2 AND program IS ?3 AND rule IS ?4
        AND at > ?5 - 60 AND at <= ?5 ORDER BY id DESC LIMIT 1)
"""
_LOOKED = """
INSERT INTO consumer (name, done, done_at) VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET done = excluded.done, done_at = excluded.done_at
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
        """Store the detail, the duration and the count that `event`, added before, has now. It is
        added where it is not there, as in a new file."""
        with self._store.transaction() as connection:
            connection.execute(_UPDATE, _row(event))
            if not connection.changes():
                connection.execute(_ADD, _row(event))

    def save(
        self, new: Iterable[Event], changed: Iterable[Event], source: str, looked: float | None
    ) -> None:
        """In one transaction: add `new` events, update `changed` ones, and store when `source`
        has looked for the last time, if it has."""
        with self._store.transaction() as connection:
            add_events(connection, new)
            for event in changed:
                self.update(event)
            if looked is not None:
                connection.execute(_LOOKED, (source, int(looked), looked))

    def last_look(self, source: str) -> float | None:
        """When `source` looked for the last time (Unix seconds), if it told."""
        rows = self._store.rows("SELECT done_at FROM consumer WHERE name = ?", (source,))
        return float(rows[0][0]) if rows else None

    def since(self, at: float, kinds: Sequence[EventKind]) -> list[tuple[int, Event]]:
        """The events of `kinds` since Unix seconds, oldest first, each after its id."""
        rows = self._store.rows(
            f"SELECT id, {_COLUMNS} FROM event"
            f" WHERE at >= ? AND kind IN ({', '.join('?' * len(kinds))}) ORDER BY id",
            (at, *kinds),
        )
        return [
            (number, Event(at, source, EventKind(kind), *rest))
            for number, at, source, kind, *rest in rows
        ]

    def recall(self, source: str, kind: EventKind, since: float) -> list[Event]:
        """The events of `source` and `kind` since Unix seconds, oldest first."""
        rows = self._store.rows(
            f"SELECT {_COLUMNS} FROM event WHERE at >= ? AND source = ? AND kind = ? ORDER BY id",
            (since, source, kind),
        )
        return [Event(at, source, kind, *rest) for at, _, _, *rest in rows]


def add_events(connection: apsw.Connection, events: Iterable[Event]) -> None:
    """Within a transaction: add `events` to the audit trail. One that has lasted takes the place of
    the row that was added when it began. What repeats within a minute, by the same cause, is
    counted in one row."""
    for event in events:
        if event.duration_seconds is not None:
            connection.execute(_UPDATE, _row(event))
            if connection.changes():
                continue
        elif event.kind in COUNTED and event.rule is not None:
            bindings = (event.source, event.kind, event.program, event.rule, event.at, event.count)
            connection.execute(_COUNT, bindings)
            if connection.changes():
                continue
        connection.execute(_ADD, _row(event))
