"""Backpack, as an `Exchange`.

# Facts
- No limit of calls, connections or subscriptions is published (2026-09). A call a second is our
  own limit.
- 91 perpetuals on 2026-09-22.
"""

from funding.exchanges.backpack.rest import FINAL_MS, NAME, BackpackRest
from funding.exchanges.backpack.stream import BackpackStream
from funding.exchanges.exchange import Exchange, RestLimits
from funding.model.quote import is_mixed_symbol

BACKPACK = Exchange(
    name=NAME,
    title="Backpack",
    min_symbols=40,
    control_symbol="BTC_USDC_PERP",
    stream=BackpackStream,
    rest=BackpackRest,
    limits=RestLimits(weight=200, own=60),
    is_symbol=is_mixed_symbol,
    stall_seconds=10.0,
    published_seconds=FINAL_MS / 1_000 + 2.0,
)
