"""The tables `open_interest`, `open_interest_edge` and `universe`: what the poller saw, what it
knows, and which symbols it follows."""

from collections.abc import Iterable, Mapping, Sequence

from funding.model.open_interest import Edge, Sample
from funding.store.durable import DurableConnection

_SAMPLE = (
    "INSERT OR REPLACE INTO open_interest (at, symbol, open_interest, mark_price)"
    " VALUES (?, ?, ?, ?)"
)
_EDGE = (
    "INSERT OR REPLACE INTO open_interest_edge (symbol, timeframe, outside, up_at, down_at)"
    " VALUES (?, ?, ?, ?, ?)"
)
_ENTER = """
INSERT INTO universe (symbol, source, entered_at) VALUES (?1, ?2, ?3)
ON CONFLICT DO UPDATE SET source = excluded.source
"""
_PRUNE_ROWS = 5_000


class OpenInterestStore:
    """Open interest and the poller's memory, over `store`."""

    def __init__(self, store: DurableConnection) -> None:
        self._store = store

    def add(self, samples: Iterable[Sample], edges: Iterable[Edge] = ()) -> None:
        """Store what was seen, and what is known of edges since then."""
        with self._store.transaction() as connection:
            connection.executemany(_SAMPLE, samples)
            connection.executemany(_EDGE, edges)

    def samples(self, since: float) -> list[Sample]:
        """The samples since Unix seconds, oldest first."""
        rows = self._store.rows(
            "SELECT at, symbol, open_interest, mark_price FROM open_interest"
            " WHERE at >= ? ORDER BY at",
            (since,),
        )
        return [Sample(*row) for row in rows]

    def edges(self) -> list[Edge]:
        """What is known of edges."""
        return [
            Edge(*row)
            for row in self._store.rows(
                "SELECT symbol, timeframe, outside, up_at, down_at FROM open_interest_edge"
            )
        ]

    def change(self, symbols: Sequence[str], since: float, until: float) -> Mapping[str, float]:
        """The change between Unix seconds as a fraction, of those `symbols` that were polled both
        within five minutes after `since` and later."""
        found = {}
        for symbol in symbols:
            rows = self._store.rows(
                "SELECT at, open_interest FROM open_interest"
                " WHERE symbol = ? AND at BETWEEN ? AND ? ORDER BY at",
                (symbol, since, until),
            )
            if len(rows) > 1 and rows[0][0] <= since + 300 and rows[0][1] > 0:
                found[symbol] = (rows[-1][1] - rows[0][1]) / rows[0][1]
        return found

    def universe(self) -> dict[str, str]:
        """The symbols of the last universe, with its source."""
        return dict(self._store.rows("SELECT symbol, source FROM universe"))

    def set_universe(self, symbols: Iterable[str], source: str, now: float) -> None:
        """Replace it; a symbol that stays keeps the time at which it entered."""
        kept = set(symbols)
        with self._store.transaction() as connection:
            held = {row[0] for row in connection.execute("SELECT symbol FROM universe").fetchall()}
            connection.executemany(
                "DELETE FROM universe WHERE symbol = ?", [(each,) for each in held - kept]
            )
            connection.executemany(_ENTER, [(each, source, now) for each in sorted(kept)])

    def prune(self, before: float) -> int:
        """Delete some samples older than `before` Unix seconds; returns how many. Call until 0."""
        with self._store.transaction() as connection:
            connection.execute(
                "DELETE FROM open_interest WHERE (at, symbol) IN"
                " (SELECT at, symbol FROM open_interest WHERE at < ? LIMIT ?)",
                (before, _PRUNE_ROWS),
            )
            return connection.changes()
