"""Routes, weights and replies of the REST interface: whole, truncated and damaged."""

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.exchanges.binance import rest
from tests.support.binance_messages import BAD_SYMBOLS, shown
from tests.support.rest_group import PREMIUM

READ = rest.PremiumIndex(
    "BTCUSDT", 83067.3, 83114.69956522, 0.00000078, 1791388800000, 1791382985000, 0.0001
)
BODY = json.dumps(PREMIUM).encode()


@pytest.mark.parametrize(
    ("route", "parameters", "weight"),
    [
        ("premiumIndex", {"symbol": "BTCUSDT"}, 1),
        ("premiumIndex", {}, 10),
        ("fundingInfo", {}, 0),
        ("ticker/24hr", {}, 40),
        ("klines", {"symbol": "BTCUSDT"}, 5),
        ("klines", {"symbol": "BTCUSDT", "limit": "100"}, 1),
        ("klines", {"symbol": "BTCUSDT", "limit": "101"}, 2),
        ("klines", {"symbol": "BTCUSDT", "limit": "1000"}, 5),
        ("klines", {"symbol": "BTCUSDT", "limit": "9999"}, 10),
    ],
)
def test_weight_of_a_call(route: str, parameters: dict[str, str], weight: int) -> None:
    assert rest.weight(route, parameters) == weight


def test_premium_index_is_an_object_or_an_array() -> None:
    assert rest.premium_indices(BODY) == [READ]
    assert rest.premium_indices(b"[" + BODY + b"," + BODY + b"]") == [READ, READ]
    assert rest.premium_indices(b" \n" + BODY) == [READ]
    assert rest.premium_indices(b"[]") == []


def test_one_bad_row_spoils_the_reply() -> None:
    bad = BODY.replace(b"83067.30000000", b"inf")
    with pytest.raises(ValueError, match="inf is not a price"):
        rest.premium_indices(b"[" + BODY + b"," + bad + b"]")


def test_truncated_reply_is_refused() -> None:
    for body in (BODY, b"[" + BODY + b"]"):
        for end in range(len(body)):
            with pytest.raises(msgspec.DecodeError):
                rest.premium_indices(body[:end])


def test_any_byte_of_a_reply_may_be_another() -> None:
    for index in range(len(BODY)):
        for other in b'\0"\\,:[]{}-.0e9 n\x80\xff':
            check(BODY[:index] + bytes([other]) + BODY[index + 1 :])


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_a_reply_or_refused(body: bytes) -> None:
    check(body)


def check(body: bytes) -> None:
    """Finite prices or a ValueError, and an error body that can be stored."""
    error = rest.error_body(body)
    assert len(error.msg) <= 300
    error.msg.encode()
    try:
        found = rest.premium_indices(body)
    except ValueError:  # msgspec's errors are of this class
        return
    for row in found:
        assert math.isfinite(row.mark_price)
        assert math.isfinite(row.index_price)
        assert row.funding_rate is None or math.isfinite(row.funding_rate)


@pytest.mark.parametrize("symbol", [*BAD_SYMBOLS, "btcusdt", "A" * 5_000], ids=shown)
def test_row_whose_symbol_is_not_one_is_left_out(symbol: str) -> None:
    """As in the stream, so that neither side of a comparison has it."""
    premium = {
        "markPrice": "1", "indexPrice": "1", "lastFundingRate": "0", "nextFundingTime": 0, "time": 1
    }  # fmt: skip
    contract = {"contractType": "", "status": "", "quoteAsset": "", "baseAsset": ""}
    for row, read in ((premium, rest.premium_indices), (contract, rest.contracts)):
        both = [row | {"symbol": symbol}, row | {"symbol": "币安人生USDT"}]
        body = json.dumps(both if row is premium else {"symbols": both}).encode()
        found: list[Any] = list(read(body))
        assert [each.symbol for each in found] == ["币安人生USDT"]


def test_error_body_has_code_and_message() -> None:
    body = b'{"code":-1121,"msg":"Invalid symbol."}'
    assert rest.error_body(body) == rest.ErrorBody(-1121, "Invalid symbol.")
    assert rest.error_body(b"<html>") == rest.ErrorBody(None, "<html>")
    assert len(rest.error_body(json.dumps({"msg": "x" * 999}).encode()).msg) == 300


def test_candle_is_read_from_a_longer_array() -> None:
    decoder = msgspec.json.Decoder(list[rest.Kline])
    (candle,) = decoder.decode(b'[[1,"2","3","4","5","6",7,"8",9,"10","11","0"]]')
    assert candle == rest.Kline(1, "2", "3", "4", "5", "6", 7, "8")
