"""The table `funding_stats`: what is normal for each symbol. The history program writes it."""

from collections.abc import Iterable

from funding.model.funding_stats import FundingStats
from funding.store.durable import DurableConnection

_COLUMNS = [name.replace("samples", "count") for name in FundingStats._fields]
_PUT = (
    f"INSERT INTO funding_stats ({', '.join(_COLUMNS)})"
    f" VALUES ({', '.join('?' * len(_COLUMNS))}) ON CONFLICT DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name != "exchange")
)


class FundingStatsTable:
    """The statistics of all exchanges, over `store`."""

    def __init__(self, store: DurableConnection) -> None:
        self._store = store

    def put(self, rows: Iterable[FundingStats]) -> None:
        """Store `rows` in the place of those of their symbols."""
        with self._store.transaction() as connection:
            connection.executemany(_PUT, list(rows))

    def of(self, exchange: str) -> dict[str, FundingStats]:
        """All of `exchange`, by symbol."""
        rows = self._store.rows(
            f"SELECT {', '.join(_COLUMNS)} FROM funding_stats WHERE exchange = ?", (exchange,)
        )
        return {row[1]: FundingStats(*row) for row in rows}
