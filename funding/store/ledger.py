"""What must not be lost: comparisons, events, REST accounting. For everybody but ingest's quotes.

Any number of processes may hold one. Every method is one transaction (see durable.py).
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from funding.comparison.pair import Comparison
from funding.model.event import Event, EventKind
from funding.store.damage import report_damage
from funding.store.durable import Durable
from funding.store.events import COLUMNS, add_events

_COMPARISON = f"""
INSERT INTO comparison ({", ".join(Comparison._fields)})
VALUES ({", ".join("?" * len(Comparison._fields))})
"""
_USED_WEIGHT = "SELECT coalesce(sum(weight), 0) FROM rest_usage WHERE minute = ?1"
_USED_CALLS = """
SELECT coalesce(sum(calls), 0) FROM rest_usage
WHERE minute > ?1 - 5 AND minute <= ?1 AND weight = 0
"""
_SPEND = """
INSERT INTO rest_usage (minute, caller, route, calls, weight) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, weight = weight + excluded.weight
"""
_BAN = """
INSERT INTO rest_ban (address, until, pauses, reason) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT DO UPDATE SET until = excluded.until, pauses = excluded.pauses, reason = excluded.reason
WHERE excluded.until > until + 1 OR until > excluded.until + ?5
"""
_PRUNE_ROWS = 5_000
_PRUNE = (
    """DELETE FROM comparison WHERE id IN
    (SELECT id FROM comparison WHERE compared_at < ?1 LIMIT ?2)""",
    """DELETE FROM rest_usage WHERE (minute, caller, route) IN
    (SELECT minute, caller, route FROM rest_usage WHERE minute < ?1 / 60 - 1 LIMIT ?2)""",
)
LONGEST_BAN_SECONDS = 3 * 86_400.0
"""No exchange bans for longer; a stored ban that ends later was set when the clock was wrong."""


class Calls(NamedTuple):
    """A row of `rest_usage`; `minute` in Unix seconds / 60."""

    minute: int
    caller: str
    route: str
    calls: int
    weight: int


class Ledger(Durable):
    """Comparisons, events and accounts in the store, for one thread."""

    def add(
        self,
        comparisons: Iterable[Comparison] = (),
        events: Iterable[Event] = (),
        calls: Iterable[Calls] = (),
    ) -> None:
        """Store them, all or nothing; `calls` are those that could not be counted before."""
        with self._writing() as connection:
            connection.executemany(_COMPARISON, comparisons)
            connection.executemany(_SPEND, calls)
            add_events(connection, events)

    def prune(self, before: float) -> int:
        """Forget some of what is older than `before` Unix seconds, comparisons and accounts; how
        many rows. Call until 0."""
        gone = 0
        with self._writing() as connection:
            for statement in _PRUNE:
                connection.execute(statement, (before, _PRUNE_ROWS))
                gone += connection.changes()
        return gone

    def events(self, source: str, kind: EventKind, since: float) -> list[Event]:
        """The events of `source` and `kind` since Unix seconds, oldest first."""
        rows = self._reading(
            f"SELECT {COLUMNS} FROM event WHERE at >= ? AND source = ? AND kind = ? ORDER BY id",
            (since, source, kind),
        )
        return [Event(at, source, kind, *rest) for at, _, _, *rest in rows]

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
                connection.execute(_SPEND, (minute, caller, route, 1, weight))
            return int(used)

    def used(self, minute: int) -> int:
        """The weight that the group has used in `minute` (Unix seconds / 60)."""
        return int(self._reading(_USED_WEIGHT, (minute,))[0][0])

    def ban(self, address: str) -> tuple[float, int, str] | None:
        """The ban of `address`: until (Unix seconds), how many in a row, why. None without one."""
        rows = self._reading(
            "SELECT until, pauses, reason FROM rest_ban WHERE address = ?", (address,)
        )
        return (rows[0][0], rows[0][1], rows[0][2]) if rows else None

    def set_ban(self, address: str, until: float, pauses: int, reason: str) -> bool:
        """Nobody asks `address` before `until`; whether that is news: one that is stored already,
        and lasts as long within a second, stays. 0 `pauses`: the exchange did not refuse yet."""
        with self._writing() as connection:
            connection.execute(_BAN, (address, until, pauses, reason, LONGEST_BAN_SECONDS))
            return bool(connection.changes())

    def lift_ban(self, address: str, now: float) -> None:
        """`address` answers again; a ban that somebody met meanwhile and that lasts stays."""
        with self._writing() as connection:
            connection.execute(
                "DELETE FROM rest_ban WHERE address = ? AND until <= ?", (address, now)
            )
