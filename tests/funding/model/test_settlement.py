"""A settlement is regular unless the exchange says otherwise."""

from funding.model.settlement import REGULAR, Settlement, StoredSettlement


def test_settlement_is_regular_and_has_no_price_unless_told() -> None:
    row = Settlement("BTCUSDT", 1_791_302_400_002, 0.0001)
    assert (row.mark_price, row.rate_type) == (None, REGULAR)


def test_a_regular_and_a_special_rate_of_one_time_are_two() -> None:
    row = StoredSettlement("binance", "AAPLUSDT", 7, REGULAR, 0.0, None, 8, "rest")
    special = row._replace(rate_type="Special")
    assert len({each[1:4] for each in (row, special)}) == 2
