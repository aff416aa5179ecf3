"""Frames for an inbox: a few symbols at a moment."""

from collections.abc import Iterable

from funding.exchanges.frame import Frame
from funding.model.quote import Quote

WALL = 1_790_000_000.0
WALL_MS = 1_790_000_000_000
DAY_MS = 86_400_000
LONG = 10.0
"""Seconds that no test waits: something arrives before."""


def quote(symbol: str, event_time: int, price: float = 1.0) -> Quote:
    """A quote of `symbol`, `event_time` ms after WALL."""
    return Quote(symbol, price, price, 0.0001, WALL_MS + 3_600_000, WALL_MS + event_time)


def frame(symbols: Iterable[str], event_time: int, price: float = 1.0) -> Frame:
    """A frame of one quote per symbol, all of `event_time` ms after WALL."""
    quotes = [quote(symbol, event_time, price) for symbol in symbols]
    return Frame(quotes, event_time=WALL_MS + event_time)


MAIN = ["BTCUSDT", "ETHUSDT", "币安人生USDT"]
TRADFI = ["XAUUSDT", "TSLAUSDT"]
