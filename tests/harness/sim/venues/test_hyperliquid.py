"""The stand-in for Hyperliquid: contexts, errors, builder markets and history."""

from __future__ import annotations

from typing import Any

import pytest

from tests.harness.sim.exchange import Exchange, lost
from tests.harness.sim.venues.conftest import Connect, Socket, fault


def info(exchange: Exchange, **asked: object) -> Any:
    status, body, _ = exchange.call("/hyperliquid/info", "POST", asked)
    assert status == 200, body
    return body


def subscribe(client: Socket, coin: str) -> None:
    client.send({"method": "subscribe", "subscription": {"type": "activeAssetCtx", "coin": coin}})


def is_context(message: Any) -> bool:
    return isinstance(message, dict) and message["channel"] == "activeAssetCtx"


def test_context_is_that_of_rest_and_carries_no_time(exchange: Exchange, connect: Connect) -> None:
    client = connect("/hyperliquid/ws")
    assert client.next() == "Websocket connection established."
    subscribe(client, "BTC")
    assert client.next()["channel"] == "subscriptionResponse"
    context = client.next(is_context)["data"]["ctx"]
    meta, contexts = info(exchange, type="metaAndAssetCtxs")
    assert meta["universe"][0]["name"] == "BTC"
    assert float(contexts[0]["markPx"]) == pytest.approx(float(context["markPx"]), rel=0.01)
    assert not {"time", "T", "E"} & set(context)


def test_pings_are_answered(connect: Connect) -> None:
    client = connect("/hyperliquid/ws")
    client.send({"method": "ping"})
    assert client.next(lambda one: isinstance(one, dict)) == {"channel": "pong"}


@pytest.mark.parametrize("coin", ["NOSUCH", "btc", "ETH"])
def test_unknown_coin_drops_the_whole_socket(
    exchange: Exchange, connect: Connect, coin: str
) -> None:
    fault(exchange, "hyperliquid", unknown_coins=["ETH"])
    client = connect("/hyperliquid/ws")
    subscribe(client, "BTC")
    client.next(is_context)
    subscribe(client, coin)
    lost(client.connection)


def test_second_subscription_is_an_error_frame(exchange: Exchange, connect: Connect) -> None:
    client = connect("/hyperliquid/ws")
    subscribe(client, "BTC")
    subscribe(client, "BTC")
    message = client.next(lambda one: isinstance(one, dict) and one["channel"] == "error")
    assert "Already subscribed" in message["data"]
    fault(exchange, "hyperliquid", error_frame=True)
    message = client.next(lambda one: isinstance(one, dict) and one["channel"] == "error")
    assert "2000 messages" in message["data"]


def test_delisted_coins_are_in_meta(exchange: Exchange) -> None:
    meta, contexts = info(exchange, type="metaAndAssetCtxs")
    delisted = [number for number, one in enumerate(meta["universe"]) if "isDelisted" in one]
    assert (len(meta["universe"]), len(delisted)) == (229, 39)
    assert {contexts[number]["premium"] for number in delisted} == {None}
    assert any(one["name"].startswith("k") for one in meta["universe"])


def test_builder_market_comes_and_goes(exchange: Exchange, connect: Connect) -> None:
    assert info(exchange, type="perpDexs")[0] is None
    meta, _ = info(exchange, type="metaAndAssetCtxs", dex="xyz")
    client = connect("/hyperliquid/ws")
    subscribe(client, meta["universe"][0]["name"])
    client.next(is_context)
    fault(exchange, "hyperliquid", dex_fails=True)
    asked = {"type": "meta", "dex": "xyz"}
    assert exchange.call("/hyperliquid/info", "POST", asked)[0] == 500
    fault(exchange, "hyperliquid", dex_gone=True)
    assert info(exchange, type="perpDexs") == [None]


def test_history_has_five_hundred_rows_from_the_start(exchange: Exchange) -> None:
    since = 1_790_000_000_000
    rows = info(exchange, type="fundingHistory", coin="BTC", startTime=since)
    times = [row["time"] for row in rows]
    assert 495 < len(rows) <= 500
    assert times == sorted(times)
    assert since <= times[0] < since + 2 * 3_600_000
    assert all(0 <= each % 3_600_000 <= 261 for each in times)
