"""Works out what is normal for each symbol from its settled rates, and stores it."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from funding.model.contract import Contract
from funding.model.funding_stats import FundingStats
from funding.model.settlement import REGULAR, StoredSettlement
from funding.runtime.clock import Clock
from funding.statistics.intervals import Settled, last_interval, settled
from funding.statistics.window import Terms, Window, window
from funding.store.contracts import Contracts
from funding.store.durable import DurableConnection
from funding.store.funding_stats import FundingStatsTable
from funding.store.settlements import Settlements

SYMBOLS_AT_ONCE = 25
"""In one transaction: ingest waits for no longer than that takes, 5 ms."""
BEFORE_MS = 3 * 86_400_000
"""Older rates than those of the window tell the interval of the first ones in it."""
DAY_MS = 86_400_000


class Statistics:
    """Of `exchange`, the last `days` days. `contracts` gives what it lists, by symbol."""

    def __init__(
        self,
        store: DurableConnection,
        exchange: str,
        *,
        days: float,
        contracts: Callable[[], Mapping[str, Contract]],
        clock: Clock,
    ) -> None:
        self._store = store
        self._exchange = exchange
        self._days = days
        self._contracts = contracts
        self._clock = clock
        self._table = Settlements(store, exchange)

    def window(self, symbol: str) -> Window:
        """What the settled rates of `symbol` say now."""
        return self._window(symbol, self._rows(symbol))

    def update(self, symbols: Iterable[str]) -> None:
        """Work out and store the statistics of `symbols`. Raises `StoreError`s."""
        names = list(symbols)
        for start in range(0, len(names), SYMBOLS_AT_ONCE):
            self._update(names[start : start + SYMBOLS_AT_ONCE])

    def _update(self, symbols: Sequence[str]) -> None:
        now = self._clock.wall()
        rows = {symbol: self._rows(symbol) for symbol in symbols}
        known = {symbol: settled(_without_hours(each)) for symbol, each in rows.items()}
        found = [
            self._stats(symbol, self._window(symbol, each), now) for symbol, each in rows.items()
        ]
        with self._store.transaction():
            FundingStatsTable(self._store).put(found)
            for symbol in symbols:
                self._table.set_intervals(symbol, _news(rows[symbol], known[symbol]))
                self._tell_interval(symbol, last_interval(known[symbol]))

    def _rows(self, symbol: str) -> list[StoredSettlement]:
        now_ms = int(self._clock.wall() * 1_000)
        return self._table.since(symbol, now_ms - round(self._days * DAY_MS) - BEFORE_MS)

    def _window(self, symbol: str, rows: Sequence[StoredSettlement]) -> Window:
        contract = self._contracts().get(symbol)
        terms = Terms() if contract is None else _terms(contract)
        now_ms = int(self._clock.wall() * 1_000)
        return window(_without_hours(rows), now_ms, self._days, terms)

    def _stats(self, symbol: str, found: Window, now: float) -> FundingStats:
        return FundingStats(
            exchange=self._exchange,
            symbol=symbol,
            mean=found.mean,
            deviation=found.deviation,
            samples=found.samples,
            coverage=found.coverage,
            pinned=found.pinned,
            since=found.since,
            computed_at=now,
            reason=found.reason,
            quantiles=msgspec.json.encode(found.quantiles).decode() if found.quantiles else None,
        )

    def _tell_interval(self, symbol: str, hours: int | None) -> None:
        """Of a contract whose interval the exchange does not say."""
        contract = self._contracts().get(symbol)
        if contract is None or contract.interval_source == "exchange" or hours is None:
            return
        if contract.funding_interval_hours != hours:
            Contracts(self._store).set_interval(self._exchange, symbol, hours)


def _terms(contract: Contract) -> Terms:
    return Terms(
        contract.listed_time,
        contract.funding_interval_hours,
        contract.base_rate_hourly,
        contract.interval_changed_at,
        contract.base_changed_at,
    )


def _without_hours(rows: Iterable[StoredSettlement]) -> list[StoredSettlement]:
    """`rows` without the intervals that were worked out here before: with more rows than then they
    may be others. What a file says of its rates stays."""
    return [row if row.source == "file" else row._replace(interval_hours=None) for row in rows]


def _news(
    rows: Iterable[StoredSettlement], known: Iterable[Settled]
) -> dict[tuple[int, str], int | None]:
    """The intervals that differ from those of `rows`."""
    stored = {row.funding_time: row.interval_hours for row in rows if row.rate_type == REGULAR}
    return {
        (each.funding_time, REGULAR): each.interval
        for each in known
        if each.funding_time in stored and stored[each.funding_time] != each.interval
    }
