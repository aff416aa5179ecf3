"""The stand-in for KuCoin: both feeds and REST."""

from __future__ import annotations

import time
from typing import Any

import pytest
import websocket

from tests.harness.sim.exchange import DEADLINE, Exchange, closing
from tests.harness.sim.venues.conftest import Connect, Socket, fault

HISTORY = "/kucoin/api/v1/contract/funding-rates"


def token(exchange: Exchange) -> str:
    status, body, _ = exchange.call("/kucoin/api/v1/bullet-public", "POST", {})
    assert (status, body["code"]) == (200, "200000")
    assert body["data"]["instanceServers"][0]["endpoint"].endswith("/kucoin/classic")
    return str(body["data"]["token"])


def subscribe(client: Socket, channel: str, *symbols: str) -> Any:
    client.send({"id": "7", "action": "subscribe", "channel": channel, "symbols": symbols})
    return client.next(lambda one: one.get("id") == "7")["result"]


def test_push_marks_are_strings_with_nanoseconds(exchange: Exchange, connect: Connect) -> None:
    client = connect("/kucoin/push")
    assert subscribe(client, "mark-price", "XBTUSDTM", "NOSUCHUSDTM")
    message = client.next(lambda one: one.get("T") == "mark-price")
    assert message["d"]["s"] == "XBTUSDTM"
    assert isinstance(message["d"]["mp"], str)
    assert abs(message["P"] / 1e9 - time.time()) < DEADLINE
    binance = float(exchange.rest("premiumIndex?symbol=BTCUSDT")["markPrice"])
    assert float(message["d"]["mp"]) == pytest.approx(binance, rel=0.002)


def test_push_tells_all_fees_at_once(connect: Connect) -> None:
    client = connect("/kucoin/push")
    assert subscribe(client, "funding-fee-all-symbols")
    rows = client.next(lambda one: one.get("T") == "funding-fee-all-symbols")["d"]
    assert len(rows) > 600
    assert rows[0]["s"] == "XBTUSDTM"
    assert rows[0]["nt"] - rows[0]["ft"] == rows[0]["gl"] == 28_800_000


def test_push_refuses_too_many_symbols(connect: Connect) -> None:
    client = connect("/kucoin/push")
    assert not subscribe(client, "mark-price", *(f"A{number}USDTM" for number in range(101)))
    for hundred in range(6):
        names = [f"A{hundred}{number}USDTM" for number in range(100)]
        assert subscribe(client, "mark-price", *names)
    assert not subscribe(client, "mark-price", "XBTUSDTM")


def test_push_may_refuse_and_classic_serves(exchange: Exchange, connect: Connect) -> None:
    fault(exchange, "kucoin", refuse_push=True)
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        connect("/kucoin/push")
    client = connect(f"/kucoin/classic?token={token(exchange)}&connectId=9")
    assert client.next() == {"id": "9", "type": "welcome"}
    topic = "/contract/instrument:XBTUSDTM,ETHUSDTM"
    client.send({"id": 1, "type": "subscribe", "topic": topic, "response": True})
    assert client.next() == {"id": 1, "type": "ack"}
    found = {"mark.index.price", "funding.rate"}
    while found:
        message = client.next(lambda one: one.get("topic") == "/contract/instrument:XBTUSDTM")
        assert "symbol" not in message["data"]
        found.discard(message["subject"])


def test_token_is_good_for_one_connection(exchange: Exchange, connect: Connect) -> None:
    address = f"/kucoin/classic?token={token(exchange)}"
    assert connect(address).next()["type"] == "welcome"
    second = connect(address)
    assert second.next()["data"] == "token is invalid"
    assert closing(second.connection)[0] == 1000


def test_expired_token_is_refused(exchange: Exchange, connect: Connect) -> None:
    address = f"/kucoin/classic?token={token(exchange)}"
    fault(exchange, "kucoin", token_seconds=0)
    assert connect(address).next()["type"] == "error"


def test_contracts_have_a_countdown_and_an_instant(exchange: Exchange) -> None:
    rows = exchange.get("/kucoin/api/v1/contracts/active")["data"]
    row = rows[0]
    assert 0 < row["nextFundingRateTime"] <= row["fundingRateGranularity"]
    assert row["nextFundingRateDateTime"] % 3_600_000 == 0
    assert row["nextFundingRateDateTime"] > (time.time() - DEADLINE) * 1000
    assert any(one["currentFundingRateGranularity"] is None for one in rows)


def test_history_has_a_hundred_rows_at_most(exchange: Exchange) -> None:
    now = int(time.time() * 1000)
    path = f"{HISTORY}?symbol=XBTUSDTM&from={now - 60 * 86_400_000}&to={now}"
    rows = exchange.get(path)["data"]
    times = [row["timepoint"] for row in rows]
    assert len(rows) == 100
    assert times == sorted(times, reverse=True)
    assert exchange.get(f"{HISTORY}?symbol=NOSUCH&from=1&to=2")["code"] == "300000"


def test_announced_intervals_and_index_names(exchange: Exchange) -> None:
    fault(exchange, "kucoin", new_granularity={"XBTUSDTM": 4})
    rows = exchange.get("/kucoin/api/ua/v2/market/funding-rate")["data"]
    assert rows[0]["newGranularity"] == 14_400_000 != rows[0]["currentGranularity"]
    assert rows[-1]["symbol"].startswith(".")
