"""Mode parallel: who is asked, what is compared, and whose quote is the answer."""

import json
from pathlib import Path

import pytest

from funding.runtime.clock import SYSTEM
from tests.support.api_and_ingest import World
from tests.support.clients import (
    API_QUOTE,
    Clients,
    api_all,
    api_row,
    api_stale,
    rest_body,
)
from tests.support.clock import rows
from tests.support.http_script import reply, scripted, sends


def test_both_are_asked_and_the_services_quote_is_the_answer(
    world: World, make: Clients, database: Path
) -> None:
    client, calls = make("parallel"), world.exchange.calls()
    found = client.get("btcusdt")
    assert found is not None
    assert (found.symbol, found.source) == ("BTCUSDT", "websocket")
    assert world.exchange.calls() == calls + 1
    mark, rate, index = make.compared()
    assert mark[:3] == ("test", "BTCUSDT", "mark_price")
    assert rate[:3] == ("test", "BTCUSDT", "funding_rate")
    assert index[:3] == ("test", "BTCUSDT", "index_price")
    assert {mark[5], rate[5], index[5]} == {"match"}


def test_all_are_compared_in_one_call(world: World, make: Clients, database: Path) -> None:
    client, calls = make("parallel"), world.exchange.calls()
    everything = client.get_all()
    assert sorted(everything) == sorted(world.symbols)
    assert {each.source for each in everything.values()} == {"websocket"}
    assert all(symbol == each.symbol for symbol, each in everything.items())
    assert world.exchange.calls() == calls + 1
    assert rows(database, "SELECT sum(weight) FROM rest_usage") == [(10,)]
    found = make.compared()
    assert len(found) == 3 * len(world.symbols)
    assert {each[5] for each in found} == {"match"}


def test_stale_quotes_are_compared_too(world: World, make: Clients, database: Path) -> None:
    with scripted(sends(api_stale())) as server:
        found = make("parallel", FUNDING_API_PORT=server.port).get("BTCUSDT")
    assert found is not None
    assert found.source == "rest"
    assert [each[3] for each in make.compared()] == [100.5, 0.0001, 100.25]
    assert rows(database, "SELECT DISTINCT explained FROM comparison") == [(1,)]
    events = rows(database, "SELECT source, kind, detail FROM event")
    assert ("test", "significant") in {event[:2] for event in events}


def test_the_service_is_read_before_and_after_rest(
    world: World, make: Clients, database: Path
) -> None:
    price = float(json.loads(rest_body(world, "BTCUSDT"))["markPrice"])
    now = int(SYSTEM.wall() * 1000)
    early, late = (
        reply(200, json.dumps(api_row() | {"eventTime": now + at, "markPrice": value}).encode())
        for at, value in ((-3_600_000, 1.0), (0, price))
    )
    with scripted(sends(early), sends(late)) as server:
        found = make("parallel", FUNDING_API_PORT=server.port).get("BTCUSDT")
        assert server.paths == ["/funding/BTCUSDT"] * 2
    assert found is not None
    assert found.mark_price == price
    assert [each[3] for each in make.compared()][:2] == [price, 0.0001]


@pytest.mark.parametrize("fails_first", [True, False])
def test_either_reading_of_the_service_will_do(
    world: World, make: Clients, database: Path, fails_first: bool
) -> None:
    fails = sends(reply(500))
    for answer in (API_QUOTE, api_all(api_row(stale=False))):
        turns = (fails, sends(answer)) if fails_first else (sends(answer), fails)
        with scripted(*turns) as server:
            client = make("parallel", FUNDING_API_PORT=server.port)
            assert client.get("BTCUSDT") if answer is API_QUOTE else client.get_all()
            assert len(server.asked) == 2
    prices = [each[3] for each in make.compared() if each[1:3] == ("BTCUSDT", "mark_price")]
    assert prices == [100.5, 100.5]


def test_a_symbol_on_one_side_is_a_comparison(world: World, make: Clients, database: Path) -> None:
    client = make("parallel")
    with world.exchange.faults(rest_missing=["BTCUSDT"], list=["NEWUSDT"], delist=["NEWUSDT"]):
        here, there = client.get("BTCUSDT"), client.get("NEWUSDT")
    assert here is not None
    assert there is not None
    assert (here.source, there.source) == ("websocket", "rest")
    found = make.compared()
    assert [each[1:3] for each in found if each[4] is None] == [
        ("BTCUSDT", "mark_price"),
        ("BTCUSDT", "funding_rate"),
        ("BTCUSDT", "index_price"),
    ]
    assert {each[1] for each in found if each[3] is None} == {"NEWUSDT"}
    assert {each[5] for each in found} == {"mismatch"}
