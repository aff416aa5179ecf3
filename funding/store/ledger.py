"""What must not be lost: comparisons, events, REST accounting. For everybody but ingest's quotes.

Any number of processes may hold one. Every method is one transaction that is on the disk when it
returns (synchronous=FULL), follows the file when it is replaced, and raises `StoreError`s.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from funding import errors
from funding.compare import Comparison
from funding.feed import Event
from funding.store.connection import close_writer, open_writer, told, transaction
from funding.store.damage import report_damage, reported

_COMPARISON = f"""
INSERT INTO comparison ({", ".join(Comparison._fields)})
VALUES ({", ".join("?" * len(Comparison._fields))})
"""
_USED_WEIGHT = "SELECT coalesce(sum(weight), 0) FROM rest_usage WHERE minute = ?1"
_USED_CALLS = """
SELECT coalesce(sum(calls), 0) FROM rest_usage
WHERE minute > ?1 - 5 AND minute <= ?1 AND weight = 0
"""
_PRUNE_ROWS = 5_000
_PRUNE = (
    """DELETE FROM comparison WHERE id IN
    (SELECT id FROM comparison WHERE compared_at < ?1 LIMIT ?2)""",
    """DELETE FROM rest_usage WHERE (minute, caller, route) IN
    (SELECT minute, caller, route FROM rest_usage WHERE minute < ?1 / 60 - 1 LIMIT ?2)""",
)


class Ledger:
    """A durable hand on the store, for one thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: apsw.Connection | None = None
        self._file = (0, 0)

    def add(self, comparisons: Iterable[Comparison] = (), events: Iterable[Event] = ()) -> None:
        """Store both, all or nothing."""
        with self._writing() as connection:
            connection.executemany(_COMPARISON, comparisons)
            connection.executemany(
                "INSERT INTO event (at, source, kind, detail) VALUES (?, ?, ?, ?)",
                [(event.at, event.source, event.kind, event.detail) for event in events],
            )

    def prune(self, before: float) -> int:
        """Forget some of what is older than `before` Unix seconds, comparisons and accounts; how
        many rows. Call until 0."""
        gone = 0
        with self._writing() as connection:
            for statement in _PRUNE:
                connection.execute(statement, (before, _PRUNE_ROWS))
                gone += connection.changes()
        return gone

    def events(self, source: str, kind: str, since: float) -> list[Event]:
        """The events of `source` and `kind` since Unix seconds, oldest first."""
        rows = self._reading(
            "SELECT at, source, kind, detail FROM event"
            " WHERE at >= ? AND source = ? AND kind = ? ORDER BY id",
            (since, source, kind),
        )
        return [Event(*row) for row in rows]

    def check(self) -> str:
        """Read the whole database; what is wrong with it, or "". Ingest is told."""
        ((found,),) = self._reading("PRAGMA quick_check(1)", ())
        if found == "ok":
            return ""
        report_damage(self._path)
        return str(found)

    def set_funding_intervals(self, exchange: str, hours: Iterable[tuple[str, int]]) -> None:
        """Store the funding interval of symbols as (symbol, hours)."""
        with self._writing() as connection:
            connection.executemany(
                "UPDATE quote SET funding_interval_hours = ?3 WHERE exchange = ?1 AND symbol = ?2"
                " AND funding_interval_hours IS NOT ?3",
                [(exchange, symbol, each) for symbol, each in hours],
            )

    def last_validation(self) -> tuple[float, str] | None:
        """When (Unix seconds) the last stored report was made, and its verdict."""
        rows = self._reading(
            "SELECT min(at, until), verdict FROM validation"
            " WHERE coalesce(json_extract(report, '$.exchange'), 'binance') = 'binance'"
            " ORDER BY id DESC LIMIT 1",
            (),
        )
        return (rows[0][0], rows[0][1]) if rows else None

    def spend(self, caller: str, route: str, weight: int, minute: int, allowed: int) -> int:
        """Count a call of `route` in `minute` (Unix seconds / 60), if that is allowed.

        Returns what the group has used before it: the weight in this minute or, for a call
        without weight, such calls within five minutes. Only where that and the call stay within
        `allowed` is the call counted, and may it be made.
        """
        used_up = _USED_WEIGHT if weight else _USED_CALLS
        with self._writing() as connection:
            used: Any = connection.execute(used_up, (minute,)).get
            if used + (weight or 1) <= allowed:
                connection.execute(
                    "INSERT INTO rest_usage VALUES (?, ?, ?, 1, ?) ON CONFLICT DO UPDATE"
                    " SET calls = calls + 1, weight = weight + excluded.weight",
                    (minute, caller, route, weight),
                )
            return int(used)

    def ban(self, address: str) -> tuple[float, int, str] | None:
        """The ban of `address`: until (Unix seconds), how many in a row, why. None without one."""
        rows = self._reading(
            "SELECT until, pauses, reason FROM rest_ban WHERE address = ?", (address,)
        )
        return (rows[0][0], rows[0][1], rows[0][2]) if rows else None

    def set_ban(self, address: str, until: float, pauses: int, reason: str) -> None:
        """Nobody asks `address` before `until`; a later end that is stored already stays."""
        with self._writing() as connection:
            connection.execute(
                "INSERT INTO rest_ban VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                " until = max(until, excluded.until), pauses = excluded.pauses,"
                " reason = excluded.reason",
                (address, until, pauses, reason),
            )

    def lift_ban(self, address: str, now: float) -> None:
        """`address` answers again; a ban that somebody met meanwhile and that lasts stays."""
        with self._writing() as connection:
            connection.execute(
                "DELETE FROM rest_ban WHERE address = ? AND until <= ?", (address, now)
            )

    def close(self) -> None:
        """Let go of the file; the next call opens it again."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with told(str(self._path)):
                close_writer(connection, moved=self._file != _file_at(self._path))

    @contextmanager
    def _writing(self) -> Iterator[apsw.Connection]:
        with reported(self._path), told(str(self._path)):
            connection = self._open()
            with transaction(connection):
                yield connection

    def _reading(self, statement: str, bindings: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with reported(self._path), told(str(self._path)):
            return self._open().execute(statement, bindings).fetchall()

    def _open(self) -> apsw.Connection:
        # Ingest makes the file; a ledger that made it would hide that ingest is not running.
        file = _file_at(self._path)
        if file is None:
            self.close()
            raise errors.StoreMissing(str(self._path), "is not there yet")
        if self._connection is None or self._file != file:
            self.close()
            self._connection = open_writer(self._path)
            self._connection.pragma("synchronous", "full")
            self._file = file
        return self._connection


def _file_at(path: Path) -> tuple[int, int] | None:
    """Which file the name leads to."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
