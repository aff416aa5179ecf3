"""A bar: a symbol's mark price over a minute or an hour, and the last rate and index in it."""

from typing import NamedTuple

MINUTE = 60
HOUR = 3_600
PERIODS = (MINUTE, HOUR)
"""The lengths of bars, in seconds."""


class Bar(NamedTuple):
    """The columns of the table `bar` (see schema.sql) in order.

    `start` is Unix seconds; `rate_close` is a fraction per interval. `quotes` is how many quotes it
    was made of, 0 where REST filled it in.
    """

    exchange: str
    symbol: str
    period: int
    start: int
    open: float
    high: float
    low: float
    close: float
    index_close: float | None
    rate_close: float | None
    quotes: int
