"""What holds for every exchange in the table."""

import re
from contextlib import suppress

import pytest

from funding.errors import RestUnreachable
from funding.exchanges.binance.exchange import BINANCE
from funding.exchanges.binance.rest import ROUTES as BINANCE_ROUTES
from funding.exchanges.exchange import Conversation, Exchange, Options, Reply, Request, converse
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


def routes_of(exchange: Exchange) -> set[str]:
    """The names under which the first call of each question is counted."""
    rest, found = exchange.rest(OPTIONS), set()

    def ask(request: Request) -> Reply:
        found.add(request.route)
        raise RestUnreachable("test")

    symbol = exchange.control_symbol
    questions: list[Conversation[object]] = [
        rest.contracts(0.0), rest.history(symbol, 0, 1), rest.snapshot(), rest.one(symbol)
    ]  # fmt: skip
    for question in questions:
        with suppress(RestUnreachable):
            converse(question, ask)
    return found


def test_no_two_exchanges_count_calls_under_one_name() -> None:
    """Column `exchange` of table `rest_usage` is not in its key."""
    routes = [
        *BINANCE_ROUTES,
        *(r for e in EXCHANGES.values() if e is not BINANCE for r in routes_of(e)),
    ]
    assert len(routes) > 20
    assert len(routes) == len(set(routes))
