"""The tables `alert`, `outbox` and `consumer`: alerts made, posts to be sent, where each consumer
stands. An alert and its posts are one transaction, so that none is without the other."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import apsw

from funding.model.alert import LONGEST_WAIT_SECONDS, STUCK_ATTEMPTS, Alert, Post, posts
from funding.store.durable import DurableConnection

_ALERT = """
INSERT INTO alert (key, consumer, symbol, kind, at, body) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO NOTHING
"""
_POST = """
INSERT INTO outbox (consumer, target, path, idempotency_key, body, created_at, due_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
ON CONFLICT (target, idempotency_key) DO NOTHING
"""
# A wrong clock must not delay a post. A post that was never tried is due whenever it was written;
# one that is due later than the longest wait was put off by a wrong clock.
_DUE = f"""
SELECT id FROM outbox
WHERE consumer = ?1 AND target = ?2 AND sent_at IS NULL
    AND (attempts = 0 OR due_at <= ?3 OR due_at > ?3 + {LONGEST_WAIT_SECONDS})
"""
_IS_DUE = f"{_DUE} LIMIT 1"
_TAKE = f"""
UPDATE outbox SET due_at = ?4, attempts = attempts + 1
WHERE id = ({_DUE} ORDER BY attempts >= {STUCK_ATTEMPTS}, id LIMIT 1)
RETURNING id, path, idempotency_key, body, attempts, created_at
"""
_DONE = """
INSERT INTO consumer (name, done, done_at) VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET done = excluded.done, done_at = excluded.done_at
"""
_PRUNE_ROWS = 5_000


class Due(NamedTuple):
    """A post that is to be sent now."""

    id: int
    path: str
    idempotency_key: str
    body: str
    attempts: int
    created_at: float


class OutboxStore:
    """The consumers' alerts and posts, over `store`."""

    def __init__(self, store: DurableConnection) -> None:
        self._store = store

    def done(self, consumer: str) -> int | None:
        """What `consumer` has completed last: a scan, Unix seconds, or a number of its own; None
        before the first."""
        rows = self._store.rows("SELECT done FROM consumer WHERE name = ?", (consumer,))
        return int(rows[0][0]) if rows else None

    def complete(
        self,
        consumer: str,
        done: int | None,
        now: float,
        alerts: Sequence[Alert],
        targets: Sequence[str],
        others: Iterable[Post] = (),
    ) -> list[Alert]:
        """Store `alerts` with their posts to `targets`, `others` that belong to no alert, and that
        the scan of `done` is complete (None: it is not). Returns the alerts that had not been made
        before."""
        with self._store.transaction() as connection:
            fresh = _make_alerts(connection, alerts, targets, now)
            _add_posts(connection, consumer, others, now)
            if done is not None:
                connection.execute(_DONE, (consumer, done, now))
        return fresh

    def made(self, consumer: str, since: float) -> list[tuple[str, str, float, str]]:
        """Symbol, kind, time and body of the alerts of `consumer` since Unix seconds."""
        rows = self._store.rows(
            "SELECT symbol, kind, at, body FROM alert WHERE consumer = ? AND at >= ? ORDER BY at",
            (consumer, since),
        )
        return [(row[0], row[1], row[2], row[3]) for row in rows]

    def take(self, consumer: str, target: str, now: float, until: float) -> Due | None:
        """The oldest post that is due at `now`, preferably one that is not stuck, or None. It is
        not given out again before `until`."""
        if not self._store.rows(_IS_DUE, (consumer, target, now)):
            return None  # asked each second: no lock when nothing is due
        with self._store.transaction() as connection:
            rows: list[Any] = connection.execute(_TAKE, (consumer, target, now, until)).fetchall()
        return Due(*rows[0]) if rows else None

    def sent(self, post: int, now: float) -> None:
        """The target has accepted the post of that id."""
        with self._store.transaction() as connection:
            connection.execute(
                "UPDATE outbox SET sent_at = ?, last_error = NULL WHERE id = ?", (now, post)
            )

    def failed(self, post: int, error: str, due_at: float) -> None:
        """The target has not accepted it, because of `error`; it is due again at `due_at`."""
        with self._store.transaction() as connection:
            connection.execute(
                "UPDATE outbox SET last_error = ?, due_at = ? WHERE id = ?", (error, due_at, post)
            )

    def waiting(self, consumer: str, target: str) -> tuple[int, float]:
        """How many posts are not sent yet, and when the first of them is due (0 without one)."""
        rows = self._store.rows(
            "SELECT count(*), coalesce(min(due_at), 0) FROM outbox"
            " WHERE consumer = ? AND target = ? AND sent_at IS NULL",
            (consumer, target),
        )
        return int(rows[0][0]), float(rows[0][1])

    def prune(self, before: float, sent_before: float) -> int:
        """Delete some alerts and posts older than `before`, and posts that were accepted before
        `sent_before` (Unix seconds); returns how many were never accepted. Call it now and then."""
        with self._store.transaction() as connection:
            connection.execute(
                "DELETE FROM alert WHERE key IN (SELECT key FROM alert WHERE at < ? LIMIT ?)",
                (before, _PRUNE_ROWS),
            )
            lost: list[Any] = connection.execute(
                "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox"
                " WHERE created_at < ?1 OR sent_at < ?2 ORDER BY id LIMIT ?3)"
                " RETURNING sent_at IS NULL",
                (before, sent_before, _PRUNE_ROWS),
            ).fetchall()
        return sum(row[0] for row in lost)


def _make_alerts(
    connection: apsw.Connection, alerts: Iterable[Alert], targets: Sequence[str], now: float
) -> list[Alert]:
    """Within a transaction: store `alerts` with their posts; returns the new ones."""
    fresh = []
    for alert in alerts:
        row = (alert.key, alert.consumer, alert.symbol, alert.kind, alert.at)
        body: Any = posts(alert, ("",))[0].body
        connection.execute(_ALERT, (*row, body))
        if connection.changes():
            fresh.append(alert)
            _add_posts(connection, alert.consumer, posts(alert, targets), now)
    return fresh


def _add_posts(
    connection: apsw.Connection, consumer: str, rows: Iterable[Post], now: float
) -> None:
    """Within a transaction: put posts into the outbox."""
    connection.executemany(_POST, [(consumer, *row, now) for row in rows])
