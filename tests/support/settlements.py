"""Settled rates for tests."""

import csv
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from funding.model.settlement import REGULAR, StoredSettlement

HOUR_MS = 3_600_000
START_HOUR = 490_000
START_MS = START_HOUR * HOUR_MS


def settlement(
    hour: float,
    rate: float = 1e-4,
    *,
    jitter: int = 3,
    kind: str = REGULAR,
    hours: int | None = None,
) -> StoredSettlement:
    """One that is settled `hour` hours after the start."""
    time = START_MS + round(hour * HOUR_MS) + jitter
    return StoredSettlement("binance", "BTCUSDT", time, kind, rate, None, hours, "rest")


def settlements(hours: Iterable[float], rates: Iterable[float] = ()) -> list[StoredSettlement]:
    """Settled at `hours`, with `rates` or with rates that differ."""
    every = list(hours)
    values = list(rates) or [1e-5 * (1 + n % 7) for n, _ in enumerate(every)]
    return [settlement(hour, rate) for hour, rate in zip(every, values, strict=True)]


def real_settlements(
    path: Path, symbol: str, time: str, rate: str
) -> dict[str, list[StoredSettlement]]:
    """The rows of a CSV file by symbol; the other arguments name its columns."""
    found: dict[str, list[StoredSettlement]] = defaultdict(list)
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found[row[symbol]].append(
                StoredSettlement(
                    "file",
                    row[symbol],
                    int(row[time]),
                    REGULAR,
                    float(row[rate]),
                    None,
                    None,
                    "file",
                )
            )
    return dict(found)
