"""Hyperliquid's REST replies: contracts, history page by page, and all quotes at once."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from funding.errors import RestGarbled, RestRefused, RestUnreachable
from funding.exchanges.exchange import Options, Request
from funding.exchanges.hyperliquid.rest import PAGE_ROWS, HyperliquidRest
from funding.model.asset import Aliases
from funding.model.contract import ContractStatus
from tests.support.conversations import RECEIVED_MS, asked
from tests.support.decoding import damaged

OPTIONS = Options("wss://unused", "https://rest.test", aliases=Aliases({"GOLD": "XAU"}))
REST = HyperliquidRest(OPTIONS)
HOUR = 3_600_000
START = 1_790_000_000_000 // HOUR * HOUR


def answer_of(body: bytes) -> Any:
    return lambda _request: body


def body_of(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request.body or b"")
    return found


def row(time: int, coin: str = "BTC", rate: str = "0.0000125") -> dict[str, Any]:
    return {"coin": coin, "fundingRate": rate, "time": time}


def pages_of(rows: list[dict[str, Any]], most: int = PAGE_ROWS) -> Any:
    """The exchange's own paging."""

    def answer(request: Request) -> Any:
        asking = body_of(request)
        within = [r for r in rows if asking["startTime"] <= r["time"] <= asking["endTime"]]
        return within[:most]

    return answer


@pytest.mark.parametrize("most", [PAGE_ROWS, 100])
def test_a_month_needs_more_than_one_page(most: int) -> None:
    rows = [row(START + n * HOUR + n % 261) for n in range(720)]
    until = START + 720 * HOUR
    found, requests = asked(REST.history("BTC", START, until), pages_of(rows, most))
    assert [each.funding_time for each in found] == [each["time"] for each in rows]
    assert requests[0].weight == 20 + 25
    assert len(requests) == -(-720 // most)


def test_history_ends_at_an_empty_page_and_at_one_that_repeats() -> None:
    rows = [row(START), row(START + HOUR)]
    found, requests = asked(REST.history("BTC", START, START + 99 * HOUR), pages_of(rows))
    assert (len(found), len(requests)) == (2, 2)
    found, requests = asked(REST.history("BTC", START, START + 99 * HOUR), lambda _: rows)
    assert (len(found), len(requests)) == (2, 2)


def test_rows_beyond_the_time_are_left_out() -> None:
    rows = [row(START), row(START + HOUR), row(START + 2 * HOUR)]
    found, _ = asked(REST.history("BTC", START, START + HOUR), lambda _: rows)
    assert [each.funding_time for each in found] == [START, START + HOUR]


@pytest.mark.parametrize("bad", [row(START, "ETH"), row(START, rate="1.8e11"), {"coin": "BTC"}])
def test_history_of_another_coin_or_form_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(RestGarbled):
        asked(REST.history("BTC", START, START + HOUR), lambda _: [bad])


@pytest.mark.parametrize("name", ["btc", "eth", "sol"])
def test_recorded_history(recorded: Path, name: str) -> None:
    body = (recorded / "hyperliquid" / f"fundingHistory_{name}_2026-03.json").read_bytes()
    times = [each["time"] for each in json.loads(body)]
    replies = iter((body, b"[]"))
    found, _ = asked(REST.history(name.upper(), times[0], times[-1]), lambda _: next(replies))
    assert [each.funding_time for each in found] == times
    assert len(found) == 163


def test_recorded_history_without_a_page_limit(recorded: Path) -> None:
    name = "fundingHistory_BTC_2023-05_2023-07_8h_then_1h.json"
    rows = json.loads((recorded / "hyperliquid" / name).read_bytes())
    found, _ = asked(REST.history("BTC", rows[0]["time"], rows[-1]["time"]), pages_of(rows))
    assert len(found) == len(rows) == 1_038


CONTEXT = {"funding": "0.0000125", "oraclePx": "79922.0", "markPx": "79890.0"}
MARKETS: dict[str, Any] = {
    "": {"universe": [{"name": "BTC"}, {"name": "kPEPE"}, {"name": "MATIC", "isDelisted": True}]},
    "xyz": {"universe": [{"name": "xyz:GOLD"}], "collateralToken": 360},
}


def exchange(request: Request) -> Any:
    asking = body_of(request)
    if asking["type"] == "perpDexs":
        return [None, {"name": "xyz"}]
    if asking["type"] == "spotMeta":
        return {"tokens": [{"name": "USDC", "index": 0}, {"name": "USDH", "index": 360}]}
    market = MARKETS[asking.get("dex", "")]
    return market if asking["type"] == "meta" else [market, [CONTEXT] * len(market["universe"])]


def test_contracts_have_their_asset_multiplier_and_currency() -> None:
    rest = HyperliquidRest(OPTIONS._replace(markets=("*",)))
    found, _ = asked(rest.contracts(5.0), exchange)
    assert [(c.symbol, c.base_asset, c.multiplier, c.quote_asset, c.status) for c in found] == [
        ("BTC", "BTC", 1.0, "USDC", ContractStatus.TRADING),
        ("kPEPE", "PEPE", 1_000.0, "USDC", ContractStatus.TRADING),
        ("MATIC", "MATIC", 1.0, "USDC", ContractStatus.CLOSED),
        ("xyz:GOLD", "XAU", 1.0, "USDH", ContractStatus.TRADING),
    ]
    assert [c.funding_interval_hours for c in found] == [1, 1, None, 1]
    assert (found[0].rate_cap, found[0].rate_floor, found[0].checked_at) == (0.04, -0.04, 5.0)


def test_currency_whose_name_cannot_be_had_stays_apart() -> None:
    def answer(request: Request) -> Any:
        if b"spotMeta" in (request.body or b""):
            raise RestUnreachable("timed out")
        return exchange(request)

    rest = HyperliquidRest(OPTIONS._replace(markets=("xyz",)))
    found, _ = asked(rest.contracts(5.0), answer)
    assert found[-1].quote_asset == "TOKEN360"


def test_snapshot_has_the_living_coins_of_all_markets() -> None:
    rest = HyperliquidRest(OPTIONS._replace(markets=("*",)))
    found, _ = asked(rest.snapshot(), exchange)
    assert [each.symbol for each in found] == ["BTC", "kPEPE", "xyz:GOLD"]
    assert {each.event_time for each in found} == {RECEIVED_MS}
    assert found[0].next_funding_time == (RECEIVED_MS // HOUR + 1) * HOUR


def test_builder_market_that_fails_is_missing_in_the_snapshot() -> None:
    def answer(request: Request) -> Any:
        if body_of(request).get("dex") == "xyz":
            raise RestUnreachable("timed out")
        return exchange(request)

    rest = HyperliquidRest(OPTIONS._replace(markets=("*",)))
    assert len(asked(rest.snapshot(), answer)[0]) == 2
    with pytest.raises(RestGarbled, match="one context for each coin"):
        asked(REST.snapshot(), lambda _: [MARKETS[""], [CONTEXT]])


def test_one_coin_is_that_of_its_market() -> None:
    found, (request,) = asked(REST.one("xyz:GOLD"), exchange)
    assert (found.symbol, body_of(request)) == (
        "xyz:GOLD",
        {"type": "metaAndAssetCtxs", "dex": "xyz"},
    )
    assert asked(REST.one("BTC"), exchange)[0].symbol == "BTC"
    with pytest.raises(RestRefused, match="no coin NONE"):
        asked(REST.one("NONE"), exchange)


def test_whole_recorded_reply(recorded: Path) -> None:
    body = (recorded / "hyperliquid" / "metaAndAssetCtxs_full_2026-03.json").read_bytes()
    found, _ = asked(REST.snapshot(), lambda _: body)
    assert len(found) == 190
    assert all(each.mark_price > 0 and each.funding_rate is not None for each in found)
    metas = json.loads(body)[0]
    contracts, _ = asked(REST.contracts(5.0), lambda _: metas)
    assert len(contracts) == 229
    assert sum(each.status == ContractStatus.CLOSED for each in contracts) == 39


def test_damaged_reply_is_garbled_or_whole() -> None:
    good = json.dumps([MARKETS["xyz"], [CONTEXT]]).encode()
    for body in damaged(good):
        with suppress(RestGarbled):
            assert len(asked(REST.snapshot(), answer_of(body))[0]) <= 1
