"""The settings of the service and of its client: one table, read once.

Every program calls `load()` first; a `SettingError` there is one line on stderr and exit code 2.
An unknown `FUNDING_…` name is not an error, since it may belong to a newer or an older version, but
the log names it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from funding.errors import SettingError
from funding.exchanges.exchange import Exchange, Options
from funding.model.mode import Mode
from funding.runtime.logs import LogFormat
from funding.settings import assets, environment, exchanges, proxies
from funding.settings.table import (
    Setting,
    anything,
    choice,
    loopback,
    number,
    path,
    read_table,
    switch,
    url,
    whole,
)

ELSEWHERE = frozenset(
    {
        "FUNDING_ALERT_URL",
        "FUNDING_DAILY_REPORT",
        "FUNDING_HEARTBEAT_URL",
        "FUNDING_MISSING_AS_ZERO",
        "FUNDING_NATS_REPLICAS",
        "FUNDING_NATS_URL",
        "FUNDING_SIGNAL_BACKEND",
        "FUNDING_SIGNAL_MESSAGE_CAP",
        "FUNDING_SIGNAL_SYMBOL_CAP",
        "FUNDING_SIGNAL_WEBHOOK_URL",
        "FUNDING_TAKER",
        "FUNDING_TRADFI",
    }
)
"""Names in the tables of the consumers, of the alerts and of what travels between machines."""

ROOT = environment.project_folder()
"""Relative defaults are below it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, read and checked. Durations are seconds. See `TABLE` for the meaning."""

    db: Path
    ws_url: str
    rest_url: str
    api_host: str
    api_port: int
    stale_after: float
    stall_after: float
    connections: int
    rotate_after: float
    backoff_max: float
    min_symbols: int
    check_interval: float
    compare_interval: float
    compare_all_interval: float
    history_days: float
    standby_after: float
    comparison_days: float
    minute_bar_days: float
    hour_bar_days: float
    signals_file: Path
    rest_weight: int
    supervisor: Path
    mode: str
    force_mode: bool
    env_file: str
    log_level: str
    log_format: str
    exchanges: tuple[str, ...]
    coinm_rest_url: str
    kucoin_ws_url: str
    kucoin_rest_url: str
    kucoin_unified_rest_url: str
    kucoin_feed: str
    hyperliquid_ws_url: str
    hyperliquid_rest_url: str
    hyperliquid_dexes: tuple[str, ...]
    backpack_ws_url: str
    backpack_rest_url: str

    def options(self, exchange: str) -> Options:
        """What these settings say of `exchange`, by its name."""
        return exchanges.options(exchange, asdict(self))

    @property
    def first(self) -> str:
        """The exchange that is meant where none is named, and whose data decides about the health
        of the service: Binance where it is followed."""
        followed = self.exchanges
        return exchanges.FIRST if exchanges.FIRST in followed else followed[0]

    def min_symbols_of(self, exchange: Exchange) -> int:
        """Fewer fresh symbols of `exchange` than this are unhealthy."""
        return self.min_symbols if exchange.name == exchanges.FIRST else exchange.min_symbols

    def budget(self, exchange: Exchange) -> int:
        """The weight per minute of which the whole group may use REST of `exchange`."""
        return self.rest_weight if exchange.name == exchanges.FIRST else exchange.limits.own

    @property
    def rest_host(self) -> str:
        """The host of `rest_url`."""
        return urlsplit(self.rest_url).hostname or ""


TABLE = (
    Setting("FUNDING_DB", path, str(ROOT / "var/funding.db"), "the SQLite file"),
    Setting(
        "FUNDING_WS_URL",
        url("ws", "wss"),
        "wss://fstream.binance.com/market/stream?streams=!markPrice@arr@1s",
        "the stream; only addresses under /market deliver mark prices",
    ),
    Setting(
        "FUNDING_REST_URL",
        url("http", "https"),
        "https://fapi.binance.com",
        "REST base, asked for comparisons",
    ),
    Setting("FUNDING_API_HOST", loopback, "127.0.0.1", "where the API listens"),
    Setting("FUNDING_API_PORT", whole(1, 65_535, "a port"), "8888", "its port"),
    Setting("FUNDING_STALE_AFTER", number(1, 86_400), "180", "age after which a quote is stale"),
    Setting(
        "FUNDING_STALL_AFTER",
        number(0.5, 600),
        "5",
        "silence, counted from connect, after which a connection is replaced",
    ),
    Setting(
        "FUNDING_CONNECTIONS",
        whole(1, 4),
        "1",
        "connections to the same stream at once; 2 is a hot spare",
    ),
    Setting(
        "FUNDING_ROTATE_AFTER",
        number(2, 86_400),
        "82800",
        "age at which a connection is replaced, before the exchange ends it at 24 h",
    ),
    Setting(
        "FUNDING_BACKOFF_MAX", number(0.1, 3600), "5", "largest delay between connection attempts"
    ),
    Setting(
        "FUNDING_MIN_SYMBOLS", whole(0, 5_000), "500", "fewer fresh symbols than this is unhealthy"
    ),
    Setting("FUNDING_CHECK_INTERVAL", number(0.2, 600), "5", "between the watchdog's local checks"),
    Setting(
        "FUNDING_COMPARE_INTERVAL",
        number(0.2, 3600),
        "60",
        "between its comparisons of BTCUSDT with REST",
    ),
    Setting(
        "FUNDING_COMPARE_ALL_INTERVAL",
        number(0, 86_400),
        "600",
        "between its comparisons of all symbols with REST",
    ),
    Setting(
        "FUNDING_HISTORY_DAYS",
        number(1, 400),
        "30",
        "days of settled rates that statistics are about, and that are fetched at first",
    ),
    Setting(
        "FUNDING_STANDBY_AFTER",
        number(0, 86_400),
        "30",
        "silence of the stream after which REST stands in; 0 turns it off",
    ),
    Setting(
        "FUNDING_COMPARISON_DAYS",
        number(1, 3650, "days"),
        "14",
        "days for which comparisons and events are kept",
    ),
    Setting(
        "FUNDING_MINUTE_BAR_DAYS",
        number(0.1, 3650, "days"),
        "2",
        "days for which bars of a minute are kept, 130 MB a day for 1,000 symbols",
    ),
    Setting(
        "FUNDING_HOUR_BAR_DAYS",
        number(1, 3650, "days"),
        "400",
        "days for which bars of an hour are kept",
    ),
    Setting(
        "FUNDING_SIGNALS_FILE",
        path,
        str(ROOT / "signals.toml"),
        "thresholds of your own; see signals.toml.example",
    ),
    Setting(
        "FUNDING_REST_WEIGHT",
        whole(20, 2_400),
        "1200",
        "REST weight per minute that the whole group may use; the exchange allows 2400 per address",
    ),
    Setting(
        "FUNDING_SUPERVISOR", path, str(ROOT / "var/supervisor.sock"), "supervisord's unix socket"
    ),
    Setting("FUNDING_MODE", choice(*Mode), "parallel", "where FundingClient takes its values from"),
    Setting("FUNDING_FORCE_MODE", switch, "0", "1: FundingClient leaves REST without a GO verdict"),
    Setting(
        "FUNDING_ENV_FILE",
        anything,
        "",
        "a file of NAME=value lines to read instead of funding.env",
    ),
    Setting(
        "FUNDING_LOG_LEVEL",
        choice("DEBUG", "INFO", "WARNING", "ERROR", upper=True),
        "INFO",
        "how much the logs say",
    ),
    Setting(
        "FUNDING_LOG_FORMAT",
        choice(*LogFormat),
        "text",
        "json: each line of the logs is a JSON object",
    ),
    *exchanges.TABLE,
)
PATHS = frozenset(setting.name for setting in TABLE if setting.cast is path)
OF_ONE_COMMAND = frozenset(
    {"FUNDING_SUPERVISOR", "FUNDING_ENV_FILE", "FUNDING_LOG_LEVEL", "FUNDING_MODE"}
    | {"FUNDING_FORCE_MODE", "FUNDING_LOG_FORMAT"}
)
"""What each command decides for itself; the others are the running group's."""


def read(texts: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """The settings in `texts`, and the `FUNDING_…` names there that nothing reads.

    Raises `SettingError` for the first value that cannot be read or that contradicts another.
    """
    settings = Settings(**read_table(TABLE, texts))
    if settings.rotate_after <= settings.stall_after:
        raise SettingError(
            "FUNDING_ROTATE_AFTER",
            f"{settings.rotate_after:g}",
            f"more than FUNDING_STALL_AFTER ({settings.stall_after:g})",
        )
    known = {setting.name for setting in TABLE} | ELSEWHERE
    return settings, sorted(n for n in texts if n.startswith("FUNDING_") and n not in known)


def load() -> tuple[Settings, list[str]]:
    """`read` of this process's environment and of the settings file."""
    settings, unknown = read(environment.texts(PATHS).texts)
    assets.load()
    proxies.check(*(text for name, text in asdict(settings).items() if name.endswith("_url")))
    return settings, unknown


def load_texts() -> dict[str, str]:
    """The text of every setting of the group, as this process sees it; "" where it is not set."""
    found = environment.texts(PATHS).texts
    return {s.name: found.get(s.name, "") for s in TABLE if s.name not in OF_ONE_COMMAND}


class Difference(NamedTuple):
    """A setting that the running group and this command read differently."""

    name: str
    group: str
    here: str

    def __str__(self) -> str:
        return f"{self.name} is {self.group} in the running group, {self.here} here"


def adopt(group: Mapping[str, str]) -> tuple[Settings, list[Difference]]:
    """This process's settings with those of the running `group`, and where the two differ."""
    here = dict(environment.texts(PATHS).texts)
    own, _ = read(here)
    theirs = {name: text for name, text in group.items() if name not in OF_ONE_COMMAND}
    adopted, _ = read(
        {name: text for name, text in {**here, **theirs}.items() if text or name not in theirs}
    )
    differences = [
        Difference(s.name, theirs[s.name] or s.default, here.get(s.name, s.default))
        for s in TABLE
        if s.name in theirs and getattr(own, s.attribute) != getattr(adopted, s.attribute)
    ]
    return adopted, differences
