"""What the settings say of each exchange."""

from dataclasses import replace

import pytest

from funding.exchanges.exchange import Options
from funding.exchanges.table import EXCHANGES
from funding.settings import assets
from funding.settings.service import read

KUCOIN = Options(
    "wss://x-push-futures.kucoin.com",
    "https://api-futures.kucoin.com",
    "https://api.kucoin.com",
    "push",
    aliases=assets.load(),
)


def test_each_exchange_has_its_own_addresses() -> None:
    settings, _ = read({"FUNDING_HYPERLIQUID_DEXES": "xyz,flx"})
    assert settings.options("kucoin") == KUCOIN
    assert settings.options("hyperliquid").markets == ("xyz", "flx")
    assert settings.options("hyperliquid").ws_url == "wss://api.hyperliquid.xyz/ws"
    assert settings.options("backpack").rest_url == "https://api.backpack.exchange"


def test_exchange_without_settings_has_the_addresses_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fifth = replace(
        EXCHANGES["backpack"],
        name="fifth",
        ws_url="wss://fifth.test",
        rest_url="https://fifth.test",
    )
    monkeypatch.setitem(EXCHANGES, "fifth", fifth)
    settings, _ = read({})
    found = settings.options("fifth")
    assert (found.ws_url, found.rest_url) == ("wss://fifth.test", "https://fifth.test")


def test_binance_has_the_settings_without_a_name_and_shares_them_with_its_coin_margined() -> None:
    settings, _ = read({"FUNDING_WS_URL": "ws://host/market", "FUNDING_REST_URL": "http://host"})
    assert settings.options("binance") == Options(
        "ws://host/market", "http://host", aliases=assets.load()
    )
    coin_margined = settings.options("binance-coinm")
    assert coin_margined.ws_url == "ws://host/market"
    assert coin_margined.rest_url == "https://dapi.binance.com"
    assert coin_margined.unified_rest_url == "http://host"


def test_the_first_exchange_is_binance_where_it_is_followed() -> None:
    kucoin, binance = EXCHANGES["kucoin"], EXCHANGES["binance"]
    for text, first in (("kucoin,binance", "binance"), ("kucoin,backpack", "kucoin")):
        settings, _ = read({"FUNDING_EXCHANGES": text, "FUNDING_MIN_SYMBOLS": "7"})
        assert settings.first == first
        assert settings.min_symbols_of(binance) == 7
        assert settings.min_symbols_of(kucoin) == kucoin.min_symbols
