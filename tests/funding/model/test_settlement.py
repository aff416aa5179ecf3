"""A settlement is regular unless the exchange says otherwise."""

from funding.model.settlement import REGULAR, Settlement


def test_settlement_is_regular_and_has_no_price_unless_told() -> None:
    row = Settlement("BTCUSDT", 1_791_302_400_002, 0.0001)
    assert (row.mark_price, row.rate_type) == (None, REGULAR)
