"""Quotes as SQL: the one statement that writes them, and what is bound to it.

# Facts
(apsw 3.54.1.0 with SQLite 3.54.1, CPU for a frame of 715 rows)
- Each execution costs beside its work: one row at a time takes 1.69 ms, 16 rows 0.89 ms, and more
  at a time gain no more.
- `x IN (1, 2, 3)` of an expression fills a table of its own for every row, 0.9 ms in all.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any

from funding.model.quote import Quote, Source
from funding.statistics.score import NOTHING_KNOWN, Score
from funding.store.durable import DurableConnection

_ROWS = 16
_COLUMNS = 12
_STEP = """CASE WHEN (excluded.next_funding_time - next_funding_time) % 3600000 = 0
        AND excluded.next_funding_time - next_funding_time BETWEEN 3600000 AND 86400000
        AND excluded.event_time - event_time BETWEEN 0 AND 3599999
        THEN (excluded.next_funding_time - next_funding_time) / 3600000 END"""
"""The hours from one settlement to the next, NULL where that was not witnessed: nobody settles
twice in an hour, so a symbol that was heard of within the hour has missed none. An interval needs
two equal steps in a row, since a change of schedule makes an odd one."""


def upsert(rows: int) -> str:
    """The statement for `rows` quotes: ?1 the exchange, ?2 the ceiling in ms, ?3 the source, then
    `_COLUMNS` each.

    Its last line is the rule of `quote.supersedes`.
    """
    values = [
        f"(?1, ?3, {', '.join(f'?{number}' for number in range(first, first + _COLUMNS))})"
        for first in range(4, 4 + rows * _COLUMNS, _COLUMNS)
    ]
    return f"""
INSERT INTO quote (exchange, source, symbol, mark_price, index_price, funding_rate,
    next_funding_time, event_time, updated_at, received_uptime, z_score, z_reason, percentile, zone)
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
    source = excluded.source,
    z_score = excluded.z_score,
    z_reason = excluded.z_reason,
    percentile = excluded.percentile,
    zone = excluded.zone
WHERE excluded.event_time > event_time OR event_time > ?2
"""


_ONE, _MANY = upsert(1), upsert(_ROWS)
_TAKE_BACK = """
UPDATE quote SET z_score = NULL, percentile = NULL, zone = NULL,
    z_reason = 'the contract does not trade any more'
WHERE exchange = ?1 AND z_score IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM contract WHERE contract.exchange = quote.exchange
        AND contract.symbol = quote.symbol AND contract.status = 'TRADING')
"""


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


def take_scores_back(store: DurableConnection, exchange: str) -> None:
    """Those of quotes whose contract does not trade: the last quote of one that is delisted would
    keep the score that it had."""
    with store.transaction() as connection:
        connection.execute(_TAKE_BACK, (exchange,))


class Rows:
    """Quotes of `exchange` and one `source` with their receipt (wall, uptime without lag), as they
    are bound: an age is counted from the moment at which a prompt stream would have brought the
    quote. `scores` has one for each of them, or none."""

    def __init__(
        self,
        exchange: str,
        held: Iterable[tuple[Quote, float, float]],
        source: Source = Source.WEBSOCKET,
        scores: Sequence[Score] = (),
    ) -> None:
        self._exchange = exchange
        self._source = source
        self._values: list[Any] = []
        each_score = iter(scores) if scores else repeat(NOTHING_KNOWN)
        for (quote, wall, uptime), score in zip(held, each_score, strict=False):
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
            self._values += score

    def __len__(self) -> int:
        return len(self._values) // _COLUMNS

    def last_receipt(self) -> tuple[float, float]:
        """The latest (wall, uptime without lag) among them; there must be one."""
        return max(self._values[6::_COLUMNS]), max(self._values[7::_COLUMNS])

    def statements(self, ceiling: int) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Each statement with what is to be bound to it, in the order of the quotes."""
        values, step = self._values, _ROWS * _COLUMNS
        whole = len(values) // step * step
        for statement, first, last, size in (
            (_MANY, 0, whole, step),
            (_ONE, whole, len(values), _COLUMNS),
        ):
            for start in range(first, last, size):
                yield (
                    statement,
                    (self._exchange, ceiling, self._source, *values[start : start + size]),
                )
