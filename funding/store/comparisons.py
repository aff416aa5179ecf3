"""The tables `comparison` and `validation`: what the stream said and what REST said."""

from collections.abc import Iterable

from funding.comparison.pair import Comparison
from funding.store.durable import DurableConnection

_ADD = f"""
INSERT INTO comparison ({", ".join(Comparison._fields)})
VALUES ({", ".join("?" * len(Comparison._fields))})
"""
_PRUNE_ROWS = 5_000


class Comparisons:
    """Compared values and the verdicts on them, over `store`."""

    def __init__(self, store: DurableConnection) -> None:
        self._store = store

    def add(self, comparisons: Iterable[Comparison]) -> None:
        """Store `comparisons`."""
        with self._store.transaction() as connection:
            connection.executemany(_ADD, comparisons)

    def last_validation(self) -> tuple[float, str] | None:
        """When (Unix seconds) the last stored report was made, and its verdict."""
        rows = self._store.rows(
            "SELECT min(at, until), verdict FROM validation"
            " WHERE exchange = 'binance' ORDER BY id DESC LIMIT 1"
        )
        return (rows[0][0], rows[0][1]) if rows else None

    def prune(self, before: float) -> int:
        """Delete some comparisons older than `before` Unix seconds; returns how many. Call it until
        that is 0."""
        with self._store.transaction() as connection:
            connection.execute(
                "DELETE FROM comparison WHERE id IN"
                " (SELECT id FROM comparison WHERE compared_at < ? LIMIT ?)",
                (before, _PRUNE_ROWS),
            )
            return connection.changes()
