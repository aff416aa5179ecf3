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
