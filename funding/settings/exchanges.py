"""The settings of the exchanges: which there are, and where each is reached."""

from collections.abc import Mapping

from funding.exchanges.binance.coin_margined import COIN_MARGINED
from funding.exchanges.exchange import Options
from funding.exchanges.table import EXCHANGES
from funding.settings import assets
from funding.settings.table import Cast, Setting, choice, url

FIRST = "binance"
"""The exchange that some settings are about, such as FUNDING_MIN_SYMBOLS."""

_ws, _http = url("ws", "wss"), url("http", "https")


def _list_of(*known: str) -> Cast:
    def read(text: str) -> tuple[str, ...]:
        names = tuple(name.strip() for name in text.split(","))
        if not set(names) <= set(known) or len(set(names)) < len(names):
            raise ValueError
        if any(EXCHANGES[name].carried_by not in ("", *names) for name in names):
            raise ValueError
        return names

    expected = f"names separated by commas, each once, of {', '.join(known)}"
    carried = [f"{n} with {e.carried_by}" for n, e in EXCHANGES.items() if e.carried_by]
    return Cast(read, f"{expected}; {', '.join(carried)} only")


def _dexes(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",")) if text.strip() else ()
    if not all(name == "*" or (name.isascii() and name.isalnum()) for name in names):
        raise ValueError
    if len(set(names)) < len(names) or ("*" in names and len(names) > 1):
        raise ValueError
    return names


TABLE = (
    Setting(
        "FUNDING_EXCHANGES",
        _list_of(*EXCHANGES),
        "binance",
        "the exchanges to follow; one ingest program each",
    ),
    Setting(
        "FUNDING_COINM_REST_URL",
        _http,
        "https://dapi.binance.com",
        "REST base of Binance COIN-M, for binance-coinm",
    ),
    Setting("FUNDING_KUCOIN_WS_URL", _ws, "wss://x-push-futures.kucoin.com", "its push stream"),
    Setting("FUNDING_KUCOIN_REST_URL", _http, "https://api-futures.kucoin.com", "its REST base"),
    Setting(
        "FUNDING_KUCOIN_UNIFIED_REST_URL",
        _http,
        "https://api.kucoin.com",
        "its REST base that tells of announced changes of funding intervals",
    ),
    Setting(
        "FUNDING_KUCOIN_FEED",
        choice("push", "classic"),
        "push",
        "its stream: push needs no token; classic is used by itself where push refuses",
    ),
    Setting("FUNDING_HYPERLIQUID_WS_URL", _ws, "wss://api.hyperliquid.xyz/ws", "its stream"),
    Setting("FUNDING_HYPERLIQUID_REST_URL", _http, "https://api.hyperliquid.xyz", "its REST base"),
    Setting(
        "FUNDING_HYPERLIQUID_DEXES",
        Cast(_dexes, "names of builder markets separated by commas, or * for all, or nothing"),
        "",
        "builder markets to follow beside the main one, * for all",
    ),
    Setting("FUNDING_BACKPACK_WS_URL", _ws, "wss://ws.backpack.exchange", "its stream"),
    Setting("FUNDING_BACKPACK_REST_URL", _http, "https://api.backpack.exchange", "its REST base"),
)


def options(exchange: str, values: Mapping[str, object]) -> Options:
    """What the settings, whose `values` are by attribute, say of `exchange`.

    Binance's names are without its own, since it was there first; COIN-M is on its connection, and
    has a host for its prices.
    Raises `SettingError` where the table of assets cannot be read.
    """
    prefix = "" if exchange.startswith("binance") else f"{exchange}_"
    own = EXCHANGES.get(exchange)
    named = {field: values.get(prefix + field) or getattr(own, field, "") for field in _FIELDS}
    if exchange == COIN_MARGINED.name:
        named |= {"rest_url": values["coinm_rest_url"], "unified_rest_url": values["rest_url"]}
    named["markets"] = values.get(f"{prefix}dexes", ())
    return Options(**named, aliases=assets.load())  # type: ignore[arg-type]


_FIELDS = ("ws_url", "rest_url", "unified_rest_url", "feed")
