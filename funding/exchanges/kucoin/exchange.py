"""KuCoin futures, as an `Exchange`.

# Facts
- 2,000 of weight in 30 s and address, for each of its hosts; some 680 perpetuals (2026-09).
- Mark prices come each second, also where nothing has changed, and rates each minute.
"""

from funding.exchanges.exchange import Exchange, RestLimits
from funding.exchanges.kucoin.messages import FUNDING
from funding.exchanges.kucoin.rest import NAME, KucoinRest
from funding.exchanges.kucoin.stream import KucoinStream
from funding.model.quote import is_symbol

KUCOIN = Exchange(
    name=NAME,
    title="KuCoin futures",
    min_symbols=300,
    control_symbol="XBTUSDTM",
    settle_seconds=90.0,  # rates come each minute
    stream=KucoinStream,
    rest=KucoinRest,
    limits=RestLimits(weight=4_000, own=1_000),
    is_symbol=is_symbol,
    stall_seconds=10.0,
    slow_classes={FUNDING: 180.0},
)
