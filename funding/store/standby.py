"""What REST fills in while the stream is away: quotes marked as REST's, and since when."""

from collections.abc import Sequence

from funding.model.event import Event
from funding.model.feed import Feed
from funding.model.quote import MAX_SYMBOLS, Quote, Source, ceiling_ms, fold
from funding.model.silence import Silence
from funding.statistics.score import NOTHING_KNOWN, Normal, Score, score
from funding.store.durable import DurableConnection
from funding.store.events import add_events
from funding.store.feed_table import begin_without_ingest
from funding.store.normals import Normals
from funding.store.quote_table import Rows

_SILENCE = """
SELECT
    count(*),
    count(*) FILTER (WHERE source = 'websocket' AND ?2 - received_uptime > ?3),
    count(*) FILTER (WHERE source = 'rest' OR received_uptime IS NULL),
    ?2 - max(received_uptime) FILTER (WHERE source = 'websocket')
FROM quote LEFT JOIN contract USING (exchange, symbol)
WHERE quote.exchange = ?1 AND (contract.status = 'TRADING'
    OR NOT EXISTS (SELECT 1 FROM contract AS other WHERE other.exchange = ?1))
"""
LIVE_SECONDS = 5.0
"""A quote of the stream that is younger is left alone: one class flows while another is silent."""
_SYMBOLS = """
SELECT symbol, source = 'websocket' AND ?2 - received_uptime <= ?3 FROM quote WHERE exchange = ?1
"""
_KEEP = """
INSERT OR REPLACE INTO before_standby
SELECT exchange, symbol, mark_price, index_price, funding_rate, next_funding_time, event_time,
    z_score, percentile
FROM quote WHERE exchange = ?1 AND source = 'websocket'
"""
_SINCE = "UPDATE feed SET standby_since = ?2 WHERE exchange = ?1"


class StandbyQuotes:
    """REST's quotes of `exchange` in the table `quote`, over `store`, after `after` seconds of
    silence. Ingest may write meanwhile: each row keeps the newer quote, whoever has it."""

    def __init__(self, store: DurableConnection, exchange: str, after: float) -> None:
        self._store = store
        self._exchange = exchange
        self._after = after
        self._normals = Normals(exchange, store.rows)
        self._normal: dict[str, Normal] = {}

    def silence(self, uptime: float) -> Silence:
        """How much of the stream is silent at `uptime`."""
        ((symbols, silent, unknown, newest),) = self._store.rows(
            _SILENCE, (self._exchange, uptime, self._after)
        )
        return Silence(symbols, silent, unknown, newest)

    def begin(self, event: Event, feed: Feed) -> None:
        """REST stands in from the time of `event` on; `feed` is stored where no ingest has begun
        in this boot."""
        with self._store.transaction() as connection:
            begin_without_ingest(connection, feed)
            connection.execute(_SINCE, (self._exchange, event.at))
            add_events(connection, [event])

    def end(self, event: Event) -> None:
        """The stream is back; `event` is that of `begin` with its duration."""
        with self._store.transaction() as connection:
            connection.execute(_SINCE, (self._exchange, None))
            add_events(connection, [event])

    def fill(
        self,
        quotes: Sequence[Quote],
        feed: Feed,
        *,
        since: float,
        wall: float,
        uptime: float,
        received: Sequence[float],
    ) -> int:
        """Store `quotes` that came at `wall` and `uptime`, each as old as if it had been `received`
        at that uptime; returns how many were newer than what was stored.

        Only stored symbols that the stream does not bring, so that REST's other contracts do not
        come and go; all of them where none is stored yet.
        """
        live = min(LIVE_SECONDS, self._after)
        stored_ones = self._store.rows(_SYMBOLS, (self._exchange, uptime, live))
        silent = {fold(symbol) for symbol, is_live in stored_ones if not is_live}
        held = [
            (quote, wall, counted)
            for quote, counted in zip(quotes, received, strict=True)
            if not stored_ones or fold(quote.symbol) in silent
        ]
        ceiling = ceiling_ms(max((quote.event_time for quote in quotes), default=0), wall)
        rows = Rows(self._exchange, held, Source.REST, self._scores(held))
        stored = 0
        with self._store.transaction() as connection:
            # In each: a database that was replaced meanwhile does not know.
            begin_without_ingest(connection, feed)
            connection.execute(_SINCE, (self._exchange, since))
            connection.execute(_KEEP, (self._exchange,))
            for statement, bindings in rows.statements(ceiling):
                connection.execute(statement, bindings)
                stored += connection.changes()
        return stored

    def _scores(self, held: Sequence[tuple[Quote, float, float]]) -> list[Score]:
        for symbol, normal, _ in self._normals.changed(MAX_SYMBOLS):
            self._normal[fold(symbol)] = normal
        return [self._score(quote) for quote, _, _ in held]

    def _score(self, quote: Quote) -> Score:
        normal = self._normal.get(fold(quote.symbol))
        return NOTHING_KNOWN if normal is None else score(quote.funding_rate, normal)
