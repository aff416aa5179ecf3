"""What a quote and a batch look like on the wire."""

import msgspec
import pytest

from funding.answers import MAX_SHOWN, batch, row
from funding.feed import Reading

BTC = Reading(
    exchange="binance",
    symbol="BTCUSDT",
    mark_price=91897.67414493,
    index_price=91930.87652174,
    funding_rate=0.00001864,
    next_funding_time=1764748800000,
    event_time=1764725610000,
    updated_at=1764725610.1634,
    age_seconds=1.9004,
)
CONTRACT = {
    "symbol": "BTCUSDT",
    "markPrice": 91897.67414493,
    "fundingRate": 0.00001864,
    "nextFundingTime": 1764748800000,
    "indexPrice": 91930.87652174,
    "updatedAt": 1764725610.163,
    "ageSeconds": 1.9,
    "lastUpdateTime": 1764725610,
    "eventTime": 1764725610000,
    "exchange": "binance",
}


def reading(symbol: str, age: float = 1.0) -> Reading:
    """A quote of `symbol` that is `age` seconds old."""
    return Reading("binance", symbol, 2.0, 2.0, None, None, 1, 1.0, age)


def test_a_row_is_that_of_the_contract() -> None:
    text = msgspec.json.encode(row(BTC))
    assert msgspec.json.decode(text) == CONTRACT
    assert list(msgspec.json.decode(text)) == list(CONTRACT)


def test_no_funding_is_null() -> None:
    shown = msgspec.json.decode(msgspec.json.encode(row(reading("BTCUSDT_260925"))))
    assert (shown["fundingRate"], shown["nextFundingTime"]) == (None, None)


@pytest.mark.parametrize(("age", "stale"), [(0.0, False), (180.0, False), (180.001, True)])
def test_a_row_says_whether_it_is_stale_where_that_is_asked(age: float, stale: bool) -> None:
    shown = msgspec.json.decode(msgspec.json.encode(row(reading("X", age), 180.0)))
    assert shown["stale"] is stale
    assert "stale" not in msgspec.json.decode(msgspec.json.encode(row(reading("X", age))))


def test_a_batch_keeps_the_order_asked_and_names_what_it_cannot_serve() -> None:
    readings = [reading("AUSDT"), reading("BUSDT", 500.0), reading("币安人生USDT")]
    answer = batch(["币安人生usdt", "nope", "busdt", "AUSDT", "nope2"], readings, 180.0)
    shown = msgspec.json.decode(msgspec.json.encode(answer))
    rows = shown.pop("data")
    assert [each["symbol"] for each in rows] == ["币安人生USDT", "BUSDT", "AUSDT"]
    assert [each["stale"] for each in rows] == [False, True, False]
    assert shown == {
        "found": 3,
        "missing": 2,
        "total": 5,
        "missingSymbols": ["nope", "nope2"],
        "staleSymbols": ["BUSDT"],
    }


def test_a_symbol_asked_twice_is_there_twice() -> None:
    answer = batch(["a", "A", "b", "b"], [reading("A")], 180.0)
    assert [each.symbol for each in answer.data] == ["A", "A"]
    assert (answer.found, answer.missing, answer.total) == (2, 2, 4)
    assert answer.missing_symbols == ["b", "b"]


def test_a_long_name_is_not_repeated_in_full() -> None:
    answer = batch(["x" * 5_000], [], 180.0)
    assert answer.missing_symbols == ["x" * MAX_SHOWN]


def test_an_empty_batch() -> None:
    answer = batch([], [reading("A")], 180.0)
    assert (answer.data, answer.found, answer.missing, answer.total) == ([], 0, 0, 0)
