"""KuCoin's facts."""

from funding.exchanges.kucoin.exchange import KUCOIN


def test_symbols_have_no_small_letters() -> None:
    assert KUCOIN.is_symbol("XBTUSDTM")
    assert not KUCOIN.is_symbol("xbtusdtm")
    assert KUCOIN.event_times
