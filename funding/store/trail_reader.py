"""Events and comparisons as readers see them, the newest first. Every answer is bounded."""

from collections.abc import Sequence
from typing import NamedTuple

from funding.comparison.pair import Comparison
from funding.health.facts import ingest_program
from funding.model.event import Event, EventKind, ingest_source
from funding.store.reader import Reader

_EVENT_COLUMNS = "at, source, kind, detail, program, rule, duration_seconds, count"
_EVENTS = f"""
SELECT id, {_EVENT_COLUMNS} FROM event
WHERE at >= ?1 AND (?2 IS NULL OR kind IN (SELECT value FROM json_each(?2)))
    AND (?3 IS NULL OR source = ?3 OR program = ?4 OR rule = ?5)
ORDER BY at DESC, id DESC LIMIT ?6
"""
_COMPARISONS = f"""
SELECT id, {", ".join(Comparison._fields)} FROM comparison
WHERE compared_at >= ?3 AND exchange = ?1 AND symbol = ?2 COLLATE NOCASE
ORDER BY compared_at DESC, id DESC LIMIT ?4
"""


class StoredEvent(NamedTuple):
    """One line of the audit trail, and its number."""

    id: int
    event: Event


class StoredComparison(NamedTuple):
    """One compared value, and its number."""

    id: int
    comparison: Comparison


def events(
    reader: Reader, since: float, kinds: Sequence[EventKind], exchange: str | None, limit: int
) -> list[StoredEvent]:
    """The newest `limit` events since then, of all `kinds` where none is given. With `exchange`
    those of its ingest, and those whose rule names it."""
    wanted = "[" + ",".join(f'"{kind}"' for kind in kinds) + "]" if kinds else None
    names = (
        (ingest_source(exchange), ingest_program(exchange), exchange) if exchange else (None,) * 3
    )
    rows = reader.rows(_EVENTS, (since, wanted, *names, limit))
    return [StoredEvent(number, Event(*row)) for number, *row in rows]


def comparisons(reader: Reader, symbol: str, since: float, limit: int) -> list[StoredComparison]:
    """The newest `limit` compared values of `symbol` since then, planted pairs included."""
    rows = reader.rows(_COMPARISONS, (reader.exchange, symbol, since, limit))
    return [StoredComparison(number, Comparison(*row)) for number, *row in rows]
