"""Contracts of exchangeInfo and fundingInfo, also of the whole recorded replies."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from funding.exchanges.binance import rest as api
from funding.exchanges.binance.contracts import NEVER_MS, contracts
from funding.model.contract import Contract, ContractStatus

NOW = 1_783_000_000.0


def listed(symbol: str = "BTCUSDT", status: str = "TRADING", **changes: Any) -> api.Contract:
    made = api.Contract(symbol, "PERPETUAL", status, "USDT", "BTC", NEVER_MS)
    return msgspec.structs.replace(made, **changes)


def one(contract: api.Contract, *infos: api.FundingInfo) -> Contract:
    (found,) = contracts("binance", [contract], infos, {}, NOW)
    return found


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("TRADING", "TRADING"),
        ("PENDING_TRADING", "PENDING"),
        ("SETTLING", "SETTLING"),
        ("PRE_DELIVERING", "SETTLING"),
        ("CLOSE", "CLOSED"),
        ("something new", "UNKNOWN"),
    ],
)
def test_status(status: str, expected: str) -> None:
    assert one(listed(status=status)).status == expected


def test_interval_and_bounds_are_the_exchanges() -> None:
    info = api.FundingInfo("BTCUSDT", 4, "0.02000000", "-0.02000000")
    found = one(listed(), info)
    assert (found.funding_interval_hours, found.interval_source) == (4, "exchange")
    assert (found.rate_cap, found.rate_floor) == (0.02, -0.02)
    unlisted = one(listed())
    assert (unlisted.funding_interval_hours, unlisted.interval_source) == (None, None), "not 8 h"
    dated = one(listed(contract_type="CURRENT_QUARTER", delivery_date=1_790_323_200_000))
    assert (dated.funding_interval_hours, dated.interval_source) == (None, None)
    assert dated.delivery_time == 1_790_323_200_000
    assert one(listed()).delivery_time is None
    nonsense = one(listed(), api.FundingInfo("BTCUSDT", 4, "nan", "many"))
    assert (nonsense.rate_cap, nonsense.rate_floor) == (None, None)


def test_listing_is_when_trading_began() -> None:
    assert one(listed(onboard_date=1_567_965_300_000)).listed_time == 1_567_965_300_000
    assert one(listed()).listed_time is None


def test_symbol_that_is_only_quoted_is_unknown_and_nonsense_is_left_out() -> None:
    found = contracts(
        "binance", [listed(), listed("A\x1b[2J")], [], {"EOSUSDT": 0.0001, "x" * 5_000: None}, NOW
    )
    assert [(each.symbol, each.status) for each in found] == [
        ("BTCUSDT", "TRADING"), ("EOSUSDT", "UNKNOWN")
    ]  # fmt: skip


def test_whole_recorded_replies(recorded: Path) -> None:
    """695 trade, 123 are being settled, 2 are announced, and 3 have a price alone."""
    folder = recorded / "binance"
    info = (folder / "exchangeInfo_full_2026-07-08.json").read_bytes()
    rates = (folder / "fundingInfo_full_2026-07-04.json").read_bytes()
    prices = json.loads((folder / "premiumIndex_full_2026-07-04T1556Z.json").read_bytes())
    found = contracts(
        "binance",
        msgspec.json.decode(info, type=api.ExchangeInfo).symbols,
        msgspec.json.decode(rates, type=list[api.FundingInfo]),
        {row["symbol"]: float(row["interestRate"]) for row in prices},
        NOW,
    )
    assert Counter(each.status for each in found) == {
        ContractStatus.TRADING: 695,
        ContractStatus.SETTLING: 123,
        ContractStatus.PENDING: 2,
        ContractStatus.UNKNOWN: 3,
    }
    by_symbol = {each.symbol: each for each in found}
    unknown = {symbol for symbol, each in by_symbol.items() if each.status == "UNKNOWN"}
    assert unknown == {"EOSUSDT", "MATICUSDT", "FRONTUSDT"}
    assert by_symbol["1000PEPEUSDT"].base_asset == by_symbol["1000PEPEUSDC"].base_asset == "PEPE"
    hours = Counter(each.funding_interval_hours for each in found if each.status == "TRADING")
    assert sum(hours.values()) == 695
    assert set(hours) == {None, 1, 4, 8}
    assert hours[None] == 4, "the dated ones"
    assert all(each.listed_time for each in found if each.status == "TRADING")
    bases = Counter(each.base_rate_hourly for each in found if each.status == "TRADING")
    assert bases[0.0001 / 8] > 500
    assert bases[0.0] >= 118
    rolling = {row["symbol"] for row in prices if row["nextFundingTime"] > row["time"]}
    settling = {each.symbol for each in found if each.status == "SETTLING"}
    assert len(settling & rolling) == 97, "dead, with a next time that rolls on"


def test_base_rate_is_per_hour_whatever_the_interval() -> None:
    info = api.FundingInfo("BTCUSDT", 4, None, None)
    (found,) = contracts("binance", [listed()], [info], {"BTCUSDT": 0.0001}, NOW)
    assert found.base_rate_hourly == 0.0001 / 8
    assert one(listed(onboard_date=1_600_000_000_000)).listed_time == 1_600_000_000_000
    assert one(listed()).listed_time is one(listed()).base_rate_hourly is None
