"""Subjects, keys and their way back."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.model.quote import fold
from funding.nats import subjects

KEY = re.compile(r"^[-/_=.a-zA-Z0-9]+$")  # as nats-py and the server take it


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("BTCUSDT", "BTCUSDT"),
        ("btcusdt", "BTCUSDT"),
        ("BTC_USDC_PERP", "BTC_USDC_PERP"),
        ("BTCUSD_241227", "BTCUSD_241227"),
        ("xyz:NVDA", "XYZ=3ANVDA"),
        ("@107", "=40107"),
        ("a.b*c>d e", "A=2EB=2AC=3ED=20E"),
        ("=3A", "=3D3A"),
        ("币安", "=E5=B8=81=E5=AE=89"),
        ("ß", "=C3=9F"),
    ],
)
def test_token_of_a_symbol(symbol: str, expected: str) -> None:
    assert subjects.symbol_token(symbol) == expected


@given(st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable()))
def test_every_token_is_a_key_and_comes_back(text: str) -> None:
    found = subjects.token(text)
    assert KEY.match(found)
    assert "." not in found
    assert subjects.text_of(found) == text


@given(st.text(max_size=20))
def test_what_is_no_token_is_refused(text: str) -> None:
    try:
        back = subjects.text_of(text)
    except ValueError:
        return
    assert subjects.text_of(subjects.token(back)) == back


@pytest.mark.parametrize("text", ["", "A.B", "=3a", "=", "=3", "A B", "=FF"])
def test_not_tokens(text: str) -> None:
    with pytest.raises(ValueError, match=r"token|utf-8"):
        subjects.text_of(text)


def test_key_and_its_parts() -> None:
    assert subjects.key("hyperliquid", "xyz:NVDA") == "hyperliquid.XYZ=3ANVDA"
    assert subjects.split_key("hyperliquid.XYZ=3ANVDA") == ("hyperliquid", fold("xyz:NVDA"))
    with pytest.raises(ValueError, match="token"):
        subjects.split_key("binance")


def test_subjects() -> None:
    assert subjects.quote("binance", "btcusdt") == "funding.binance.BTCUSDT"
    assert subjects.quotes("binance") == "funding.binance.*"
    assert subjects.feed("binance-coinm") == "funding-feed.binance-coinm"
    assert subjects.signals("kucoin") == "funding-trail.signal.kucoin"
    assert subjects.events("host.example") == "funding-trail.event.host=2Eexample"
    assert subjects.comparisons("kucoin") == "funding-trail.comparison.kucoin"
