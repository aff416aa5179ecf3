"""Which symbols the consumers follow. Pure."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from funding.exchanges.binance.rest import Contract
from funding.model.quote import MAX_SYMBOLS, is_symbol

ENTER_VOLUME = 4_000_000.0
LEAVE_VOLUME = 2_000_000.0
"""A symbol enters at one and leaves below the other, so that one at the border does not flap."""


def perpetuals(contracts: Iterable[Contract], *, tradfi: bool) -> dict[str, str]:
    """USDT-quoted perpetuals that trade, as symbol: asset; stocks and the like with `tradfi`."""
    kinds = {"PERPETUAL", "TRADIFI_PERPETUAL"} if tradfi else {"PERPETUAL"}
    return {
        contract.symbol: contract.base_asset
        for contract in contracts
        if contract.quote_asset == "USDT"
        and contract.status == "TRADING"
        and contract.contract_type in kinds
    }


def liquid(volumes: Mapping[str, float], current: Collection[str]) -> set[str]:
    """The symbols whose 24 h `volumes` are high enough to enter or to stay in `current`."""
    return {
        symbol
        for symbol, volume in volumes.items()
        if volume >= (LEAVE_VOLUME if symbol in current else ENTER_VOLUME)
    }


def from_backend(body: bytes) -> list[str]:
    """The symbols in a backend's reply: `{"symbols": [...]}`, each a name or `{"symbol": name}`.

    Raises ValueError for anything else, and for none at all.
    """
    try:
        reply: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"not JSON: {str(error)[:100]}") from None
    rows = reply.get("symbols") if isinstance(reply, dict) else None
    if not isinstance(rows, list) or not 0 < len(rows) <= MAX_SYMBOLS:
        raise ValueError("no list of symbols")
    names: list[Any] = [row.get("symbol") if isinstance(row, dict) else row for row in rows]
    if not all(isinstance(name, str) and is_symbol(name) for name in names):
        raise ValueError("a symbol that is not a name")
    return sorted(set(names))
