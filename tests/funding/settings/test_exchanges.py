"""What the settings say of each exchange."""

from funding.exchanges.exchange import Options
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


def test_binance_has_the_settings_without_a_name_and_shares_them_with_its_coin_margined() -> None:
    settings, _ = read({"FUNDING_WS_URL": "ws://host/market", "FUNDING_REST_URL": "http://host"})
    assert settings.options("binance") == Options(
        "ws://host/market", "http://host", aliases=assets.load()
    )
    assert settings.options("binance-coinm") == settings.options("binance")
