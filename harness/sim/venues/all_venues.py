"""All venues beside Binance, made of one world."""

from __future__ import annotations

from harness.sim.ticks import Clock
from harness.sim.venues import listings
from harness.sim.venues.backpack import Backpack
from harness.sim.venues.hyperliquid import Hyperliquid
from harness.sim.venues.kucoin import KuCoinPush
from harness.sim.venues.venue import Venue
from harness.sim.world import World

# As many as were counted: 682 contracts, 229 coins of which 39 are delisted, 92 markets.
_KUCOIN, _COINS, _DELISTED, _BACKPACK, _BUILDER = 682, 229, 39, 92, 20


def make(world: World, clock: Clock) -> dict[str, list[Venue]]:
    """The venues by name; each has one side or more that tick, of which the first has the faults
    of all. A small world makes small venues."""
    scale = min(1.0, len(world.motions) / 962)
    counts = [max(4, round(one * scale)) for one in (_KUCOIN, _COINS, _BACKPACK, _BUILDER)]
    kucoin = KuCoinPush(listings.kucoin(world, counts[0]), clock)
    coins = listings.hyperliquid(world, counts[1], max(1, round(_DELISTED * scale)))
    builder = {"xyz": listings.builder_market(world, "xyz", counts[3])}
    return {
        "kucoin": [kucoin, kucoin.classic],
        "hyperliquid": [Hyperliquid(coins, clock, dexes=builder)],
        "backpack": [Backpack(listings.backpack(world, counts[2]), clock)],
    }
