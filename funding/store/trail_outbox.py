"""The tables `signal`, `event` and `comparison` as an outbox: rows in the order of their ids, and
how far each table has been sent, which stands in the table `consumer`.

# Facts
- An id is one above the largest in its table: ids begin again at 1 in a new file, and where nothing
  is left in the table. After a recovery old rows stand behind new ones, with ids of their own.
"""

from enum import StrEnum
from typing import Any, NamedTuple

from funding.comparison.pair import Comparison
from funding.model.event import Event
from funding.model.signal import Signal
from funding.store.durable import DurableConnection

ENDS = "publish-event-end"
STREAM = "publish-stream"
_EVENT_COLUMNS = "at, source, kind, detail, program, rule, duration_seconds, count"
_DONE = """
INSERT INTO consumer (name, done, done_at) VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET done = excluded.done, done_at = excluded.done_at
"""
_ENDED = f"""
SELECT id, {_EVENT_COLUMNS} FROM event
WHERE id <= ?1 AND at + duration_seconds > ?2 ORDER BY at + duration_seconds LIMIT ?3
"""


class TrailTable(StrEnum):
    """A table that is sent row by row."""

    SIGNAL = "signal"
    EVENT = "event"
    COMPARISON = "comparison"


_AT = {TrailTable.SIGNAL: "at", TrailTable.EVENT: "at", TrailTable.COMPARISON: "compared_at"}
_COLUMNS = {
    TrailTable.SIGNAL: ", ".join(Signal._fields),
    TrailTable.EVENT: _EVENT_COLUMNS,
    TrailTable.COMPARISON: ", ".join(Comparison._fields),
}


class Mark(NamedTuple):
    """The last row that has been sent: its id, and its time in Unix seconds, by which it is known
    again. 0 and 0: none."""

    id: int
    at: float


class TrailRow(NamedTuple):
    """One row of a table, under its id."""

    id: int
    row: Signal | Event | Comparison

    @property
    def at(self) -> float:
        """When it was written, in Unix seconds."""
        return self.row.compared_at if isinstance(self.row, Comparison) else self.row.at

    @property
    def end(self) -> float:
        """When an event that has ended did."""
        lasted = self.row.duration_seconds if isinstance(self.row, Event) else None
        return self.at + (lasted or 0.0)


class TrailOutbox:
    """What is to be sent, over `store`. Every method raises `StoreError`s."""

    def __init__(self, store: DurableConnection) -> None:
        self._store = store

    def mark(self, table: TrailTable) -> Mark | None:
        """How far `table` has been sent; None: never."""
        rows = self._store.rows(
            "SELECT done, done_at FROM consumer WHERE name = ?", (f"publish-{table}",)
        )
        return Mark(*rows[0]) if rows else None

    def set_mark(self, table: TrailTable, mark: Mark, stream: Mark | None = None) -> None:
        """The rows up to `mark` have been sent, to what is now `stream`, see there."""
        with self._store.transaction() as connection:
            connection.execute(_DONE, (f"publish-{table}", *mark))
            if stream is not None:
                connection.execute(_DONE, (STREAM, *stream))

    def stream(self) -> Mark | None:
        """The number of the last message that the server has stored for this machine, and when its
        stream was made, by which that is known again; None: nothing was ever sent."""
        rows = self._store.rows("SELECT done, done_at FROM consumer WHERE name = ?", (STREAM,))
        return Mark(*rows[0]) if rows else None

    def is_known(self, table: TrailTable, mark: Mark) -> bool:
        """Whether `mark` is of this very table, or of a row that has been removed since; not of
        another file, in which its id is another row's or is yet to come. A table without rows says
        nothing."""
        rows = self._store.rows(f"SELECT {_AT[table]} FROM {table} WHERE id = ?", (mark.id,))
        if rows:
            return bool(rows[0][0] == mark.at)
        ((newest,),) = self._store.rows(f"SELECT coalesce(max(id), 0) FROM {table}")
        return bool(newest == 0 or newest >= mark.id)

    def begin(self, table: TrailTable, since: float) -> Mark:
        """The mark behind which all rows since then (Unix seconds) are."""
        ((before,),) = self._store.rows(
            f"SELECT coalesce(min(id) - 1, (SELECT max(id) FROM {table}), 0) FROM {table}"
            f" WHERE {_AT[table]} >= ?",
            (since,),
        )
        rows = self._store.rows(f"SELECT id, {_AT[table]} FROM {table} WHERE id = ?", (before,))
        return Mark(*rows[0]) if rows else Mark(before, 0.0)

    def after(self, table: TrailTable, mark: Mark, limit: int) -> list[TrailRow]:
        """The first `limit` rows behind `mark`."""
        rows = self._store.rows(
            f"SELECT id, {_COLUMNS[table]} FROM {table} WHERE id > ? ORDER BY id LIMIT ?",
            (mark.id, limit),
        )
        return [TrailRow(number, _row(table, values)) for number, *values in rows]

    def ends_until(self) -> float | None:
        """Up to when the ends of events have been sent (Unix seconds); None: never."""
        rows = self._store.rows("SELECT done_at FROM consumer WHERE name = ?", (ENDS,))
        return float(rows[0][0]) if rows else None

    def set_ends_until(self, at: float) -> None:
        """The ends up to `at` have been sent."""
        with self._store.transaction() as connection:
            connection.execute(_DONE, (ENDS, int(at), at))

    def ended(self, up_to: Mark, since: float, limit: int) -> list[TrailRow]:
        """The first `limit` events up to `up_to` that have ended after `since`, by their ends."""
        rows = self._store.rows(_ENDED, (up_to.id, since, limit))
        return [TrailRow(number, _row(TrailTable.EVENT, values)) for number, *values in rows]


def _row(table: TrailTable, values: list[Any]) -> Signal | Event | Comparison:
    if table is TrailTable.SIGNAL:
        return Signal(*values)
    if table is TrailTable.COMPARISON:
        return Comparison(*values)
    return Event(*values)
