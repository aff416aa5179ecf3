"""The tables `rest_usage` and `rest_ban`: what the group has used of each exchange's REST interface
and until when no process may call it."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from funding.model.ban import LONGEST_BAN_SECONDS, Ban, BanKind
from funding.model.event import Event
from funding.store.durable import DurableConnection
from funding.store.events import add_events

_USED_WEIGHT = """
SELECT coalesce(sum(weight), 0) FROM rest_usage WHERE minute = ?1 AND exchange = ?2
"""
_USED_CALLS = """
SELECT coalesce(sum(calls), 0) FROM rest_usage
WHERE minute >= ?1 - 5 AND minute <= ?1 AND weight = 0 AND exchange = ?2
"""
"""Five minutes, of which the first has only partly passed, and the present one."""
_ADD = """
INSERT INTO rest_usage (minute, caller, route, calls, weight, exchange) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, weight = weight + excluded.weight
"""
_BAN = """
INSERT INTO rest_ban (address, until, kind, pauses, reason) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT DO UPDATE SET
    until = excluded.until, kind = excluded.kind, pauses = excluded.pauses, reason = excluded.reason
WHERE excluded.until > until + 1 OR until > excluded.until + ?6
"""
_PRUNE_ROWS = 5_000


class Calls(NamedTuple):
    """A row of `rest_usage`; `minute` in Unix seconds / 60."""

    minute: int
    caller: str
    route: str
    calls: int
    weight: int


class RestUsage:
    """The group's calls to `exchange`, which has a budget of its own, and bans, over `store`."""

    def __init__(self, store: DurableConnection, exchange: str = "binance") -> None:
        self._store = store
        self._exchange = exchange

    def spend(self, caller: str, route: str, weight: int, minute: int, allowed: int) -> int:
        """Count a call of `route` in `minute` (Unix seconds / 60), if that is allowed.

        Returns what the group has used before it: the weight in this minute or, for a call
        without weight, such calls within five minutes. Only where that and the call stay within
        `allowed` is the call counted, and may it be made.
        """
        used, _ = self.reserve(Calls(minute, caller, route, 1, weight), allowed)
        return used

    def reserve(self, wanted: Calls, allowed: int) -> tuple[int, int]:
        """Count as many of the `wanted` calls as stay within `allowed`; what the group has used
        before, as `spend` returns it, and how many calls were counted."""
        weight = wanted.weight // wanted.calls
        used_up = _USED_WEIGHT if wanted.weight else _USED_CALLS
        with self._store.transaction() as connection:
            used: Any = connection.execute(used_up, (wanted.minute, self._exchange)).get
            calls = min(wanted.calls, max(0, allowed - used) // (weight or 1))
            if calls:
                row = wanted._replace(calls=calls, weight=calls * weight)
                connection.execute(_ADD, (*row, self._exchange))
        return int(used), calls

    def release(self, calls: Calls) -> None:
        """Take back calls that were counted and not made."""
        with self._store.transaction() as connection:
            connection.execute(
                "UPDATE rest_usage SET calls = calls - ?4, weight = weight - ?5"
                " WHERE minute = ?1 AND caller = ?2 AND route = ?3 AND exchange = ?6",
                (*calls, self._exchange),
            )
            connection.execute(
                "DELETE FROM rest_usage"
                " WHERE minute = ?1 AND caller = ?2 AND route = ?3 AND exchange = ?4"
                " AND calls <= 0",
                (*calls[:3], self._exchange),
            )

    def add(self, calls: Iterable[Calls]) -> None:
        """Count calls that were made and could not be counted before."""
        with self._store.transaction() as connection:
            connection.executemany(_ADD, [(*each, self._exchange) for each in calls])

    def used(self, minute: int) -> int:
        """The weight that the group has used in `minute` (Unix seconds / 60)."""
        return int(self._store.rows(_USED_WEIGHT, (minute, self._exchange))[0][0])

    def used_by_others(self, caller: str, minute: int) -> int:
        """The most weight that callers other than `caller` used in one of the ten minutes before
        `minute` (Unix seconds / 60)."""
        rows = self._store.rows(
            "SELECT coalesce(max(used), 0) FROM (SELECT sum(weight) AS used FROM rest_usage"
            " WHERE minute >= ?1 - 10 AND minute < ?1 AND caller <> ?2 AND exchange = ?3"
            " GROUP BY minute)",
            (minute, caller, self._exchange),
        )
        return int(rows[0][0])

    def prune(self, before: float) -> int:
        """Delete some minutes before `before` Unix seconds; returns how many. Call until 0."""
        with self._store.transaction() as connection:
            connection.execute(
                "DELETE FROM rest_usage WHERE (minute, caller, route) IN"
                " (SELECT minute, caller, route FROM rest_usage WHERE minute < ? / 60 - 1 LIMIT ?)",
                (before, _PRUNE_ROWS),
            )
            return connection.changes()

    def ban(self, address: str) -> Ban | None:
        """The ban of `address`, which may have ended."""
        rows = self._store.rows(
            "SELECT until, kind, pauses, reason FROM rest_ban WHERE address = ?", (address,)
        )
        if not rows:
            return None
        until, kind, pauses, reason = rows[0]
        near = kind == BanKind.OVER_BUDGET
        return Ban(until, BanKind.OVER_BUDGET if near else BanKind.BANNED, pauses, reason)

    def set_ban(self, address: str, ban: Ban, event: Event | None = None) -> bool:
        """Ban `address`; whether that is news: a stored ban that lasts as long, within a second,
        stays. A new one goes into the audit trail as `event`, with the exchange as its rule."""
        with self._store.transaction() as connection:
            connection.execute(_BAN, (address, *ban, LONGEST_BAN_SECONDS))
            news = bool(connection.changes())
            if news and event is not None:
                add_events(connection, [replace(event, rule=self._exchange)])
        return news

    def record(self, event: Event) -> None:
        """Add `event`, which is about a call, to the audit trail."""
        with self._store.transaction() as connection:
            add_events(connection, [event])

    def lift_ban(self, address: str, now: float) -> None:
        """Delete the ban of `address`, unless another program has met a longer one meanwhile."""
        with self._store.transaction() as connection:
            connection.execute(
                "DELETE FROM rest_ban WHERE address = ? AND until <= ?", (address, now)
            )
