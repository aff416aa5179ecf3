"""The stand-in for Backpack: the stream and REST."""

from __future__ import annotations

import time

import pytest

from tests.harness.sim.exchange import DEADLINE, Exchange, is_silent
from tests.harness.sim.venues.conftest import Connect, fault

RATES = "/backpack/api/v1/fundingRates?symbol=BTC_USDC_PERP"


def test_marks_carry_microseconds_and_a_next_time_in_ms(connect: Connect) -> None:
    client = connect("/backpack/ws")
    names = ["markPrice.BTC_USDC_PERP", "markPrice.NOSUCH_USDC_PERP"]
    client.send({"method": "SUBSCRIBE", "params": names})
    message = client.next()
    assert message["stream"] == "markPrice.BTC_USDC_PERP"
    row = message["data"]
    assert abs(row["E"] / 1e6 - time.time()) < DEADLINE
    assert row["n"] % 3_600_000 == 0
    assert 0 < row["n"] / 1000 - row["T"] / 1e6 <= 3600


def test_fields_may_be_absent(exchange: Exchange, connect: Connect) -> None:
    fault(exchange, "backpack", absent_fields=["BTC_USDC_PERP"])
    client = connect("/backpack/ws")
    client.send({"method": "SUBSCRIBE", "params": ["markPrice.BTC_USDC_PERP"]})
    assert set(client.next()["data"]) == {"E", "T", "e", "p", "s"}


def test_name_of_no_stream_is_an_error(connect: Connect) -> None:
    client = connect("/backpack/ws")
    client.send({"method": "SUBSCRIBE", "params": ["nothing"]})
    assert client.next() == {"id": None, "error": {"code": 4006, "message": "Invalid stream"}}


def test_closed_market_is_silent(exchange: Exchange, connect: Connect) -> None:
    markets = exchange.get("/backpack/api/v1/markets")
    closed = [one["symbol"] for one in markets if one["orderBookState"] == "Closed"]
    assert closed
    client = connect("/backpack/ws")
    client.send({"method": "SUBSCRIBE", "params": [f"markPrice.{closed[0]}"]})
    assert is_silent(client.connection, ticks=25)


def test_markets_alone_know_the_interval(exchange: Exchange) -> None:
    markets = exchange.get("/backpack/api/v1/markets")
    perpetuals = [one for one in markets if one["marketType"] == "PERP"]
    assert {one["fundingInterval"] for one in perpetuals} == {3_600_000}
    prices = exchange.get("/backpack/api/v1/markPrices")
    assert {one["symbol"] for one in prices} == {one["symbol"] for one in perpetuals}
    assert len(prices) == 92


def test_cache_says_its_age(exchange: Exchange) -> None:
    fault(exchange, "backpack", age_seconds=90)
    _, _, headers = exchange.call("/backpack/api/v1/markPrices")
    assert headers["Age"] == "90"


def test_history_begins_with_the_running_interval_and_pages_back(exchange: Exchange) -> None:
    before = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    first = exchange.get(f"{RATES}&limit=3")
    second = exchange.get(f"{RATES}&limit=3&offset=3")
    times = [row["intervalEndTimestamp"] for row in [*first, *second]]
    assert times == sorted(times, reverse=True)
    assert len(set(times)) == 6
    assert times[0] > before > times[2]


@pytest.mark.parametrize("path", ["fundingRates", "markPrices?symbol=NOSUCH", "nothing"])
def test_other_requests_are_refused(exchange: Exchange, path: str) -> None:
    assert exchange.call(f"/backpack/api/v1/{path}")[0] in (400, 404)
