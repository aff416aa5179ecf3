"""One settled funding rate: what was charged, not what was expected."""

from typing import Literal, NamedTuple

REGULAR = "Regular"
"""The usual settlement; Binance also has "Special" ones, for stock dividends, at the same time."""


class Settlement(NamedTuple):
    """The settlement of `symbol` at `funding_time` (epoch ms, as told: it may be some ms late).

    `rate` is a fraction of the interval that ended then. `mark_price` is that of the settlement,
    None where the exchange does not tell. `rate_type` is in the exchange's words.
    """

    symbol: str
    funding_time: int
    rate: float
    mark_price: float | None = None
    rate_type: str = REGULAR


class StoredSettlement(NamedTuple):
    """A settlement as it is kept: the columns of `funding_rate` (see schema.sql) in order.

    The `rate` stands for `interval_hours`, None where they are not known; `source` is where the row
    came from.
    """

    exchange: str
    symbol: str
    funding_time: int
    rate_type: str
    rate: float
    mark_price: float | None
    interval_hours: int | None
    source: Literal["rest", "stream", "file"]


class Announced(NamedTuple):
    """What is known of a contract's next settlement, at `next_time` (epoch ms).

    `interval` is in hours, `rate` the running one, a fraction per interval; `listed_time` is epoch
    ms. None means that it is not known.
    """

    symbol: str
    next_time: int
    interval: int | None
    rate: float | None
    base_asset: str
    listed_time: int | None


class Asked(NamedTuple):
    """What the exchange has from `from_ms` to `until_ms`, both included, is in the store."""

    from_ms: int
    until_ms: int


class StoredGap(NamedTuple):
    """Settlements that the exchange was asked for at `asked_at` (Unix seconds) and did not have;
    times in epoch ms."""

    after_time: int
    before_time: int
    missing: int
    asked_at: float
