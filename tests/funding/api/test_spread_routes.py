"""The spreads of all assets across exchanges."""

import csv
from typing import Any

import pytest

from tests.funding.api.test_compare_routes import LISTED
from tests.support.api_world import BTC, ETH, World, plain, refused
from tests.support.wsgi import ask

HOUR = 3_600


@pytest.fixture
def two(world: World) -> World:
    """BTC and ETH, at 8 hours on one exchange and at half that interval on another."""
    world.copy_to_kucoin("BTCUSDT", "ETHUSDT")
    for exchange, hours in (("binance", 8), ("kucoin", 4)):
        listed = LISTED.format(exchange, "TRADING", 1, hours)
        world.execute(listed, listed.replace("BTC", "ETH"))
    return world


def bar(world: World, exchange: str, symbol: str, hours_ago: int, rate: float) -> None:
    start = int(world.wall) // HOUR * HOUR - hours_ago * HOUR
    world.execute(
        "INSERT INTO bar (exchange, symbol, period, start, open, high, low, close, rate_close,"
        f" quotes) VALUES ('{exchange}', '{symbol}', {HOUR}, {start}, 1, 1, 1, 1, {rate}, 60)"
    )


def spreads(world: World, query: str = "") -> Any:
    answer = ask(world.app(), f"/funding/spreads{query}")
    assert answer.status == 200
    plain(answer)
    return answer.json


def test_each_asset_has_its_widest_spread(two: World) -> None:
    found = spreads(two)
    assert (found["total"], found["truncated"]) == (2, False)
    rows = {row["asset"]: row for row in found["data"]}
    btc, eth = rows["BTC"], rows["ETH"]
    assert (btc["highExchange"], btc["lowExchange"]) == ("kucoin", "binance")
    assert (eth["highExchange"], eth["lowExchange"]) == ("binance", "kucoin")  # it is negative
    assert BTC.funding_rate is not None
    assert ETH.funding_rate is not None
    assert btc["highRatePerHour"] == pytest.approx(BTC.funding_rate / 4)
    assert btc["ratePerHour"] == pytest.approx(BTC.funding_rate / 8)
    assert eth["annualizedRate"] == pytest.approx(-ETH.funding_rate / 8 * 8760)
    assert btc["highMarkPrice"] == btc["lowMarkPrice"] == BTC.mark_price
    assert (btc["highSymbol"], btc["lowQuoteAsset"], btc["since"]) == ("BTCUSDT", "USDT", None)


def test_what_has_held_longest_comes_first(two: World) -> None:
    for hours, ours, theirs in ((1, 8.0, 4.4), (2, 8.0, 4.4), (3, 8.0, 4.0), (4, 8.0, 4.4)):
        bar(two, "binance", "BTCUSDT", hours, ours)
        bar(two, "kucoin", "BTCUSDT", hours, theirs)
    hour = int(two.wall) // HOUR * HOUR
    (first, second) = spreads(two)["data"]
    assert (first["asset"], first["since"]) == ("BTC", hour - HOUR)
    assert (second["asset"], second["since"]) == ("ETH", None)
    for hours in (1, 5):
        bar(two, "binance", "ETHUSDT", hours, 0.1)
        bar(two, "kucoin", "ETHUSDT", hours, 0.0)
    assert [row["asset"] for row in spreads(two)["data"]] == ["ETH", "BTC"]
    assert spreads(two)["data"][0]["since"] == hour - 4 * HOUR
    assert spreads(two, "?limit=1") | {"data": 0} == {"total": 1, "truncated": True, "data": 0}


def test_what_has_turned_within_the_hour_holds_since_its_begin(two: World) -> None:
    for hours in (1, 2):
        bar(two, "binance", "BTCUSDT", hours, 8.0)
        bar(two, "kucoin", "BTCUSDT", hours, 0.1)
    (first, _) = spreads(two)["data"]
    assert (first["asset"], first["since"]) == ("BTC", int(two.wall) // HOUR * HOUR)


def test_the_past_is_read_again_with_each_hour(two: World) -> None:
    app = two.app()
    ask(app, "/funding/spreads")
    two.later(HOUR)
    two.frame(BTC, ETH)
    bar(two, "binance", "BTCUSDT", 1, 0.0)
    bar(two, "kucoin", "BTCUSDT", 1, 1.0)
    two.execute(f"UPDATE quote SET received_uptime = {two.uptime}")
    first = ask(app, "/funding/spreads").json["data"][0]
    assert (first["asset"], first["since"]) == ("BTC", int(two.wall) // HOUR * HOUR)


def test_spreads_as_csv(two: World) -> None:
    answer = ask(two.app(), "/funding/spreads?format=csv")
    rows = list(csv.DictReader(answer.body.decode().splitlines()))
    assert [row["since"] for row in rows] == ["", ""]


def test_not_ready_before_there_is_a_database(bare: World) -> None:
    refused(ask(bare.app(), "/funding/spreads"), 503, "not ready")
