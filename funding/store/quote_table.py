"""Quotes as SQL: the one statement that writes them, and what is bound to it.

# Facts
(apsw 3.54.1.0 with SQLite 3.54.1, CPU for a frame of 715 rows)
- Each execution costs beside its work: one row at a time takes 1.69 ms, 16 rows 0.89 ms, and more
  at a time gain no more.
- `x IN (1, 2, 3)` of an expression fills a table of its own for every row, 0.9 ms in all.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from funding.model.quote import Quote, Source
from funding.store.durable import DurableConnection

_ROWS = 16
_COLUMNS = 8
_STEP = """CASE WHEN (excluded.next_funding_time - next_funding_time) % 3600000 = 0
        AND excluded.next_funding_time - next_funding_time BETWEEN 3600000 AND 86400000
        AND excluded.event_time - event_time BETWEEN 0 AND 3599999
        THEN (excluded.next_funding_time - next_funding_time) / 3600000 END"""
"""The hours from one settlement to the next, NULL where that was not witnessed: nobody settles
twice in an hour, so a symbol that was heard of within the hour has missed none. An interval needs
two equal steps in a row, since a change of schedule makes an odd one."""


_UNRATED = """,
    z_score = NULL,
    z_reason = 'REST stands in for the stream',
    percentile = NULL,
    zone = NULL"""
"""What was worked out for another quote says nothing of this one."""


def upsert(rows: int, source: Source = Source.WEBSOCKET) -> str:
    """The statement for `rows` quotes: ?1 the exchange, ?2 the ceiling in ms, then `_COLUMNS` each.

    All of them are of one `source`. Its last line is the rule of `quote.supersedes`.
    """
    values, known = [], _UNRATED if source is Source.REST else ""
    for first in range(3, 3 + rows * _COLUMNS, _COLUMNS):
        symbol, mark, index, rate, due, event, at, uptime = range(first, first + _COLUMNS)
        values.append(
            f"(?1, ?{symbol}, ?{mark}, ?{index}, ?{rate}, ?{due}, ?{event}, ?{at}, ?{uptime},"
            f" '{source}')"
        )
    return f"""
INSERT INTO quote (exchange, symbol, mark_price, index_price, funding_rate, next_funding_time,
    event_time, updated_at, received_uptime, source)
VALUES {", ".join(values)}
ON CONFLICT DO UPDATE SET
    mark_price = excluded.mark_price,
    index_price = excluded.index_price,
    funding_rate = excluded.funding_rate,
    funding_interval_hours = iif(
        excluded.next_funding_time <> next_funding_time AND {_STEP} = funding_step_hours,
        funding_step_hours,
        funding_interval_hours),
    funding_step_hours = iif(
        excluded.next_funding_time IS next_funding_time, funding_step_hours, {_STEP}),
    next_funding_time = excluded.next_funding_time,
    event_time = excluded.event_time,
    updated_at = excluded.updated_at,
    received_uptime = excluded.received_uptime,
    source = excluded.source{known}
WHERE excluded.event_time > event_time OR event_time > ?2
"""


_STATEMENTS = {source: (upsert(1, source), upsert(_ROWS, source)) for source in Source}


def set_funding_intervals(
    store: DurableConnection, exchange: str, hours: Iterable[tuple[str, int]]
) -> None:
    """Store the funding interval of symbols as (symbol, hours)."""
    with store.transaction() as connection:
        connection.executemany(
            "UPDATE quote SET funding_interval_hours = ?3 WHERE exchange = ?1 AND symbol = ?2"
            " AND funding_interval_hours IS NOT ?3",
            [(exchange, symbol, each) for symbol, each in hours],
        )


class Rows:
    """Quotes of `exchange` and one `source` with their receipt (wall, uptime without lag), as they
    are bound: an age is counted from the moment at which a prompt stream would have brought the
    quote."""

    def __init__(
        self,
        exchange: str,
        held: Iterable[tuple[Quote, float, float]],
        source: Source = Source.WEBSOCKET,
    ) -> None:
        self._exchange = exchange
        self._source = source
        self._values: list[Any] = []
        for quote, wall, uptime in held:
            self._values += (
                quote.symbol,
                quote.mark_price,
                quote.index_price,
                quote.funding_rate,
                quote.next_funding_time,
                quote.event_time,
                wall,
                uptime,
            )

    def __len__(self) -> int:
        return len(self._values) // _COLUMNS

    def last_receipt(self) -> tuple[float, float]:
        """The latest (wall, uptime without lag) among them; there must be one."""
        return max(self._values[6::_COLUMNS]), max(self._values[7::_COLUMNS])

    def statements(self, ceiling: int) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Each statement with what is to be bound to it, in the order of the quotes."""
        values, step = self._values, _ROWS * _COLUMNS
        whole = len(values) // step * step
        one, many = _STATEMENTS[self._source]
        for statement, first, last, size in (
            (many, 0, whole, step),
            (one, whole, len(values), _COLUMNS),
        ):
            for start in range(first, last, size):
                yield statement, (self._exchange, ceiling, *values[start : start + size])
