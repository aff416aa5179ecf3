"""What the settled rates of a window say of one symbol."""

from typing import NamedTuple


class FundingStats(NamedTuple):
    """The columns of the table `funding_stats` (see schema.sql) in order; `samples` is `count`.

    `mean` and `deviation` are fractions per hour; `coverage` and `pinned` are 0 to 1. `since` is
    epoch ms, where the window begins; `computed_at` is Unix seconds. `reason` says in words why
    there is no Z-score whatever the quote; `quantiles` is a JSON array of rates per hour.
    """

    exchange: str
    symbol: str
    mean: float | None
    deviation: float | None
    samples: int
    coverage: float
    pinned: float | None
    since: int
    computed_at: float
    reason: str | None
    quantiles: str | None
