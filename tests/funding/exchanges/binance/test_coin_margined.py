"""COIN-M: its rows in the frames of USD-M, and its contracts in the replies of USD-M."""

import json
from pathlib import Path
from typing import Any

import pytest

from funding.errors import RestGarbled
from funding.exchanges.binance import stream
from funding.exchanges.binance.coin_margined import COIN_MARGINED
from funding.exchanges.exchange import Options
from funding.history.fetcher import HistoryOfAll, MarkBars
from funding.model.contract import Contract, ContractStatus
from funding.model.quote import Quote
from funding.model.settlement import Settlement
from tests.support.conversations import asked

AT = 1_790_373_638_000
USD: dict[str, Any] = {
    "e": "markPriceUpdate",
    "E": AT,
    "s": "BTCUSDT",
    "p": "83732.5",
    "i": "83786.17",
    "r": "0.0001",
    "T": AT + 1_000,
    "st": 1,
}
COIN = {**USD, "s": "BTCUSD_PERP", "r": "-0.00000573", "st": 2}
REST = COIN_MARGINED.rest(Options("wss://unused", "https://dapi.test", "https://rest.test"))


def decoded(*rows: dict[str, Any]) -> Any:
    return stream.decode(json.dumps({"stream": "!markPrice@arr@1s", "data": rows}).encode())


def test_rows_of_coin_m_come_beside() -> None:
    dated = {**COIN, "s": "BTCUSD_261225", "r": "", "T": 0, "E": AT + 2}
    frame = decoded(USD, COIN, dated)
    assert [quote.symbol for quote in frame.quotes] == ["BTCUSDT"]
    assert frame.ignored["coin-margined"] == 2
    assert frame.beside is not None
    assert frame.beside.quotes == [
        Quote("BTCUSD_PERP", 83_732.5, 83_786.17, -0.00000573, AT + 1_000, AT),
        Quote("BTCUSD_261225", 83_732.5, 83_786.17, None, None, AT + 2),
    ]
    assert (frame.event_time, frame.beside.event_time) == (AT, AT)


def test_bad_row_of_coin_m_is_nobodys_trouble() -> None:
    frame = decoded(USD, {**COIN, "p": "0"}, {**COIN, "s": "a b"})
    assert (frame.rejected.total(), frame.ignored["coin-margined"]) == (0, 2)
    assert frame.beside is not None
    assert frame.beside.quotes == []
    assert decoded(USD).beside is None
    assert decoded(COIN).quotes == []


def listed(symbol: str, **changes: Any) -> dict[str, Any]:
    """A row of the documentation's example, without what is not read."""
    return {
        "symbol": symbol, "pair": "BTCUSD", "contractType": "PERPETUAL", "contractSize": 100,
        "deliveryDate": 4_133_404_800_000, "onboardDate": 1_590_739_200_000,
        "contractStatus": "TRADING", "quoteAsset": "USD", "baseAsset": "BTC", **changes,
    }  # fmt: skip


INFOS = [
    {"symbol": "BTCUSD_PERP", "fundingIntervalHours": 8, "adjustedFundingRateCap": "0.003"},
    {"symbol": "BTCUSDT", "fundingIntervalHours": 8},
]


def contracts_of(*rows: dict[str, Any]) -> tuple[list[Contract], list[str]]:
    replies = {"dapi/exchangeInfo": {"symbols": rows}, "fundingInfo of COIN-M": INFOS}
    found, requests = asked(REST.contracts(5.0), lambda request: replies[request.route])
    return found, [request.url for request in requests]


def test_contracts_are_those_of_its_own_host_with_the_intervals_of_usd_m() -> None:
    quarter = {"contractType": "CURRENT_QUARTER", "deliveryDate": 1_798_185_600_000}
    (found, dated, over), addresses = contracts_of(
        listed("BTCUSD_PERP"),
        listed("BTCUSD_261225", **quarter),
        listed("BTCUSD_200925", **quarter, contractStatus="DELIVERED"),
    )
    assert (found.symbol, found.base_asset, found.quote_asset) == ("BTCUSD_PERP", "BTC", "USD")
    assert (found.status, found.funding_interval_hours) == (ContractStatus.TRADING, 8)
    assert (found.rate_cap, found.rate_floor, found.delivery_time) == (0.003, None, None)
    assert (dated.status, dated.contract_type) == (ContractStatus.TRADING, "CURRENT_QUARTER")
    assert (dated.delivery_time, dated.funding_interval_hours) == (1_798_185_600_000, None)
    assert over.status == ContractStatus.CLOSED
    assert addresses == [
        "https://dapi.test/dapi/v1/exchangeInfo", "https://rest.test/fapi/v1/fundingInfo"
    ]  # fmt: skip


def test_list_without_contracts_is_not_believed() -> None:
    with pytest.raises(RestGarbled, match="lists no contract"):
        contracts_of()


def premium(symbol: str, **changes: Any) -> dict[str, Any]:
    row = {"markPrice": "11029.69", "indexPrice": "10979.14", "lastFundingRate": "0.00071003"}
    return {"symbol": symbol, **row, "nextFundingTime": AT + 1_000, "time": AT, **changes}


def test_prices_are_those_of_the_host_of_coin_m() -> None:
    """Dated contracts have no rate: the example of the documentation."""
    dated = premium("BTCUSD_261225", lastFundingRate="", interestRate="", nextFundingTime=0)
    found, (request,) = asked(REST.snapshot(), lambda _: [premium("BTCUSD_PERP"), dated])
    assert found == [
        Quote("BTCUSD_PERP", 11_029.69, 10_979.14, 0.00071003, AT + 1_000, AT),
        Quote("BTCUSD_261225", 11_029.69, 10_979.14, None, None, AT),
    ]
    assert (request.url, request.weight) == ("https://dapi.test/dapi/v1/premiumIndex", 10)
    one, (request,) = asked(REST.one("BTCUSD_PERP"), lambda _: [premium("BTCUSD_PERP")])
    assert one == found[0]
    assert (request.parameters, request.weight) == ({"symbol": "BTCUSD_PERP"}, 10)


def test_settled_rates_are_those_of_the_host_of_coin_m() -> None:
    settled = {"symbol": "BTCUSD_PERP", "fundingTime": AT, "fundingRate": "-0.0001"}
    rows, (request,) = asked(REST.history("BTCUSD_PERP", AT - 5, AT + 5), lambda _: [settled])
    assert rows == [Settlement("BTCUSD_PERP", AT, -0.0001)]
    assert (request.url, request.weight) == ("https://dapi.test/dapi/v1/fundingRate", 1)
    assert request.parameters["symbol"] == "BTCUSD_PERP"


def test_bars_and_rates_of_usd_m_are_not_asked_for() -> None:
    """The mark prices and the rates of all contracts that it answers are those of USD-M."""
    assert not isinstance(REST, (HistoryOfAll, MarkBars))


def test_recorded_list_has_twenty(recorded: Path) -> None:
    body = (recorded / "binance" / "fundingInfo_full_2026-07-04.json").read_bytes()
    names = [each["symbol"] for each in json.loads(body) if each["symbol"].endswith("USD_PERP")]
    info = {"symbols": [listed(name) for name in names]}
    found, _ = asked(REST.contracts(5.0), lambda request: info if "dapi" in request.url else body)
    assert len(found) == 20
    assert all(each.funding_interval_hours for each in found)
    assert COIN_MARGINED.carried_by == "binance"
