"""Backpack's facts."""

from funding.exchanges.backpack.exchange import BACKPACK


def test_symbols_have_dots_and_small_letters() -> None:
    assert BACKPACK.is_symbol("AAPL.US_USDC_PERP")
    assert BACKPACK.is_symbol("kPEPE_USDC_PERP")
    assert BACKPACK.event_times
