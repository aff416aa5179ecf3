"""Hyperliquid's facts."""

from funding.exchanges.hyperliquid.exchange import HYPERLIQUID


def test_event_time_is_the_time_of_receipt() -> None:
    assert not HYPERLIQUID.event_times
    assert HYPERLIQUID.stall_seconds == 10
    assert HYPERLIQUID.is_symbol("xyz:NVDA")
    assert HYPERLIQUID.is_symbol("kPEPE")
