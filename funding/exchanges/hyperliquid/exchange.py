"""Hyperliquid, as an `Exchange`.

# Facts
(limits of the official documentation, 2026-09)
- 1,200 of weight a minute and address; 10 connections, 30 new ones a minute. No header tells how
  much was used.
- Every context comes once a second, whether or not anything has changed.
"""

from funding.exchanges.exchange import Exchange, RestLimits
from funding.exchanges.hyperliquid.markets import NAME
from funding.exchanges.hyperliquid.rest import RATE_CAP, HyperliquidRest
from funding.exchanges.hyperliquid.stream import HyperliquidStream
from funding.model.quote import is_mixed_symbol

HYPERLIQUID = Exchange(
    name=NAME,
    title="Hyperliquid",
    min_symbols=100,
    control_symbol="BTC",
    stream=HyperliquidStream,
    rest=HyperliquidRest,
    limits=RestLimits(weight=1_200, own=800),
    is_symbol=is_mixed_symbol,
    stall_seconds=10.0,
    event_times=False,
    unknown_topic_ends=True,
    connections_at_most=10,
    backoff_seconds=20.0,  # eight connections share what an address may attempt
    rate_cap_hourly=RATE_CAP,
)
