"""Backpack's REST replies: markets, history backwards, and prices out of a cache."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from funding.errors import RestGarbled
from funding.exchanges.backpack.rest import PAGE_ROWS, BackpackRest
from funding.exchanges.exchange import Options, Request
from funding.model.contract import ContractStatus
from tests.support.conversations import RECEIVED_MS, asked
from tests.support.decoding import damaged

REST = BackpackRest(Options("wss://unused", "https://rest.test"))
HOUR = 3_600_000
NOW = RECEIVED_MS // HOUR * HOUR  # of the interval that ended last


def row(end_ms: int, symbol: str = "BTC_USDC_PERP", rate: str = "0.0000125") -> dict[str, Any]:
    end = datetime.fromtimestamp(end_ms / 1000, UTC).replace(tzinfo=None).isoformat()
    return {"fundingRate": rate, "intervalEndTimestamp": end, "symbol": symbol}


def history_of(rows: list[dict[str, Any]], most: int = PAGE_ROWS) -> Any:
    """The exchange's own paging: newest first, from an offset on."""

    def answer(request: Request) -> Any:
        offset = int(request.parameters["offset"])
        return rows[offset : offset + min(most, int(request.parameters["limit"]))]

    return answer


ROWS = [row(NOW + HOUR - n * HOUR) for n in range(2_500)]


@pytest.mark.parametrize("most", [PAGE_ROWS, 100])
def test_history_goes_back_page_by_page(most: int) -> None:
    since = NOW - 1_500 * HOUR
    found, requests = asked(REST.history("BTC_USDC_PERP", since, NOW), history_of(ROWS, most))
    assert [each.funding_time for each in found] == list(range(since, NOW + 1, HOUR))
    assert len(requests) == -(-1_502 // most)


def test_interval_that_still_runs_is_no_settlement() -> None:
    found, _ = asked(REST.history("BTC_USDC_PERP", NOW, NOW + 9 * HOUR), history_of(ROWS))
    assert [each.funding_time for each in found] == [NOW]


def test_interval_that_has_just_ended_may_not_be_final() -> None:
    rows = [row(RECEIVED_MS // 1000 * 1000 - 59_000), row(RECEIVED_MS // 1000 * 1000 - 61_000)]
    found, _ = asked(REST.history("BTC_USDC_PERP", 0, RECEIVED_MS), history_of(rows))
    assert [each.funding_time for each in found] == [RECEIVED_MS // 1000 * 1000 - 61_000]


def test_settlement_while_pages_are_read_loses_nothing() -> None:
    rows = list(ROWS)

    def answer(request: Request) -> Any:
        page = history_of(rows, 100)(request)
        rows.insert(0, row(NOW + 2 * HOUR))
        return page

    found, _ = asked(REST.history("BTC_USDC_PERP", NOW - 500 * HOUR, NOW), answer)
    assert len(found) == 501


def test_reply_out_of_a_cache_has_an_interval_that_ran_then() -> None:
    """Its rate is an estimate, although the interval has ended since."""
    ended = [row(RECEIVED_MS - 600_000), row(RECEIVED_MS - 4_200_000)]
    found, _ = asked(REST.history("BTC_USDC_PERP", 0, RECEIVED_MS), lambda _: ended)
    assert len(found) == 2
    old = {"Age": "900"}
    (one,), _ = asked(REST.history("BTC_USDC_PERP", 0, RECEIVED_MS), lambda _: ended, old)
    assert one.funding_time == RECEIVED_MS - 4_200_000


def test_history_ends_where_there_is_no_more() -> None:
    found, requests = asked(REST.history("BTC_USDC_PERP", 0, NOW), history_of(ROWS[:50]))
    assert (len(found), len(requests)) == (49, 2)
    found, requests = asked(REST.history("BTC_USDC_PERP", 0, NOW), lambda _: ROWS[:50])
    assert (len(found), len(requests)) == (49, 2)


@pytest.mark.parametrize(
    "bad",
    [
        row(NOW, "ETH_USDC_PERP"),
        row(NOW, rate="nan"),
        {**row(NOW), "intervalEndTimestamp": "yesterday"},
        {**row(NOW), "intervalEndTimestamp": 7},
    ],
)
def test_history_of_another_market_or_form_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(RestGarbled):
        asked(REST.history("BTC_USDC_PERP", NOW, NOW), lambda _: [bad])


def test_snapshot_is_as_old_as_the_cache_says() -> None:
    prices = [
        {"symbol": "BTC_USDC_PERP", "markPrice": "77903.9", "indexPrice": "77923.9191045"},
        {"symbol": "bad one", "markPrice": "1"},
        {"symbol": "ETH_USDC_PERP", "markPrice": "0"},
    ]
    found, _ = asked(REST.snapshot(), lambda _: prices, {"Age": "1800"})
    assert [each.event_time for each in found] == [RECEIVED_MS - 1_800_000]
    found, _ = asked(REST.snapshot(), lambda _: prices, {"Age": "soon"})
    assert [each.event_time for each in found] == [RECEIVED_MS]


def test_one_contract_is_asked_for_by_its_name() -> None:
    row = {"symbol": "BTC_USDC_PERP", "markPrice": "77903.9", "indexPrice": "77923.9"}
    found, (request,) = asked(REST.one("BTC_USDC_PERP"), lambda _: [row])
    assert (found.symbol, found.mark_price) == ("BTC_USDC_PERP", 77_903.9)
    assert request.parameters == {"symbol": "BTC_USDC_PERP"}
    with pytest.raises(RestGarbled, match="no price"):
        asked(REST.one("BTC_USDC_PERP"), lambda _: [])


def test_recorded_prices_and_rates(recorded: Path) -> None:
    rows = json.loads((recorded / "backpack" / "markPrices_and_markets_rows.json").read_bytes())
    prices = [value for name, value in rows.items() if name.startswith("markPrices_row")]
    prices.append(
        json.loads((recorded / "backpack" / "markPrices_element_ccxt_comment.json").read_bytes())
    )
    found, _ = asked(REST.snapshot(), lambda _: prices)
    assert [each.symbol for each in found] == [each["symbol"] for each in prices]
    assert found[0].next_funding_time == 1_779_332_400_000
    settled = rows["fundingRates_row_2025-07-22"]
    history, _ = asked(REST.history("BTC_USDC_PERP", 0, RECEIVED_MS), lambda _: [settled])
    assert history[0].funding_time == 1_753_142_400_000


def test_recorded_states_of_markets(recorded: Path) -> None:
    rows = json.loads((recorded / "backpack" / "markPrices_and_markets_rows.json").read_bytes())
    found, _ = asked(REST.contracts(5.0), lambda _: rows["market_states_shape"])
    assert [each.status for each in found] == [ContractStatus.CLOSED, ContractStatus.PENDING]


def test_contract_has_its_interval_bounds_and_asset() -> None:
    btc = {
        "symbol": "BTC_USDC_PERP",
        "baseSymbol": "BTC",
        "quoteSymbol": "USDC",
        "marketType": "PERP",
        "orderBookState": "Open",
        "visible": True,
        "fundingInterval": 3_600_000,
        "fundingRateUpperBound": "150",
        "fundingRateLowerBound": "-100",
    }
    others = [
        {**btc, "symbol": "kPEPE_USDC_PERP", "baseSymbol": "kPEPE", "fundingInterval": None},
        {**btc, "symbol": "AAPL.US_USDC_PERP", "baseSymbol": "AAPL.US", "orderBookState": "?"},
        {"symbol": "BTC_USDC", "marketType": "SPOT"},
    ]
    found, _ = asked(REST.contracts(5.0), lambda _: [btc, *others])
    assert [(each.base_asset, each.multiplier) for each in found] == [
        *(("BTC", 1.0), ("PEPE", 1_000.0), ("AAPL", 1.0))
    ]
    assert (found[0].rate_cap, found[0].rate_floor) == (0.015, -0.01)
    assert [each.funding_interval_hours for each in found] == [1, None, 1]
    assert [each.interval_source for each in found] == ["exchange", None, "exchange"]
    assert found[2].status == ContractStatus.UNKNOWN
    with pytest.raises(RestGarbled, match="no perpetual"):
        asked(REST.contracts(5.0), lambda _: others[2:])


def answer_of(body: bytes) -> Any:
    return lambda _request: body


def test_damaged_reply_is_garbled_or_whole() -> None:
    good = json.dumps([{"symbol": "BTC_USDC_PERP", "markPrice": "1", "fundingRate": "0.1"}])
    for body in damaged(good.encode()):
        with suppress(RestGarbled):
            assert len(asked(REST.snapshot(), answer_of(body))[0]) <= 1
