"""What holds for every exchange in the table."""

import re

import pytest

from funding.exchanges.exchange import Exchange, Options
from funding.exchanges.table import EXCHANGES

OPTIONS = Options("wss://stream.test", "https://rest.test", "https://unified.test")


@pytest.mark.parametrize("exchange", EXCHANGES.values(), ids=EXCHANGES.keys())
def test_an_exchange_has_sensible_facts(exchange: Exchange) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9-]{1,20}", exchange.name)
    assert EXCHANGES[exchange.name] is exchange
    assert 0 < exchange.limits.own < exchange.limits.weight
    assert exchange.stream(OPTIONS) is not None
    assert exchange.rest(OPTIONS) is not None
    assert not any(map(exchange.is_symbol, ("a b", "", "a,b", "a/b", "x" * 100)))
    assert exchange.title
