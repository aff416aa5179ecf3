"""What each venue lists, and what a listing is worth at any time. Pure.

A listing follows the contract of the same asset in the Binance world, so that all venues agree at
the same instant but for a basis below 0.05 %.

# Facts

- KuCoin calls BTC XBT, and lists 682 contracts with intervals of mostly 4 and 8 hours (2026-08).
- Hyperliquid pays hourly; 39 of the 229 coins in `meta` are delisted; a `k` before a coin means a
  thousand of it. Builder markets are named `xyz:NVDA`.
- Backpack pays hourly since 2026; its symbols are `BTC_USDC_PERP`, `kPEPE_USDC_PERP`,
  `AAPL.US_USDC_PERP`, and closed markets are silent.
- About half of all rates sit exactly on the venue's base rate: 0.0001 per 8 hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from harness.sim.contracts import HOUR_MS, unit
from harness.sim.world import Motion, World

_BASIS = 0.001  # a listing's mark lies within half of this share of Binance's
_BASE_RATE_8H = 0.0001
_CAP_HOURLY = 0.003 / 8


class Figures(NamedTuple):
    """One listing at one instant: prices in the quote asset, the rate a fraction per interval, the
    next settlement in epoch ms."""

    mark_price: float
    index_price: float
    rate: float
    next_ms: int


@dataclass(frozen=True, slots=True)
class Listing:
    """One contract of a venue. `scale` is its price over that of the contract it follows."""

    symbol: str
    base: str
    motion: Motion
    hours: int
    scale: float = 1.0
    living: bool = True

    @property
    def period_ms(self) -> int:
        """From one settlement to the next."""
        return self.hours * HOUR_MS

    def figures(self, at_ms: float) -> Figures:
        """What it is worth at this instant."""
        now = int(at_ms)
        theirs = self.motion.figures(now)
        basis = 1 + _BASIS * (unit(0, self.symbol, "basis") - 0.5)
        mark, index = theirs.mark_price * self.scale * basis, theirs.index_price * self.scale
        due = (now // self.period_ms + 1) * self.period_ms
        return Figures(mark, index, self._rate(theirs.funding_rate), due)

    def settlements(self, since_ms: int, until_ms: int) -> Iterator[tuple[int, float]]:
        """(boundary in epoch ms, settled rate) of since <= boundary <= until, oldest first."""
        first = -(-since_ms // self.period_ms) * self.period_ms
        for boundary in range(first, until_ms + 1, self.period_ms):
            yield boundary, self.figures(boundary).rate

    def _rate(self, theirs: float) -> float:
        if unit(0, self.symbol, "pinned") < 0.5:
            return _BASE_RATE_8H * self.hours / 8
        share = 0.6 + 0.8 * unit(0, self.symbol, "share")
        hourly = share * theirs / (self.motion.contract.interval_hours or 8)
        return max(-_CAP_HOURLY, min(_CAP_HOURLY, hourly)) * self.hours


def kucoin(world: World, count: int) -> list[Listing]:
    """`count` contracts quoted in USDT, symbols such as XBTUSDTM."""
    found = []
    for base, motion in _assets(world, tradfi=True):
        hours = motion.contract.interval_hours
        name, scale = ("XBT", 1.0) if base == "BTC" else _without_thousands(base)
        found.append(Listing(f"{name}USDTM", name, motion, hours, scale))
    return found[:count]


def hyperliquid(world: World, count: int, delisted: int) -> list[Listing]:
    """`count` coins, of which the last `delisted` are listed in `meta` and traded no more."""
    coins = []
    for base, motion in _assets(world):
        name, scale = _without_thousands(base)
        if scale == 0.001:
            name, scale = f"k{name}", 1.0
        coins.append((name, motion, scale))
    living = min(count, len(coins)) - delisted
    return [
        Listing(name, name, motion, 1, scale, living=number < living)
        for number, (name, motion, scale) in enumerate(coins[:count])
    ]


def builder_market(world: World, name: str, count: int) -> list[Listing]:
    """`count` assets of a builder market, such as xyz:NVDA."""
    stocks = [one for one in world.of_class("tradfi") if one.contract.interval_hours][:count]
    return [Listing(f"{name}:{_base(one)}", _base(one), one, 1) for one in stocks]


def backpack(world: World, count: int) -> list[Listing]:
    """`count` markets, every tenth a share, and every fifth share's market closed."""
    shares = [one for one in world.of_class("tradfi") if one.contract.underlying == "EQUITY"]
    wanted = shares[: count // 10]
    found = []
    for base, motion in list(_assets(world))[: count - len(wanted)]:
        name, scale = _without_thousands(base)
        if scale == 0.001:
            name, scale = f"k{name}", 1.0
        found.append(Listing(f"{name}_USDC_PERP", name, motion, 1, scale))
    for number, motion in enumerate(wanted):
        name = f"{_base(motion)}.US"
        symbol = f"{name}_USDC_PERP"
        found.append(Listing(symbol, name, motion, 1, living=number % 5 != 4))
    return found


def _assets(world: World, *, tradfi: bool = False) -> Iterator[tuple[str, Motion]]:
    """(base asset, its perpetual in USDT) of the Binance world, ASCII names alone."""
    motions = list(world.of_class("main"))
    if tradfi:
        motions += world.of_class("tradfi")
    for motion in motions:
        contract = motion.contract
        wanted = contract.quote_asset == "USDT" and contract.interval_hours
        if wanted and contract.status == "TRADING" and _base(motion).isascii():
            yield _base(motion), motion


def _base(motion: Motion) -> str:
    return motion.contract.base_asset


def _without_thousands(base: str) -> tuple[str, float]:
    for prefix, scale in (("1000000", 1e-6), ("1000", 1e-3)):
        if base.startswith(prefix):
            return base.removeprefix(prefix), scale
    return base, 1.0
