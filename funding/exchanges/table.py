"""All exchanges, by name."""

from funding.exchanges.backpack.exchange import BACKPACK
from funding.exchanges.binance.coin_margined import COIN_MARGINED
from funding.exchanges.binance.exchange import BINANCE
from funding.exchanges.exchange import Exchange
from funding.exchanges.hyperliquid.exchange import HYPERLIQUID
from funding.exchanges.kucoin.exchange import KUCOIN

_ALL = (BINANCE, COIN_MARGINED, KUCOIN, HYPERLIQUID, BACKPACK)
EXCHANGES: dict[str, Exchange] = {each.name: each for each in _ALL}
"""In the order in which they are listed for people."""
