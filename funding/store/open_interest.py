"""The open-interest poller's tables: samples, edges and the universe."""

from collections.abc import Iterable, Mapping, Sequence

from funding.model.alert import Alert, Post
from funding.model.open_interest import Edge, Sample
from funding.store.outbox import DONE, OutboxStore, add_posts, make_alerts

_SAMPLE = "INSERT OR REPLACE INTO open_interest VALUES (?, ?, ?, ?)"
_EDGE = "INSERT OR REPLACE INTO open_interest_edge VALUES (?, ?, ?, ?, ?)"
_ENTER = """
INSERT INTO universe VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET source = excluded.source
"""
_PRUNE_ROWS = 5_000


class OpenInterestStore(OutboxStore):
    """The tables `open_interest`, `open_interest_edge` and `universe`, and those of `Alerts`."""

    def loop(
        self,
        consumer: str,
        now: float,
        samples: Iterable[Sample],
        edges: Iterable[Edge],
        alerts: Sequence[Alert],
        batches: Iterable[Post],
        targets: Sequence[str],
    ) -> None:
        """Store one loop of the poller, all or nothing: what was seen, what is known of edges,
        the alerts with their posts, and the batches of samples to be sent."""
        with self._writing() as connection:
            connection.executemany(_SAMPLE, samples)
            connection.executemany(_EDGE, edges)
            make_alerts(connection, alerts, targets, now)
            add_posts(connection, consumer, batches, now)
            connection.execute(DONE, (consumer, int(now), now))

    def samples(self, since: float) -> list[Sample]:
        """The samples since Unix seconds, oldest first."""
        rows = self._reading(
            "SELECT at, symbol, open_interest, mark_price FROM open_interest"
            " WHERE at >= ? ORDER BY at",
            (since,),
        )
        return [Sample(*row) for row in rows]

    def edges(self) -> list[Edge]:
        """What is known of edges."""
        return [Edge(*row) for row in self._reading("SELECT * FROM open_interest_edge", ())]

    def open_interest_change(
        self, symbols: Sequence[str], since: float, until: float
    ) -> Mapping[str, float]:
        """The change between Unix seconds as a fraction, of those `symbols` that were polled both
        within five minutes after `since` and later."""
        found = {}
        for symbol in symbols:
            rows = self._reading(
                "SELECT open_interest FROM open_interest"
                " WHERE symbol = ? AND at BETWEEN ? AND ? ORDER BY at",
                (symbol, since, until),
            )
            first = self._reading(
                "SELECT 1 FROM open_interest WHERE symbol = ? AND at BETWEEN ? AND ? LIMIT 1",
                (symbol, since, since + 300),
            )
            if first and len(rows) > 1 and rows[0][0] > 0:
                found[symbol] = (rows[-1][0] - rows[0][0]) / rows[0][0]
        return found

    def universe(self) -> dict[str, str]:
        """The symbols of the last universe, with its source."""
        return dict(self._reading("SELECT symbol, source FROM universe", ()))

    def set_universe(self, symbols: Iterable[str], source: str, now: float) -> None:
        """Replace it; who stays keeps the time at which it entered."""
        kept = set(symbols)
        with self._writing() as connection:
            held = {row[0] for row in connection.execute("SELECT symbol FROM universe").fetchall()}
            connection.executemany(
                "DELETE FROM universe WHERE symbol = ?", [(each,) for each in held - kept]
            )
            connection.executemany(_ENTER, [(each, source, now) for each in sorted(kept)])

    def prune_samples(self, before: float) -> int:
        """Forget some samples older than `before` Unix seconds; how many. Call until 0."""
        with self._writing() as connection:
            connection.execute(
                "DELETE FROM open_interest WHERE (at, symbol) IN"
                " (SELECT at, symbol FROM open_interest WHERE at < ? LIMIT ?)",
                (before, _PRUNE_ROWS),
            )
            return connection.changes()
