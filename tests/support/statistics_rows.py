"""What the history program leaves for ingest: contracts and statistics."""

import json
from contextlib import closing
from pathlib import Path

from tests.support.store import plainly

SAMPLE = [1.25e-5 + step * 1e-6 for step in range(-10, 11)]


def add_contract(
    path: Path, symbol: str = "BTCUSDT", *, status: str = "TRADING", hours: int | None = 8
) -> None:
    """A contract, or its new state."""
    with closing(plainly(path)) as plain:
        plain.execute(
            "INSERT OR REPLACE INTO contract (exchange, symbol, status, base_asset, quote_asset,"
            " multiplier, funding_interval_hours, checked_at)"
            " VALUES ('binance', ?, ?, 'A', 'B', 1, ?,"
            " (SELECT coalesce(max(checked_at), 0) + 1 FROM contract))",
            (symbol, status, hours),
        )


def add_statistics(
    path: Path,
    symbol: str = "BTCUSDT",
    *,
    mean: float = 1.25e-5,
    deviation: float | None = 1.25e-5,
    reason: str | None = None,
    computed_at: float = 1.0,
) -> None:
    """A row of funding_stats: a usual rate of 1 bp per 8 h, with a deviation of 1 bp."""
    with closing(plainly(path)) as plain:
        plain.execute(
            "INSERT OR REPLACE INTO funding_stats (exchange, symbol, mean, deviation, count,"
            " coverage, pinned, since, computed_at, reason, quantiles)"
            " VALUES ('binance', ?, ?, ?, 90, 1.0, 0.5, 0, ?, ?, ?)",
            (symbol, mean, deviation, computed_at, reason, json.dumps(SAMPLE)),
        )
