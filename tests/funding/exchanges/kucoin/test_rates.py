"""What is shown of funding beside a price."""

from funding.exchanges.kucoin.rates import OUTDATED_MS, Funding, Rates
from funding.model.quote import MAX_SYMBOLS

AT, DUE = 1_790_000_000_000, 1_790_006_400_000
NONE = Funding(None, None, 0)


def test_rate_is_shown_while_it_is_not_outdated() -> None:
    rates = Rates()
    rates.learn("XBTUSDTM", Funding("0.0001", DUE, AT))
    assert rates.of("XBTUSDTM", AT + OUTDATED_MS) == Funding("0.0001", DUE, AT)
    assert rates.of("XBTUSDTM", AT + OUTDATED_MS + 1) == NONE
    assert rates.of("ETHUSDTM", AT) == NONE


def test_feed_without_the_next_time_leaves_the_known_one() -> None:
    rates = Rates()
    rates.learn("XBTUSDTM", Funding("0.0001", DUE, AT))
    rates.learn("XBTUSDTM", Funding(0.0002, None, AT + 1))
    assert rates.of("XBTUSDTM", AT) == Funding(0.0002, DUE, AT + 1)
    rates.learn("XBTUSDTM", Funding(0.0002, DUE + 1, AT + 2))
    assert rates.of("XBTUSDTM", AT).due_ms == DUE + 1


def test_flood_of_names_fills_no_memory() -> None:
    rates = Rates()
    for number in range(MAX_SYMBOLS + 10):
        rates.learn(f"X{number}", Funding("0", None, AT))
    assert rates.of(f"X{MAX_SYMBOLS - 1}", AT) != NONE
    assert rates.of(f"X{MAX_SYMBOLS + 9}", AT) == NONE
