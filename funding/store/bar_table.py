"""The table `bar`: minutes as ingest writes them, and the hours that they add up to.

# Facts
- Its key begins with period and start: a minute of 962 symbols then lies on some twenty pages. With
  the symbol first each of them would be on a page of its own, and a minute 4 MB of WAL.
- So the bars of one symbol are looked up start by start, 2 days of minutes in 2,880 look-ups.
"""

from collections.abc import Iterable
from typing import Any

import apsw

from funding.model.bar import HOUR, MINUTE, Bar

_ADD = f"""
INSERT INTO bar ({", ".join(Bar._fields)}) VALUES ({", ".join("?" * len(Bar._fields))})
ON CONFLICT DO UPDATE SET
    high = max(high, excluded.high),
    low = min(low, excluded.low),
    close = excluded.close,
    index_close = excluded.index_close,
    rate_close = excluded.rate_close,
    quotes = quotes + excluded.quotes
"""
_PRUNE = """
DELETE FROM bar WHERE exchange = ?1 AND period = ?2 AND start < min(?3, ?4 + (
    SELECT min(start) FROM bar WHERE exchange = ?1 AND period = ?2))
"""
PRUNED_PERIODS = 5
"""So many bars of each symbol are deleted at once: some 5,000 rows, 15 ms of the write lock. More
are there after a shorter setting, or a time in which nobody wrote."""
_EDGE = "SELECT {}(start) FROM bar WHERE exchange = ?1 AND period = ?2"
BARS_OF_SYMBOL = f"""
WITH RECURSIVE starts(start) AS (
    SELECT max(start) FROM bar WHERE exchange = ?2 AND period = ?3
    UNION ALL
    SELECT start - ?3 FROM starts
    WHERE start - ?3 >= max(?4, (SELECT min(start) FROM bar WHERE exchange = ?2 AND period = ?3))
)
SELECT {", ".join(f"bar.{name}" for name in Bar._fields)}
FROM starts CROSS JOIN bar
    ON bar.exchange = ?2 AND bar.period = ?3 AND bar.start = starts.start AND bar.symbol = ?1
WHERE bar.start >= ?4
ORDER BY bar.start DESC LIMIT ?5
"""
"""The newest ?5 bars of symbol ?1 of exchange ?2, of period ?3 and not before ?4."""


def add_bars(connection: apsw.Connection, bars: Iterable[Bar]) -> None:
    """Within a transaction: store minutes, and fold them into their hours.

    What is there already of the same minute was before: the two are put together.
    """
    minutes = sorted(bars, key=lambda bar: (bar.start, bar.symbol))
    hours: dict[tuple[str, int], Bar] = {}
    for bar in minutes:
        start = bar.start - bar.start % HOUR
        before = hours.get((bar.symbol, start))
        hours[bar.symbol, start] = (
            bar._replace(period=HOUR, start=start) if before is None else _joined(before, bar)
        )
    connection.executemany(_ADD, minutes)
    connection.executemany(_ADD, hours.values())


def prune_bars(
    connection: apsw.Connection, exchange: str, minutes_before: float, hours_before: float
) -> None:
    """Within a transaction: delete the oldest of the bars that began before these Unix seconds.
    What is left of them is for the next call."""
    for period, before in ((MINUTE, minutes_before), (HOUR, hours_before)):
        most = PRUNED_PERIODS * period
        connection.execute(_PRUNE, (exchange, period, int(before), most))


def last_minute(connection: apsw.Connection, exchange: str) -> int | None:
    """The start of the newest minute, in Unix seconds."""
    found: Any = connection.execute(_EDGE.format("max"), (exchange, MINUTE)).get
    return None if found is None else int(found)


def _joined(before: Bar, after: Bar) -> Bar:
    return before._replace(
        high=max(before.high, after.high),
        low=min(before.low, after.low),
        close=after.close,
        index_close=after.index_close,
        rate_close=after.rate_close,
        quotes=before.quotes + after.quotes,
    )
