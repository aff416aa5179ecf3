"""Signals for tests."""

from typing import Any

from funding.model.signal import Signal, SignalDirection, SignalKind, Zone

AT = 1_764_000_000.0


def signal(symbol: str = "BTCUSDT", zone: Zone | None = Zone.HIGH, **changes: Any) -> Signal:
    """A zone signal of `symbol`."""
    found = Signal(
        AT, "binance", symbol, SignalKind.ZONE, zone, SignalDirection.UP, 0.0005, 2.5, "why"
    )
    return found._replace(**changes)


def extreme(symbol: str = "BTCUSDT", **changes: Any) -> Signal:
    """One that is told at once."""
    return signal(symbol, Zone.EXTREME, **changes)
