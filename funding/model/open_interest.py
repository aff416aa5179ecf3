"""Open interest: what a poll saw of a symbol, and what is known of its changes. Times are Unix
seconds."""

from enum import StrEnum
from typing import NamedTuple


class Direction(StrEnum):
    """In which a change went; the words stand in the database and in alerts."""

    UP = "UP"
    DOWN = "DOWN"


class Timeframe(NamedTuple):
    """A look-back in seconds; `threshold` is a fraction, `cooldown` seconds."""

    name: str
    label: str
    lookback: float
    threshold: float
    cooldown: float


class Sample(NamedTuple):
    """Open contracts of a symbol, and its mark price where the service knew it."""

    at: float
    symbol: str
    open_interest: float
    mark_price: float | None

    @property
    def notional(self) -> float | None:
        """In the quote currency, or None without a mark price."""
        return None if self.mark_price is None else self.open_interest * self.mark_price


class Edge(NamedTuple):
    """What is known of a symbol in a timeframe: outside its threshold in which `Direction` ("" for
    inside), and when it was last alerted in each (None for never)."""

    symbol: str
    timeframe: str
    outside: str = ""
    up_at: float | None = None
    down_at: float | None = None
