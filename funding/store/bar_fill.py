"""Minutes of the table `bar` that ingest could not write, from REST; and the hours of them.

# Facts
- Reading the minutes of 6 hours and 800 symbols by their key takes 0.1 s.
"""

from collections.abc import Iterable

from funding.model.bar import HOUR, MINUTE, Bar
from funding.store.durable import DurableConnection

_FILL = f"""
INSERT INTO bar ({", ".join(Bar._fields)}) VALUES ({", ".join("?" * len(Bar._fields))})
ON CONFLICT DO NOTHING
"""
_COUNTS = """
SELECT start, count(*) FROM bar WHERE exchange = ? AND period = 60 AND start >= ? GROUP BY start
"""
_OLDEST = "SELECT min(start) FROM bar WHERE exchange = ? AND period = 60"
_HOUR = f"""
INSERT OR REPLACE INTO bar ({", ".join(Bar._fields)})
WITH minute AS (
    SELECT * FROM bar
    WHERE exchange = ?1 AND period = {MINUTE} AND symbol = ?2 AND start IN (
        SELECT ?3 + value * {MINUTE} FROM json_each(?4))
)
SELECT ?1, ?2, {HOUR}, ?3,
    (SELECT open FROM minute ORDER BY start LIMIT 1),
    max(high), min(low),
    (SELECT close FROM minute ORDER BY start DESC LIMIT 1),
    (SELECT index_close FROM minute WHERE index_close IS NOT NULL ORDER BY start DESC LIMIT 1),
    (SELECT rate_close FROM minute WHERE rate_close IS NOT NULL ORDER BY start DESC LIMIT 1),
    sum(quotes)
FROM minute HAVING count(*) > 0
"""
_SIXTY = f"[{', '.join(map(str, range(60)))}]"


class BarFill:
    """The minutes of `exchange`, over `store`."""

    def __init__(self, store: DurableConnection, exchange: str) -> None:
        self._store = store
        self._exchange = exchange

    def counts(self, since: int) -> dict[int, int]:
        """How many symbols have a bar, by minute (Unix seconds), since then."""
        return dict(self._store.rows(_COUNTS, (self._exchange, since)))

    def oldest(self) -> int | None:
        """The first minute of all."""
        return self._store.rows(_OLDEST, (self._exchange,))[0][0]  # type: ignore[no-any-return]

    def fill(self, symbol: str, bars: Iterable[Bar]) -> None:
        """Store those `bars` of `symbol` that are not there, and make their hours again."""
        minutes = list(bars)
        hours = {bar.start - bar.start % HOUR for bar in minutes}
        with self._store.transaction() as connection:
            connection.executemany(_FILL, minutes)
            for start in sorted(hours):
                connection.execute(_HOUR, (self._exchange, symbol, start, _SIXTY))
