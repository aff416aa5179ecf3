"""A world read from a recorded `GET /fapi/v1/premiumIndex` reply.

# Facts

- A reply lists every USD-M contract with decimals as text. `nextFundingTime` 0 means no funding;
  otherwise it is the next multiple of the contract's interval, of which 1, 2, 4 and 8 h occurred in
  the reply of 2025-06-17.
- TradFi rows have a `time` on a phase of their own, …684 ms where others have …000 (2026-10-07).
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from harness.sim.contracts import (
    HOUR_MS,
    SETTLED,
    ClassName,
    Contract,
    coin_margined_contracts,
    tradfi_contracts,
)


class WorldError(Exception):
    """A --world file that cannot be used; the text is one line for a person."""


def load_contracts(path: Path, *, seed: int, tradfi: int) -> list[Contract]:
    """The symbols, prices and rates of a recorded `GET /fapi/v1/premiumIndex` reply (a list),
    with COIN-M rows and the TradFi class added, since the stream carries both."""
    try:
        rows: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WorldError(f"--world {path}: cannot be read as JSON: {error}") from error
    if not isinstance(rows, list) or not rows:
        raise WorldError(f"--world {path}: expected a premiumIndex reply, a non-empty list")
    contracts: dict[str, Contract] = {}
    for number, row in enumerate(rows):
        try:
            contract = _recorded(row)
        except (KeyError, TypeError, ValueError) as error:
            reason = f"row {number} is not a premiumIndex row: {error!r}"
            raise WorldError(f"--world {path}: {reason}") from error
        contracts.setdefault(contract.symbol, contract)
    extra = coin_margined_contracts(seed, 30) + tradfi_contracts(seed, tradfi)
    return list(contracts.values()) + [one for one in extra if one.symbol not in contracts]


def _recorded(row: dict[str, Any]) -> Contract:
    mark, index = float(row["markPrice"]), float(row["indexPrice"])
    rate, symbol = float(row["lastFundingRate"] or 0), row["symbol"]
    at, due = int(row["time"]), int(row["nextFundingTime"])
    if not isinstance(symbol, str) or not symbol:
        raise ValueError(f"symbol {symbol!r}")
    if not mark > 0 or not math.isfinite(mark + rate):
        raise ValueError(f"price {mark}, rate {rate}")
    pair, _, date = symbol.partition("_")
    quote = next((one for one in ("USDT", "USDC", "BTC") if pair.endswith(one)), "USDT")
    hours = _interval(at, due)
    class_name: ClassName = "tradfi" if at % 1000 >= 100 else "main"
    return Contract(
        symbol, class_name, mark, index / mark if index > 0 else 1.0, rate, hours,
        str(row.get("interestRate", SETTLED)), base_asset=pair.removesuffix(quote),
        contract_type=_contract_type(class_name, date), quote_asset=quote,
        status="TRADING" if hours or date else "SETTLING",
    )  # fmt: skip


def _contract_type(class_name: ClassName, date: str) -> str:
    perpetual = "TRADIFI_PERPETUAL" if class_name == "tradfi" else "PERPETUAL"
    return "CURRENT_QUARTER" if date else perpetual


def _interval(at: int, due: int) -> int:
    """The longest funding interval, hours, whose next boundary after `at` is `due`; else 8."""
    if due == 0:
        return 0
    periods = ((hours, hours * HOUR_MS) for hours in (8, 4, 2, 1))
    return next((hours for hours, period in periods if (at // period + 1) * period == due), 8)
