"""The contracts that exist in the built-in world, and what a contract is.

Pure: the same arguments always give the same contracts in the same order.

# Facts

- The main frame had 745 rows on 2026-10-07: 30 of them COIN-M (`st` 2), 51 with `T` 0 and `r`
  "0.00000000" (delisted, settling or dated). TradFi symbols arrive in a frame of their own, 217
  rows then (polyoxide OBSERVED.md @7e98e460).
- A dated USD-M contract is an underscore and a date and sends `"r":"0.00000000","T":0`; the COIN-M
  page says `"r":""` for delivery symbols. Both forms are made here.
- Since 2025-10-09 symbols may be UTF-8; four real ones are made here.
- The funding interval is 8 h unless adjusted; 1 and 4 h are common (fundingInfo).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from harness.sim import names

ClassName = Literal["main", "tradfi"]
CLASSES: tuple[ClassName, ...] = ("main", "tradfi")
HOUR_MS = 3_600_000
SETTLED = "0.00000000"


@dataclass(frozen=True, slots=True)
class Contract:
    """One contract and the figures its prices move around. `interval_hours` 0: no funding."""

    symbol: str
    class_name: ClassName
    mark_base: float
    index_ratio: float
    rate_base: float
    interval_hours: int
    interest: str = "0.00010000"
    symbol_type: int = 1
    contract_type: str = "PERPETUAL"
    status: str = "TRADING"
    base_asset: str = ""
    quote_asset: str = "USDT"
    underlying: str = "COIN"
    rate_without_funding: str = SETTLED


def unit(seed: int, symbol: str, salt: str) -> float:
    """A fixed number in [0, 1) for these three, the same on every machine."""
    return zlib.crc32(f"{seed}/{symbol}/{salt}".encode()) / 4294967296.0


def default_contracts(*, seed: int, main: int, tradfi: int) -> list[Contract]:
    """Exactly `main` rows of the main frame (COIN-M among them) and `tradfi` rows of the other."""
    coin_margined, settling = min(30, main * 30 // 745), main * 47 // 745
    usdc = main * 40 // 745
    dated = min(len(names.DATED), main // 20)
    perpetuals = main - coin_margined - settling - usdc - dated
    bases = names.base_assets(seed)
    contracts = [_perpetual(seed, *next(bases)) for _ in range(perpetuals)]
    priced = {contract.base_asset: contract.mark_base for contract in contracts}
    contracts += [_dated(symbol, priced[base]) for symbol, base in names.DATED[:dated]]
    contracts += [_perpetual(seed, base, priced[base], "USDC") for base in list(priced)[:usdc]]
    contracts += [_settling(seed, *next(bases)) for _ in range(settling)]
    contracts += coin_margined_contracts(seed, coin_margined)
    return contracts + tradfi_contracts(seed, tradfi)


def tradfi_contracts(seed: int, count: int) -> list[Contract]:
    """Metals, energy and equities: `contractType` TRADIFI_PERPETUAL, a frame of their own."""
    found = []
    for base, price, underlying in islice(names.tradfi_assets(seed), count):
        symbol = f"{base}USDT"
        hours = 8 if unit(seed, symbol, "interval") < 0.2 else 4
        rate = 0.0001 * (unit(seed, symbol, "rate") * 4 - 1)
        found.append(
            Contract(
                symbol, "tradfi", price, _index_ratio(seed, symbol), rate, hours, SETTLED,
                contract_type="TRADIFI_PERPETUAL", base_asset=base, underlying=underlying,
            )
        )  # fmt: skip
    return found


def coin_margined_contracts(seed: int, count: int) -> list[Contract]:
    """COIN-M rows as they appear on the USD-M host: `BTCUSD_PERP`, and dated ones with r ""."""
    found = []
    for symbol, base, price in names.coin_margined()[:count]:
        perpetual = symbol.endswith("_PERP")
        found.append(
            Contract(
                symbol, "main", price, _index_ratio(seed, symbol), 0.00005,
                8 if perpetual else 0, symbol_type=2, base_asset=base, quote_asset="USD",
                contract_type="PERPETUAL" if perpetual else "CURRENT_QUARTER",
                rate_without_funding="",
            )
        )  # fmt: skip
    return found


def invented_contract(seed: int, symbol: str) -> Contract:
    """The contract behind a symbol that is listed while the exchange runs."""
    base = symbol.removesuffix("USDT") or symbol
    made = _perpetual(seed, base, names.invented_price(seed, base))
    return Contract(
        symbol, "main", made.mark_base, made.index_ratio, made.rate_base, made.interval_hours,
        base_asset=base,
    )  # fmt: skip


def _perpetual(seed: int, base: str, price: float, quote: str = "USDT") -> Contract:
    symbol = base + quote
    draw = unit(seed, base, "interval")
    hours = 8 if draw < 0.4 or base in names.EIGHT_HOURS else 4 if draw < 0.96 else 1
    rate = 0.00005 if draw > 0.7 else 0.0002 * (unit(seed, symbol, "rate") - 0.35)
    return Contract(
        symbol, "main", price, _index_ratio(seed, symbol), rate, hours,
        base_asset=base, quote_asset=quote,
    )  # fmt: skip


def _dated(symbol: str, price: float) -> Contract:
    return Contract(
        symbol, "main", price * 1.008, 1 / 1.008, 0.0, 0, SETTLED, base_asset=symbol[:3],
        contract_type="CURRENT_QUARTER" if symbol.endswith("_261225") else "NEXT_QUARTER",
    )  # fmt: skip


def _settling(seed: int, base: str, price: float) -> Contract:
    symbol = f"{base}USDT"
    return Contract(
        symbol, "main", price, _index_ratio(seed, symbol), 0.0, 0, base_asset=base,
        status="SETTLING",
    )  # fmt: skip


def _index_ratio(seed: int, symbol: str) -> float:
    return 1 + 0.001 * (unit(seed, symbol, "index") - 0.5)


def in_class(contracts: list[Contract], class_name: ClassName) -> Iterator[Contract]:
    """The contracts of one frame, in frame order."""
    return (contract for contract in contracts if contract.class_name == class_name)
