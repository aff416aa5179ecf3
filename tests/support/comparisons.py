"""One symbol, or all of them, as REST and the store have them, and their comparison."""

from funding.comparison.difference import Field
from funding.comparison.pair import Pair, compare
from funding.comparison.report import Round
from funding.comparison.summary import summarise
from funding.model.feed import StoredQuote
from funding.model.quote import Quote

NOW = 1_764_725_610.0
TIME = 1_764_725_610_000
MARK, RATE, INDEX = Field
INDEX_PRICE = 100.0


def rest(
    symbol: str = "BTCUSDT", price: float = 100.0, rate: float | None = 0.0001, time: int = TIME
) -> Quote:
    return Quote(symbol, price, INDEX_PRICE, rate, TIME + 1, time)


def ours(
    price: float = 100.0, rate: float | None = 0.0001, *, at: int = 0, symbol: str = "BTCUSDT"
) -> StoredQuote:
    """A stored quote whose event time is `at` ms after REST's time."""
    return StoredQuote("binance", symbol, price, INDEX_PRICE, rate, TIME + 1, TIME + at, NOW, 0.5)


def pair_of(symbol: str, price: float = 100.0, rate: float | None = 0.0001, at: int = 0) -> Pair:
    """`symbol` at 100.0 and 0.0001 in REST's reply, and with these values in the store."""
    stored = ours(price, rate, at=at, symbol=symbol)
    return Pair(rest(symbol), stored, stored)


def round_of(*pairs: Pair, stale: tuple[str, ...] = ()) -> Round:
    """A comparison of all symbols that finds these."""
    rows = [row for pair in pairs for row in compare(pair, "test", "binance", NOW)]
    return Round(NOW, rows, summarise(rows), list(stale), 180.0)


GOOD_PAIRS = [pair_of(f"S{number:03}") for number in range(100)]
