"""The tables `funding_rate`, `backfill` and `funding_gap`: settled rates, and how complete.

# Facts
- What is asked for twice comes again, to the ms: a row that is there already is the same row.
- `max` over a `GROUP BY symbol` reads the whole table; one reading by the key for each contract
  takes 3 ms for 800 of them.
"""

from collections.abc import Iterable, Mapping

import apsw

from funding.model.settlement import (
    Announced,
    Asked,
    Settlement,
    StoredGap,
    StoredSettlement,
)
from funding.store.durable import DurableConnection

_COLUMNS = ", ".join(StoredSettlement._fields)
_ADD = f"""
INSERT INTO funding_rate ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, NULL, ?) ON CONFLICT DO NOTHING
"""
_ASKED = """
INSERT INTO backfill (exchange, symbol, from_time, until_time, updated_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    from_time = min(from_time, excluded.from_time),
    until_time = max(until_time, excluded.until_time),
    updated_at = excluded.updated_at
WHERE excluded.from_time <= until_time + 1 AND excluded.until_time >= from_time - 1
"""
_EXTEND = """
UPDATE backfill SET until_time = ?3, updated_at = ?5
WHERE exchange = ?1 AND symbol = ?2 AND until_time < ?3 AND until_time >= ?4 - 1800000
"""
_HOUR_MS = 3_600_000
_LAST = """
SELECT symbol, (SELECT max(funding_time) FROM funding_rate AS rate
    WHERE rate.symbol = contract.symbol AND rate.exchange = contract.exchange) AS last
FROM contract WHERE exchange = ? AND last IS NOT NULL
"""
_ANNOUNCED = """
SELECT symbol, next_funding_time,
    coalesce(contract.funding_interval_hours, quote.funding_interval_hours),
    funding_rate, contract.base_asset, contract.listed_time
FROM quote JOIN contract USING (exchange, symbol)
WHERE exchange = ? AND status = 'TRADING' AND next_funding_time IS NOT NULL
"""
_GAP = """
INSERT INTO funding_gap (exchange, symbol, after_time, before_time, missing, found_at, asked_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
ON CONFLICT DO UPDATE SET
    before_time = excluded.before_time, missing = excluded.missing, asked_at = excluded.asked_at
"""


class Settlements:
    """The settled rates of `exchange`, over `store`."""

    def __init__(self, store: DurableConnection, exchange: str) -> None:
        self._store = store
        self._exchange = exchange

    def add(self, rows: Iterable[Settlement]) -> int:
        """Store those of `rows` that are new; returns how many they are."""
        with self._store.transaction() as connection:
            return self._add(connection, rows)

    def record(self, symbol: str, rows: Iterable[Settlement], asked: Asked, now: float) -> int:
        """The answer about `symbol`: store `rows`, and that no more was there. `now` is Unix
        seconds. Times that do not touch those that were asked for before are not noted."""
        with self._store.transaction() as connection:
            count = self._add(connection, rows)
            connection.execute(_ASKED, (self._exchange, symbol, *asked, now))
            return count

    def extend(self, times: Iterable[tuple[str, int, int]], now: float) -> None:
        """Note that a settlement came as (symbol, its epoch ms, hours of its interval): where the
        one before it was asked for too, there is nothing between the two."""
        with self._store.transaction() as connection:
            connection.executemany(
                _EXTEND,
                [
                    (self._exchange, name, at, at - hours * _HOUR_MS, now)
                    for name, at, hours in times
                ],
            )

    def asked(self) -> dict[str, Asked]:
        """What was asked for, by symbol."""
        rows = self._store.rows(
            "SELECT symbol, from_time, until_time FROM backfill WHERE exchange = ?",
            (self._exchange,),
        )
        return {symbol: Asked(*times) for symbol, *times in rows}

    def newest(self, symbol: str) -> int | None:
        """The newest settlement of `symbol`, epoch ms."""
        rows = self._store.rows(
            "SELECT max(funding_time) FROM funding_rate WHERE symbol = ? AND exchange = ?",
            (symbol, self._exchange),
        )
        return None if rows[0][0] is None else int(rows[0][0])

    def asked_of(self, symbol: str) -> Asked | None:
        """What was asked for of `symbol`."""
        rows = self._store.rows(
            "SELECT from_time, until_time FROM backfill WHERE exchange = ? AND symbol = ?",
            (self._exchange, symbol),
        )
        return Asked(*rows[0]) if rows else None

    def announced(self) -> list[Announced]:
        """The next settlement of every contract that trades and has funding."""
        return [Announced(*row) for row in self._store.rows(_ANNOUNCED, (self._exchange,))]

    def last_times(self) -> dict[str, int]:
        """The newest settlement of each contract that has one."""
        return dict(self._store.rows(_LAST, (self._exchange,)))

    def since(self, symbol: str, since_ms: int) -> list[StoredSettlement]:
        """The rates of `symbol` from `since_ms` on, oldest first."""
        rows = self._store.rows(
            f"SELECT {_COLUMNS} FROM funding_rate"
            " WHERE symbol = ? AND exchange = ? AND funding_time >= ? ORDER BY funding_time",
            (symbol, self._exchange, since_ms),
        )
        return [StoredSettlement(*row) for row in rows]

    def gaps(self) -> dict[str, list[StoredGap]]:
        """The gaps that the exchange could not fill, by symbol."""
        rows = self._store.rows(
            "SELECT symbol, after_time, before_time, missing, asked_at FROM funding_gap"
            " WHERE exchange = ? ORDER BY symbol, after_time",
            (self._exchange,),
        )
        found: dict[str, list[StoredGap]] = {}
        for symbol, *gap in rows:
            found.setdefault(symbol, []).append(StoredGap(*gap))
        return found

    def set_gaps(self, symbol: str, gaps: Iterable[StoredGap], filled: Iterable[StoredGap]) -> None:
        """Store the `gaps` of `symbol`, which the exchange was asked about, and delete those that
        are `filled` meanwhile."""
        with self._store.transaction() as connection:
            for gap in filled:
                connection.execute(
                    "DELETE FROM funding_gap WHERE symbol = ? AND exchange = ? AND after_time = ?",
                    (symbol, self._exchange, gap.after_time),
                )
            for each in gaps:
                connection.execute(_GAP, (self._exchange, symbol, *each))

    def set_intervals(self, symbol: str, hours: Mapping[tuple[int, str], int | None]) -> None:
        """The hours that rates of `symbol` stand for, by time and type."""
        if not hours:
            return
        with self._store.transaction() as connection:
            connection.executemany(
                "UPDATE funding_rate SET interval_hours = ?5"
                " WHERE symbol = ?1 AND exchange = ?2 AND funding_time = ?3 AND rate_type = ?4",
                [(symbol, self._exchange, *key, each) for key, each in hours.items()],
            )

    def _add(self, connection: apsw.Connection, rows: Iterable[Settlement]) -> int:
        count = 0
        for row in rows:
            values = (row.funding_time, row.rate_type, row.rate, row.mark_price, "rest")
            connection.execute(_ADD, (self._exchange, row.symbol, *values))
            count += connection.changes()
        return count
