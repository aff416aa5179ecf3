"""Binance through the interface that all exchanges share: paging, and rows that are refused."""

import json
from typing import Any

import pytest

from funding.errors import RestGarbled
from funding.exchanges.binance import exchange
from funding.exchanges.exchange import Options, Request
from funding.model.contract import ContractStatus
from funding.model.settlement import Settlement
from tests.support.conversations import asked
from tests.support.rest_group import PREMIUM

OPTIONS = Options("wss://stream.test/market", "https://rest.test")
REST = exchange.BinanceRest(OPTIONS)
HOUR = 3_600_000


def row(time: int, rate: str = "0.0001", **other: Any) -> dict[str, Any]:
    return {"symbol": "BTCUSDT", "fundingTime": time, "fundingRate": rate, **other}


def page_of(rows: list[dict[str, Any]], request: Request) -> list[dict[str, Any]]:
    since, until = (int(request.parameters[name]) for name in ("startTime", "endTime"))
    found = [each for each in rows if since <= each["fundingTime"] <= until]
    return found[: int(request.parameters["limit"])]


def test_history_is_asked_for_page_by_page() -> None:
    rows = [row(n * HOUR + n % 3) for n in range(1, 2_501)]
    found, requests = asked(
        REST.history("BTCUSDT", 0, 10_000 * HOUR), lambda request: page_of(rows, request)
    )
    assert [each.funding_time for each in found] == [each["fundingTime"] for each in rows]
    assert [request.parameters["startTime"] for request in requests] == [
        *("0", str(1_000 * HOUR + 1_000 % 3), str(1_999 * HOUR + 1_999 % 3))
    ]
    assert requests[0].url == "https://rest.test/fapi/v1/fundingRate"
    assert requests[0].weight == 0


def test_history_that_repeats_its_page_ends() -> None:
    rows = [row(HOUR)] * 1_000
    found, requests = asked(REST.history("BTCUSDT", HOUR, 2 * HOUR), lambda _: rows)
    assert found == [Settlement("BTCUSDT", HOUR, 0.0001)]
    assert len(requests) == 2


def test_special_settlement_stands_beside_the_regular_one() -> None:
    rows = [row(HOUR), row(HOUR, "0.002", rateType="Special", markPrice="85.5")]
    found, _ = asked(REST.history("BTCUSDT", 0, 2 * HOUR), lambda _: rows)
    assert found[1] == Settlement("BTCUSDT", HOUR, 0.002, 85.5, "Special")
    assert found[0].mark_price is None


@pytest.mark.parametrize("bad", [{"symbol": "ETHUSDT"}, {"fundingRate": "nan"}, {"fundingRate": 1}])
def test_history_of_another_symbol_or_form_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(RestGarbled):
        asked(REST.history("BTCUSDT", 0, 2 * HOUR), lambda _: [{**row(HOUR), **bad}])


def answers(request: Request) -> Any:
    listed = {"symbol": "BTCUSDT", "contractType": "PERPETUAL", "status": "TRADING"}
    return {
        "exchangeInfo": {"symbols": [{**listed, "quoteAsset": "USDT", "baseAsset": "BTC"}]},
        "fundingInfo": [{"symbol": "BTCUSDT", "fundingIntervalHours": 4}],
        "premiumIndex": [PREMIUM, {**PREMIUM, "symbol": "OLDUSDT"}],
    }[request.route]


def test_contracts_are_those_listed_and_those_quoted() -> None:
    found, requests = asked(REST.contracts(5.0), answers)
    assert [(each.symbol, each.status, each.funding_interval_hours) for each in found] == [
        ("BTCUSDT", ContractStatus.TRADING, 4),
        ("OLDUSDT", ContractStatus.UNKNOWN, None),
    ]
    assert [request.weight for request in requests] == [1, 0, 10]
    with pytest.raises(RestGarbled, match="no contract"):
        asked(REST.contracts(5.0), lambda _: {"symbols": []})


@pytest.mark.parametrize(
    "wrong",
    [
        {"markPrice": "9007199254740993"},
        {"markPrice": "0"},
        {"indexPrice": "-1"},
        {"lastFundingRate": "1.5"},
        {"time": 7},
        {"symbol": "A,B"},
    ],
)
def test_snapshot_leaves_out_what_cannot_be_true(wrong: dict[str, Any]) -> None:
    found, _ = asked(REST.snapshot(), lambda _: [{**PREMIUM, **wrong}, PREMIUM])
    assert [each.symbol for each in found] == ["BTCUSDT"]


def test_snapshot_has_the_quotes_of_all_symbols() -> None:
    found, _ = asked(REST.snapshot(), answers)
    assert [each.symbol for each in found] == ["BTCUSDT", "OLDUSDT"]
    assert found[0].event_time == PREMIUM["time"]
    with pytest.raises(RestGarbled):
        asked(REST.snapshot(), lambda _: b"<html>")
    with pytest.raises(RestGarbled, match="no price"):
        asked(REST.one("BTCUSDT"), lambda _: b"[]")


def test_stream_has_one_connection_and_sends_nothing() -> None:
    stream = exchange.BINANCE.stream(OPTIONS)
    plan, _ = asked(stream.plan(0.0), answers)
    opening, _ = asked(stream.open(plan.connections[0]), answers)
    assert (plan.connections, opening.url, opening.subscriptions) == ([()], OPTIONS.ws_url, ())
    message = {"e": "markPriceUpdate", "E": 1_790_000_000_000, "s": "BTCUSDT", "p": "1", "i": "1"}
    frame = stream.decode(json.dumps({**message, "r": "0", "T": 0}).encode(), 0)
    assert [each.symbol for each in frame.quotes] == ["BTCUSDT"]
