"""The report's own table of exchanges agrees with that of the programs."""

import pytest

from funding.exchanges.kucoin.rest import PERPETUAL
from funding.exchanges.table import EXCHANGES as PROGRAMS
from funding.health.facts import ingest_program
from validation.errors import NoReport
from validation.exchanges import EXCHANGES, Exchange, exchange_of
from validation.read.audit import ingest_of


def test_both_know_the_same_exchanges() -> None:
    assert list(EXCHANGES) == list(PROGRAMS)
    with pytest.raises(NoReport, match="'mtgox' is none of binance, binance-coinm, kucoin"):
        exchange_of("mtgox")


@pytest.mark.parametrize("each", EXCHANGES.values(), ids=EXCHANGES)
def test_what_both_say_is_the_same(each: Exchange) -> None:
    program = PROGRAMS[each.name]
    assert each.min_symbols == program.min_symbols <= each.listed
    assert each.carrier == program.carried_by
    assert ingest_of(each) == ingest_program(each.carrier or each.name).removeprefix("funding:")
    assert program.control_symbol in each.largest <= each.majors
    assert all(map(program.is_symbol, each.majors))
    assert not any(map(each.foreign.fullmatch, each.majors))
    assert not any(map(each.closing.fullmatch, each.majors))
    assert each.usual_hours in each.hours
    # Only whose messages come as whole frames names the tick of a value, in REST, too.
    assert each.same_ticks is not program.small_messages


def test_closing_markets_are_known_by_their_names() -> None:
    assert EXCHANGES["backpack"].closing.fullmatch("AAPL.US_USDC_PERP")
    assert EXCHANGES["hyperliquid"].closing.fullmatch("xyz:NVDA")
    assert EXCHANGES["binance"].foreign.fullmatch("BTCUSD_PERP")
    assert EXCHANGES["kucoin"].perpetual == PERPETUAL
