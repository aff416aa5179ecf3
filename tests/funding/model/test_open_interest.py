"""Samples of open interest."""

from funding.model.open_interest import Sample


def test_a_notional_needs_a_mark_price() -> None:
    assert Sample(0.0, "BTCUSDT", 10.0, 2.5).notional == 25.0
    assert Sample(0.0, "BTCUSDT", 10.0, None).notional is None
