"""The contracts on one asset, and how their rates have differed."""

from contextlib import closing
from pathlib import Path

import pytest

from funding.model.bar import HOUR, MINUTE, Bar
from funding.store.asset_reader import (
    RateOf,
    contracts_on,
    hourly_rates,
    listed,
    rate_differences,
)
from funding.store.contracts import Contracts
from funding.store.durable import DurableConnection
from funding.store.reader import Reader
from tests.support.store import contract, plainly

HIGH, LOW = RateOf("kucoin", "XBTUSDTM", 4), RateOf("binance", "BTCUSDT", 8)


def add(path: Path, *bars: Bar) -> None:
    with closing(plainly(path)) as connection:
        for bar in bars:
            connection.execute(f"INSERT INTO bar VALUES ({', '.join('?' * len(bar))})", bar)


def bar(of: RateOf, start: int, rate: float | None, period: int = MINUTE) -> Bar:
    return Bar(of.exchange, of.symbol, period, start, 1.0, 1.0, 1.0, 1.0, 1.0, rate, 60)


def test_contracts_on_an_asset(path: Path, reader: Reader) -> None:
    usdc = contract("BTCUSDC")._replace(quote_asset="USDC", multiplier=1000.0)
    eth = contract("ETHUSDT")._replace(base_asset="ETH")
    with closing(DurableConnection(path)) as store:
        Contracts(store).replace("binance", [contract("BTCUSDT"), usdc, eth])
    first, second = contracts_on(reader, "btc")
    assert first == ("BTCUSDC", "USDC", 1000.0)
    assert second == ("BTCUSDT", "USDT", 1.0)
    assert contracts_on(reader, "NOTHING") == []


def test_differences_are_per_hour_where_both_have_a_bar(path: Path, reader: Reader) -> None:
    add(
        path,
        *(bar(HIGH, at, 0.0008) for at in (7200, 7260, 7320)),
        *(bar(LOW, at, 0.0008) for at in (7260, 7320, 7380)),
        bar(HIGH, 7440, None),
        bar(LOW, 7440, 0.1),
        bar(RateOf("kucoin", "ETHUSDTM", 4), 7260, 0.5),
    )
    found = rate_differences(reader, HIGH, LOW, 0)
    assert [at for at, _ in found] == [7260, 7320]
    assert [value for _, value in found] == pytest.approx([0.0001, 0.0001])
    assert rate_differences(reader, HIGH, LOW, 7260) == found[1:]


def test_hours_tell_what_lies_before_the_minutes(path: Path, reader: Reader) -> None:
    hours = (0, HOUR, 2 * HOUR)
    add(
        path,
        *(bar(of, at, rate, HOUR) for of, rate in ((HIGH, 0.0), (LOW, 0.8)) for at in hours),
        *(bar(of, 2 * HOUR + 60, rate) for of, rate in ((HIGH, 0.8), (LOW, 0.8))),
    )
    found = rate_differences(reader, HIGH, LOW, -1)
    assert [at for at, _ in found] == [0, HOUR, 2 * HOUR + 60]
    assert [value for _, value in found] == pytest.approx([-0.1, -0.1, 0.1])


def test_all_contracts_and_the_rates_of_an_hour(path: Path, reader: Reader) -> None:
    eth = contract("ETHUSDT")._replace(base_asset="ETH")
    with closing(DurableConnection(path)) as store:
        Contracts(store).replace("binance", [eth, contract("BTCUSDT")])
        Contracts(store).replace("kucoin", [contract("XBTUSDTM")._replace(exchange="kucoin")])
    assert listed(reader) == [("BTC", ("BTCUSDT", "USDT", 1.0)), ("ETH", ("ETHUSDT", "USDT", 1.0))]
    add(path, bar(LOW, HOUR, 0.5, HOUR), bar(LOW, HOUR, 0.6), bar(HIGH, HOUR, 0.7, HOUR))
    add(path, bar(RateOf("binance", "XUSDT", 8), HOUR, None, HOUR))
    assert hourly_rates(reader, HOUR) == [("BTCUSDT", 0.5)]
    assert hourly_rates(reader, 0) == []
