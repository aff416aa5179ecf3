"""The bodies of `exchangeInfo`, of USD-M and COIN-M: every contract and its trading rules. Pure.

# Facts

- Keys, their order and the filters are those of the capture of 2026-10-07; a perpetual's
  deliveryDate is 4133404800000 (2100-12-25).
- That of COIN-M calls the status `contractStatus`, and has `contractSize` (official documentation).
"""

from __future__ import annotations

from datetime import UTC, datetime

from harness.sim import market
from harness.sim.contracts import unit
from harness.sim.faults import FaultState
from harness.sim.parameters import Query
from harness.sim.replies import View
from harness.sim.world import Motion

_NEVER_MS = 4_133_404_800_000
_ORDER_TYPES = (
    "LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET",
    "TRAILING_STOP_MARKET",
)  # fmt: skip
_LIMITS = (
    ("REQUEST_WEIGHT", "MINUTE", 1, 2400), ("ORDERS", "MINUTE", 1, 1200),
    ("ORDERS", "SECOND", 10, 300),
)  # fmt: skip


def exchange_info(_query: Query, view: View) -> object:
    """Rate limits, assets and all USD-M contracts, whatever their status."""
    return {
        "timezone": "UTC", "serverTime": view.now_ms, "futuresType": "U_MARGINED",
        "rateLimits": [
            {"rateLimitType": kind, "interval": unit_, "intervalNum": number, "limit": limit}
            for kind, unit_, number, limit in _LIMITS
        ],
        "exchangeFilters": [],
        "assets": [
            {"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"},
            {"asset": "BTC", "marginAvailable": True, "autoAssetExchange": "-0.10000000"},
        ],
        "symbols": [_symbol(one, view.faults) for one in view.usd_margined()],
    }  # fmt: skip


def coin_margined_exchange_info(_query: Query, view: View) -> object:
    """The contracts of COIN-M, on its own host."""
    rows = []
    for motion in view.coin_margined():
        row = _symbol(motion, view.faults)
        size = 100 if motion.contract.base_asset == "BTC" else 10
        row |= {"contractStatus": row.pop("status"), "contractSize": size}
        rows.append(row)
    return {"timezone": "UTC", "serverTime": view.now_ms, "exchangeFilters": [], "symbols": rows}


def _symbol(motion: Motion, faults: FaultState) -> dict[str, object]:
    contract = motion.contract
    places, tradfi = market.price_places(motion), contract.class_name == "tradfi"
    subtype = "TradFi" if tradfi else "Crypto"
    status = "SETTLING" if contract.symbol in faults.names("settling") else contract.status
    delivery = faults.table("deliveries").get(contract.symbol)
    delivery_ms = _delivery_ms(contract.symbol, status) if delivery is None else int(delivery)
    return {
        "symbol": contract.symbol, "pair": contract.symbol.partition("_")[0],
        "contractType": contract.contract_type, "deliveryDate": delivery_ms,
        "onboardDate": 1_600_000_000_000 + int(1.7e11 * unit(0, contract.symbol, "onboard")),
        "status": status, "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000", "baseAsset": contract.base_asset,
        "quoteAsset": contract.quote_asset, "marginAsset": contract.quote_asset,
        "pricePrecision": places, "quantityPrecision": max(0, 3 - places // 2),
        "baseAssetPrecision": 8, "quotePrecision": 8, "underlyingType": contract.underlying,
        "underlyingSubType": [] if "_" in contract.symbol else [subtype],
        "triggerProtect": "0.0200" if tradfi else "0.0500",
        "liquidationFee": "0.015000", "marketTakeBound": "0.05", "maxMoveOrderLimit": 10000,
        "filters": _filters(contract.mark_base, places), "orderTypes": _ORDER_TYPES,
        "timeInForce": ("GTC", "IOC", "FOK", "GTX", "GTD"),
        "permissionSets": ("GRID", "COPY", "DCA"),
    }  # fmt: skip


def _filters(price: float, places: int) -> list[dict[str, object]]:
    tick = f"{10**-places:.{places}f}"
    return [
        {
            "filterType": "PRICE_FILTER", "tickSize": tick, "minPrice": tick,
            "maxPrice": f"{price * 50:.{places}f}",
        },
        {"filterType": "LOT_SIZE", "stepSize": "0.001", "minQty": "0.001", "maxQty": "1000"},
        {"filterType": "MARKET_LOT_SIZE", "stepSize": "0.001", "minQty": "0.001", "maxQty": "120"},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MIN_NOTIONAL", "notional": "5"},
        {
            "filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500",
            "multiplierDecimal": "4",
        },
        {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE"},
    ]  # fmt: skip


def _delivery_ms(symbol: str, status: str) -> int:
    """08:00 UTC of the date in the symbol; for a settling contract some day that has passed."""
    date = symbol.partition("_")[2]
    if date.isascii() and date.isdigit() and len(date) == 6:
        day = datetime(2000 + int(date[:2]), int(date[2:4]), int(date[4:]), 8, tzinfo=UTC)
        return int(day.timestamp() * 1000)
    return _NEVER_MS if status == "TRADING" else 1_738_314_000_000
