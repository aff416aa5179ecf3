"""What all venues of the stand-in share: faults, and one market for all of them."""

from __future__ import annotations

import pytest
import websocket

from harness.processes import until
from harness.sim.contracts import default_contracts
from harness.sim.venues import listings
from harness.sim.venues.venue import decimal
from harness.sim.world import World
from tests.harness.sim.exchange import Exchange, closing, is_silent, lost
from tests.harness.sim.venues.conftest import Connect, Socket, fault

AT = 1_790_000_123_000


def marks(connect: Connect) -> Socket:
    client = connect("/backpack/ws")
    client.send({"method": "SUBSCRIBE", "params": ["markPrice.BTC_USDC_PERP"]})
    client.next()
    return client


def test_silence_keeps_the_socket(exchange: Exchange, connect: Connect) -> None:
    client = marks(connect)
    fault(exchange, "backpack", silence=True)
    until(lambda: is_silent(client.connection, ticks=25), "nothing comes")
    fault(exchange, "backpack", silence=None)
    assert client.next()["data"]["s"] == "BTC_USDC_PERP"


def test_error_is_told_and_ends_nothing(exchange: Exchange, connect: Connect) -> None:
    client = marks(connect)
    fault(exchange, "backpack", error_frame=True)
    assert client.next(lambda message: "error" in message)["error"]["code"] == 4006
    assert client.next()["data"]["s"] == "BTC_USDC_PERP"


def test_freeze_repeats_values_and_times(exchange: Exchange, connect: Connect) -> None:
    client = marks(connect)
    fault(exchange, "backpack", freeze=True)
    until(lambda: client.next() == client.next(), "two equal messages")


def test_lie_is_in_the_stream_alone(exchange: Exchange, connect: Connect) -> None:
    fault(exchange, "backpack", scale=2)
    told = float(marks(connect).next()["data"]["p"])
    row = exchange.get("/backpack/api/v1/markPrices?symbol=BTC_USDC_PERP")[0]
    assert told / float(row["markPrice"]) == pytest.approx(2, rel=0.02)


def test_connections_end_as_ordered(exchange: Exchange, connect: Connect) -> None:
    client = marks(connect)
    fault(exchange, "backpack", close={"code": 1012, "reason": "restart"})
    assert closing(client.connection) == (1012, "restart")
    client = marks(connect)
    fault(exchange, "backpack", abort=True)
    lost(client.connection)
    fault(exchange, "backpack", refuse=True)
    with pytest.raises(websocket.WebSocketBadStatusException, match="503"):
        connect("/backpack/ws")


def test_faults_of_one_venue_touch_no_other(exchange: Exchange) -> None:
    fault(exchange, "backpack", rest_status=429, rest_retry_after=7)
    status, _, headers = exchange.call("/backpack/api/v1/markPrices")
    assert (status, headers["Retry-After"]) == (429, "7")
    assert exchange.call("/kucoin/api/v1/contracts/active")[0] == 200
    assert exchange.call("/fapi/v1/premiumIndex")[0] == 200
    exchange.faults(drop_connections=True)
    assert exchange.call("/kucoin/api/v1/contracts/active")[0] == 200


def test_unknown_fault_is_refused(exchange: Exchange) -> None:
    status, body, _ = exchange.call("/sim/kucoin/faults", "POST", {"nothing": True})
    assert status == 400
    assert "unknown fault 'nothing'" in body["error"]


def test_all_venues_show_one_market() -> None:
    world = World(default_contracts(seed=1, main=745, tradfi=217), seed=1)
    made = (
        listings.kucoin(world, 682), listings.hyperliquid(world, 229, 39),
        listings.backpack(world, 92),
    )  # fmt: skip
    theirs = world.motions["1000PEPEUSDT"].figures(AT).mark_price
    for each, symbol, scale in zip(
        made, ("PEPEUSDTM", "kPEPE", "kPEPE_USDC_PERP"), (0.001, 1, 1), strict=True
    ):
        found = next(one for one in each if one.symbol == symbol).figures(AT)
        assert found.mark_price == pytest.approx(theirs * scale, rel=0.001)
        symbols = [one.symbol for one in each]
        assert len(symbols) == len(set(symbols))
    assert [len(each) for each in made] == [682, 229, 92]


def test_settlements_are_the_rates_of_their_instants() -> None:
    world = World(default_contracts(seed=1, main=745, tradfi=217), seed=1)
    one = listings.hyperliquid(world, 4, 0)[0]
    rows = list(one.settlements(AT, AT + 86_400_000))
    assert len(rows) == 24
    assert all(at % 3_600_000 == 0 and rate == one.figures(at).rate for at, rate in rows)


@pytest.mark.parametrize("value", [89_774.99253, 0.000004577643903299, 1e-9, 0.0, 1.0])
def test_decimals_have_no_exponent(value: float) -> None:
    text = decimal(value)
    assert "e" not in text
    assert float(text) == pytest.approx(value, rel=1e-9)
