"""One asset on all exchanges, without a server."""

import csv
import io
from typing import Any

import pytest

from funding.model.asset import Aliases
from tests.support.api_world import BTC, World, again, plain, refused
from tests.support.wsgi import ask

PATH = "/funding/compare?asset=BTC"
LISTED = """
INSERT INTO contract (exchange, symbol, status, base_asset, quote_asset, multiplier,
    funding_interval_hours, interval_source, checked_at)
VALUES ('{}', 'BTCUSDT', '{}', 'BTC', 'USDT', {}, {}, 'exchange', 0)
"""


@pytest.fixture
def two(world: World) -> World:
    """BTC at 8 hours on one exchange, and at half that interval on another."""
    world.copy_to_kucoin("BTCUSDT", "ETHUSDT")
    world.execute(
        LISTED.format("binance", "TRADING", 1, 8), LISTED.format("kucoin", "TRADING", 1, 4)
    )
    return world


def compared(world: World, path: str = PATH) -> Any:
    answer = ask(world.app(), path)
    assert answer.status == 200
    plain(answer)
    return answer.json


def test_rates_are_per_hour_and_never_without_an_interval(two: World) -> None:
    found = compared(two)
    assert found["asset"] == "BTC"
    first, second = found["data"]
    assert (first["exchange"], second["exchange"]) == ("binance", "kucoin")
    assert (first["fundingIntervalHours"], second["fundingIntervalHours"]) == (8, 4)
    assert BTC.funding_rate is not None
    assert first["ratePerHour"] == pytest.approx(BTC.funding_rate / 8)
    assert second["annualizedRate"] == pytest.approx(BTC.funding_rate / 4 * 8760)
    assert first["basisPct"] == pytest.approx((BTC.mark_price / BTC.index_price - 1) * 100)
    assert first["ranked"] is second["ranked"] is True


def test_the_widest_spread_and_since_when_it_has_held(two: World) -> None:
    bars = [
        ("kucoin", two.wall - 180, 0.00001), ("binance", two.wall - 180, 0.1),
        ("kucoin", two.wall - 120, 0.00002), ("binance", two.wall - 120, 0.00001),
        ("kucoin", two.wall - 60, 0.00002), ("binance", two.wall - 60, 0.00001),
    ]  # fmt: skip
    for exchange, at, rate in bars:
        two.execute(
            "INSERT INTO bar (exchange, symbol, period, start, open, high, low, close, rate_close,"
            f" quotes) VALUES ('{exchange}', 'BTCUSDT', 60, {int(at)}, 1, 1, 1, 1, {rate}, 60)"
        )
    widest = compared(two)["widest"]
    assert BTC.funding_rate is not None
    assert widest["high"] == {"exchange": "kucoin", "symbol": "BTCUSDT"}
    assert widest["low"] == {"exchange": "binance", "symbol": "BTCUSDT"}
    assert widest["ratePerHour"] == pytest.approx(BTC.funding_rate / 8)
    assert widest["since"] == int(two.wall - 120)
    assert widest["heldSeconds"] == pytest.approx(120, abs=2)


def test_without_bars_nobody_knows_since_when(two: World) -> None:
    widest = compared(two)["widest"]
    assert (widest["since"], widest["heldSeconds"]) == (None, None)


def test_price_is_for_one_unit_and_two_assets_are_refused(two: World) -> None:
    two.execute("UPDATE contract SET multiplier = 1000 WHERE exchange = 'kucoin'")
    found = compared(two)
    assert found["data"][1]["markPrice"] == pytest.approx(BTC.mark_price / 1000)
    assert found["data"][1]["indexPrice"] == pytest.approx(BTC.index_price / 1000)
    assert found["widest"] is None
    (refused_pair,) = found["refused"]
    assert refused_pair["second"] == {"exchange": "kucoin", "symbol": "BTCUSDT"}
    assert "two assets" in refused_pair["reason"]


def test_index_price_that_the_exchange_does_not_give_is_null(two: World) -> None:
    two.execute("UPDATE quote SET index_price = 0 WHERE exchange = 'kucoin'")
    row = compared(two)["data"][1]
    assert (row["indexPrice"], row["basisPct"], row["ranked"]) == (None, None, True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("contract SET status = 'SETTLING'", "SETTLING"),
        ("contract SET funding_interval_hours = NULL", "not known"),
        ("quote SET received_uptime = 1", "stale"),
    ],
)
def test_what_is_not_ranked_says_why(two: World, change: str, words: str) -> None:
    two.execute(f"UPDATE {change} WHERE exchange = 'kucoin'")
    found = compared(two)
    assert found["data"][1]["ranked"] is False
    assert words in found["data"][1]["reason"]
    assert found["widest"] is None


def test_table_as_csv(two: World) -> None:
    answer = ask(two.app(), f"{PATH}&format=csv")
    rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
    assert [row["exchange"] for row in rows] == ["binance", "kucoin"]
    assert rows[0]["reason"] == ""


def test_other_assets_and_missing_ones(two: World) -> None:
    two.frame(again(BTC, 1))
    refused(ask(two.app(), "/funding/compare?asset=NOTHING"), 404, "unknown asset")
    hint = "no asset: ask /funding/compare?asset=BTC"
    refused(ask(two.app(), "/funding/compare"), 400, hint)
    answer = ask(two.app(), f"/funding/compare?asset={'A' * 41}")
    assert answer.status == 400
    assert answer.json["parameter"] == "asset"


@pytest.mark.parametrize("name", ["XBT", "xbt", "1000BTC", "kBTC"])
def test_other_names_of_an_asset(two: World, name: str) -> None:
    two.aliases = Aliases({"XBT": "BTC"})
    found = compared(two, f"/funding/compare?asset={name}")
    assert (found["asset"], found["total"]) == ("BTC", 2)
