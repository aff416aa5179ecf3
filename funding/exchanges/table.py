"""All exchanges, by name."""

from funding.exchanges.binance.exchange import BINANCE
from funding.exchanges.exchange import Exchange
from funding.exchanges.hyperliquid.exchange import HYPERLIQUID

EXCHANGES: dict[str, Exchange] = {each.name: each for each in (BINANCE, HYPERLIQUID)}
"""In the order in which they are listed for people."""
