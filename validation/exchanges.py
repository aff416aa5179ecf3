"""What the report must know of each exchange: a table, since it imports nothing of the programs.

`tests/validation/test_exchanges.py` holds it against funding/exchanges.

# Facts
(captures and replies of 2026-03 to 2026-10; see funding/exchanges)
- Binance names the tick that a value belongs to, in the stream and in REST. The others do not: a
  reading of REST has the time of its receipt, and no two readings are known to be of one tick.
- Intervals: Binance 1, 4 and 8 hours; KuCoin up to 24, some with another phase; the others one.
- KuCoin calls contracts on coins and on shares by one type, and tells rates once a minute. The
  markets of Backpack's `.US` symbols, and of builder markets (`xyz:NVDA`), close.
"""

import re
from collections.abc import Mapping, Set
from typing import NamedTuple

from validation.errors import NoReport

_COINS = ("BTC", "ETH", "SOL", "XRP", "DOGE")
_BINANCE = (
    "BTC", "ETH", "SOL", "XRP", "BNB", "DOGE", "HYPE", "SUI", "ADA", "LINK", "ZEC", "AVAX",
    "LTC", "1000PEPE", "BCH", "TRX", "UNI", "AAVE", "NEAR", "DOT",
)  # fmt: skip
_NEVER = re.compile("(?!)")


class Exchange(NamedTuple):
    """One exchange, as data.

    `majors` must be there, and nothing excuses one of them; a market without the `largest` is
    another one. `min_symbols` are compared at least, and `listed` are on the exchange.
    `same_ticks` says whether equal event times mean one value. `hours` are the possible funding
    intervals, with settlements at multiples of them where `on_grid`. `usual_hours` is the interval
    of most. `perpetual` is the type of contracts whose market never closes, except those that
    `closing` fits; `still_share` of the others may stand still, too. `foreign` fits symbols of
    another exchange. `carrier` is whose ingest keeps it.
    """

    name: str
    majors: Set[str]
    largest: Set[str]
    min_symbols: int
    listed: int
    perpetual: str = "PERPETUAL"
    same_ticks: bool = False
    hours: tuple[int, ...] = (1,)
    on_grid: bool = True
    usual_hours: int = 1
    closing: re.Pattern[str] = _NEVER
    still_share: float = 0.01
    foreign: re.Pattern[str] = _NEVER
    carrier: str = ""

    @property
    def rate_scale(self) -> float:
        """Rates of this exchange are so many times those of an interval of eight hours."""
        return self.usual_hours / 8


def _named(form: str, coins: tuple[str, ...] = _COINS) -> frozenset[str]:
    return frozenset(form.format(coin) for coin in coins)


BINANCE = Exchange(
    "binance",
    _named("{}USDT", _BINANCE),
    _named("{}USDT", _COINS[:2]),
    min_symbols=500,
    listed=500,
    same_ticks=True,
    hours=(1, 2, 4, 8),
    usual_hours=8,
    foreign=re.compile(r".*USD_(PERP|[0-9]{6})", re.DOTALL),
)
_ALL = (
    BINANCE,
    Exchange(
        "binance-coinm",
        _named("{}USD_PERP", _COINS[:2]),
        _named("{}USD_PERP", _COINS[:2]),
        min_symbols=10,
        listed=20,
        same_ticks=True,
        hours=(8,),
        usual_hours=8,
        carrier="binance",
    ),
    Exchange(
        "kucoin",
        _named("{}USDTM", ("XBT", *_COINS[1:])),
        frozenset({"XBTUSDTM", "ETHUSDTM"}),
        min_symbols=300,
        listed=600,
        perpetual="FFWCSX",
        hours=(1, 2, 4, 8, 16, 24),
        on_grid=False,
        usual_hours=8,
        still_share=0.15,
    ),
    Exchange(
        "hyperliquid",
        _named("{}"),
        _named("{}", _COINS[:2]),
        min_symbols=100,
        listed=180,
        closing=re.compile(r".+:.+", re.DOTALL),
        still_share=0.05,
    ),
    Exchange(
        "backpack",
        _named("{}_USDC_PERP"),
        _named("{}_USDC_PERP", _COINS[:2]),
        min_symbols=40,
        listed=80,
        perpetual="PERP",
        hours=(1, 2, 4, 8),
        closing=re.compile(r".+\.US_.+", re.DOTALL),
        still_share=0.05,
    ),
)
EXCHANGES: Mapping[str, Exchange] = {each.name: each for each in _ALL}


def exchange_of(name: str) -> Exchange:
    """The exchange `name`. Raises `NoReport`."""
    if name not in EXCHANGES:
        raise NoReport(f"{name!r} is none of {', '.join(EXCHANGES)}")
    return EXCHANGES[name]
