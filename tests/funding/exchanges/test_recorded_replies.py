"""Every recorded payload of KuCoin, Hyperliquid and Backpack is read by the code of its exchange:
messages here or in the packages' own tests, whole replies and single rows of REST here."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from funding.exchanges.exchange import Options
from funding.exchanges.hyperliquid.rest import HyperliquidRest
from funding.exchanges.hyperliquid.stream import HyperliquidStream
from funding.exchanges.kucoin.rest import KucoinRest
from funding.exchanges.kucoin.stream import KucoinStream
from funding.model.asset import Aliases
from funding.model.contract import ContractStatus
from tests.support.conversations import RECEIVED_MS, asked

OPTIONS = Options("wss://unused", "https://rest.test", aliases=Aliases({"XBT": "BTC"}))
HOUR_MS = 3_600_000
Read = Callable[[bytes], object]


def kucoin_contracts(body: bytes) -> object:
    """Two contracts, before there was a time of the next settlement."""
    found, _ = asked(KucoinRest(OPTIONS).contracts(5.0), lambda _: body)
    plan, _ = asked(KucoinStream(OPTIONS).plan(5.0), lambda _: body)
    assert plan.connections == [[each.symbol for each in found]]
    assert found[0]._replace(rate_cap=None, rate_floor=None)[1:7] == (
        *("XBTUSDTM", ContractStatus.TRADING, "FFWCSX", "BTC", "USDT", 1.0),
    )
    return len(found)


def kucoin_rows(body: bytes) -> object:
    rows = json.loads(body)
    row = rows["contracts_active_row_2026-08-19"]
    announced = json.dumps(rows["ua_v2_current_all_2026-09-13"]).encode()
    active = json.dumps({"code": "200000", "data": [row]}).encode()

    def answer(request: Any) -> bytes:
        return active if request.route == "contracts/active" else announced

    (contract,), requests = asked(KucoinRest(OPTIONS).contracts(5.0), answer)
    assert len(requests) == 2
    assert (contract.funding_interval_hours, contract.rate_cap) == (8, 0.003)
    (quote,), _ = asked(KucoinRest(OPTIONS).snapshot(), answer)
    assert (quote.mark_price, quote.funding_rate) == (67_810.0, -7.1e-05)
    assert quote.next_funding_time == 1_787_184_000_000
    history = rows["classic_history_2026-08-19"]
    times = [each["timepoint"] for each in history["data"]]
    found, _ = asked(
        KucoinRest(OPTIONS).history("XBTUSDTM", min(times), max(times)), lambda _: history
    )
    assert [each.rate for each in found] == [6.5e-05, -3.5e-05]
    return None


def hyperliquid_all(body: bytes) -> object:
    """A message that is not subscribed to, should it come."""
    frame = HyperliquidStream(OPTIONS).decode(body, RECEIVED_MS)
    assert frame.quotes == []
    assert sum(frame.ignored.values()) == 1
    return None


def hyperliquid_meta(body: bytes) -> object:
    plan, _ = asked(HyperliquidStream(OPTIONS).plan(5.0), lambda _: body)
    return plan.connections


def hyperliquid_whole(body: bytes) -> object:
    """229 coins, of which 190 live."""
    quotes, _ = asked(HyperliquidRest(OPTIONS).snapshot(), lambda _: body)
    meta = json.loads(body)[0]
    contracts, _ = asked(HyperliquidRest(OPTIONS).contracts(5.0), lambda _: meta)
    plan, _ = asked(HyperliquidStream(OPTIONS).plan(5.0), lambda _: meta)
    (topics,) = plan.connections
    living = [each.symbol for each in contracts if each.status == ContractStatus.TRADING]
    assert living == list(topics) == [each.symbol for each in quotes]
    return len(contracts), len(living)


def hyperliquid_history(body: bytes) -> object:
    rows = json.loads(body)
    coin, last = rows[0]["coin"], rows[-1]["time"]
    replies = iter([rows, []])
    found, _ = asked(
        HyperliquidRest(OPTIONS).history(coin, rows[0]["time"], last + 9 * HOUR_MS),
        lambda _: next(replies),
    )
    assert [(each.funding_time, each.rate) for each in found] == [
        (row["time"], float(row["fundingRate"])) for row in rows
    ]
    return len(found)


WHOLE: dict[str, tuple[Read, object]] = {
    "kucoin/rest_rows_2026.json": (kucoin_rows, None),
    "kucoin/cryptomsgparser_contracts.ndjson": (kucoin_contracts, 2),
    "hyperliquid/ws_allDexsAssetCtxs.json": (hyperliquid_all, None),
    "hyperliquid/http_meta_perp_sample.json": (hyperliquid_meta, [["BTC", "ETH", "ATOM"]]),
    "hyperliquid/metaAndAssetCtxs_full_2026-03.json": (hyperliquid_whole, (229, 190)),
    "hyperliquid/http_funding_history.json": (hyperliquid_history, 3),
    "hyperliquid/fundingHistory_btc_2026-03.json": (hyperliquid_history, 163),
    "hyperliquid/fundingHistory_eth_2026-03.json": (hyperliquid_history, 163),
    "hyperliquid/fundingHistory_sol_2026-03.json": (hyperliquid_history, 163),
    "hyperliquid/fundingHistory_BTC_2023-05_2023-07_8h_then_1h.json": (hyperliquid_history, 1_038),
}
"""How each file is read, and what comes of it."""
ELSEWHERE = {
    "backpack/markPrices_and_markets_rows.json",  # backpack/test_rest.py
    "backpack/markPrices_element_ccxt_comment.json",
}
"""Read by the tests of a package; so is every *.ndjson. A *.csv is no payload but a table."""


@pytest.mark.parametrize("name", WHOLE)
def test_recorded_payload_is_read_whole(recorded: Path, name: str) -> None:
    read, expected = WHOLE[name]
    assert read((recorded / name).read_bytes()) == expected


def test_no_recorded_payload_is_left_out(recorded: Path) -> None:
    found = {
        str(path.relative_to(recorded))
        for exchange in ("kucoin", "hyperliquid", "backpack")
        for path in (recorded / exchange).glob("*.json")
    }
    assert found <= WHOLE.keys() | ELSEWHERE
