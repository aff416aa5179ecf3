"""The settings: one table, read once, refused as a whole when one value is wrong.

The only reader of the environment. Every program calls `load()` first; a `SettingError` there
is one line on stderr and exit code 2. An unknown `FUNDING_…` name is no error, since it may
belong to a newer or older version, but the log says so.
"""

import ipaddress
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from funding.errors import SettingError

_STREAM_SUFFIX = re.compile(r"@(arr|markPrice|1s)(?=[@/&]|$)")

ELSEWHERE = frozenset({"FUNDING_ENV_FILE", "FUNDING_MISSING_AS_ZERO", "FUNDING_TRADFI"})
"""Names that `consumer_settings` reads."""

ROOT = Path(__file__).resolve().parent.parent.parent
"""The project's own folder: relative defaults are below it, wherever a program is started."""

MODES = ("rest", "parallel", "websocket", "websocket-only")
"""Of the client: see `funding.client`."""


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
    comparison_days: float
    rest_weight: int
    supervisor: Path
    mode: str
    force_mode: bool
    log_level: str


class Setting(NamedTuple):
    """One row of the table: the name in the environment and what its text may be."""

    name: str
    cast: Callable[[str], Any]
    default: str
    expected: str
    why: str

    @property
    def attribute(self) -> str:
        """The field of `Settings` that holds it."""
        return self.name.removeprefix("FUNDING_").lower()


def _path(text: str) -> Path:
    if not text or "\0" in text:
        raise ValueError
    return Path(text).absolute()


def url(*schemes: str) -> Callable[[str], str]:
    """A cast: an address of one of `schemes`, without credentials; no slash at its end."""

    def cast(text: str) -> str:
        parts = urlsplit(text)
        _ = parts.port  # raises ValueError for a port that is no number
        if parts.scheme not in schemes or not parts.hostname or parts.username or parts.password:
            raise ValueError
        if not text.isprintable() or " " in text:
            raise ValueError
        return text.rstrip("/")

    return cast


def is_loopback(host: str) -> bool:
    """Whether `host`, an address or a name, is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _loopback(text: str) -> str:
    # IPv4 alone: supervisord's `socket=tcp://host:port` has no form for an IPv6 address.
    if not ipaddress.IPv4Address(text).is_loopback:
        raise ValueError
    return text


def whole(low: int, high: int) -> Callable[[str], int]:
    """A cast: a whole number, `low` to `high`."""

    def cast(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise ValueError
        return int(text)

    return cast


def number(low: float, high: float = 365 * 86_400.0) -> Callable[[str], float]:
    """A cast: a finite number, `low` to `high`."""

    def cast(text: str) -> float:
        value = float(text)
        if not (math.isfinite(value) and low <= value <= high):
            raise ValueError
        return value

    return cast


def _level(text: str) -> str:
    if text.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise ValueError
    return text.upper()


def _mode(text: str) -> str:
    if text not in MODES:
        raise ValueError
    return text


def switch(text: str) -> bool:
    """A cast: 0 or 1."""
    if text not in ("0", "1"):
        raise ValueError
    return text == "1"


TABLE = (
    Setting("FUNDING_DB", _path, str(ROOT / "var/funding.db"), "a file path", "the SQLite file"),
    Setting(
        "FUNDING_WS_URL",
        url("ws", "wss"),
        "wss://fstream.binance.com/market/stream?streams=!markPrice@arr@1s",
        "a ws:// or wss:// address without credentials",
        "the stream; only addresses under /market deliver mark prices",
    ),
    Setting(
        "FUNDING_REST_URL",
        url("http", "https"),
        "https://fapi.binance.com",
        "an http:// or https:// address without credentials",
        "REST base, asked for comparisons",
    ),
    Setting(
        "FUNDING_API_HOST",
        _loopback,
        "127.0.0.1",
        "an IPv4 loopback address such as 127.0.0.1",
        "where the API listens",
    ),
    Setting("FUNDING_API_PORT", whole(1, 65_535), "8888", "a port, 1 to 65535", "its port"),
    Setting(
        "FUNDING_STALE_AFTER",
        number(1),
        "180",
        "seconds, at least 1",
        "age after which a quote is stale",
    ),
    Setting(
        "FUNDING_STALL_AFTER",
        number(0.5),
        "5",
        "seconds, at least 0.5",
        "silence, counted from connect, after which a connection is replaced",
    ),
    Setting(
        "FUNDING_CONNECTIONS",
        whole(1, 4),
        "1",
        "a whole number, 1 to 4",
        "connections to the same stream at once; 2 is a hot spare",
    ),
    Setting(
        "FUNDING_ROTATE_AFTER",
        number(2),
        "82800",
        "seconds, at least 2",
        "age at which a connection is replaced, before the exchange ends it at 24 h",
    ),
    Setting(
        "FUNDING_BACKOFF_MAX",
        number(0.1, 3600),
        "5",
        "seconds, 0.1 to 3600",
        "largest delay between connection attempts",
    ),
    Setting(
        "FUNDING_MIN_SYMBOLS",
        whole(0, 5_000),
        "500",
        "a whole number, 0 to 5000",
        "fewer fresh symbols than this is unhealthy",
    ),
    Setting(
        "FUNDING_CHECK_INTERVAL",
        number(0.2),
        "5",
        "seconds, at least 0.2",
        "between the watchdog's local checks",
    ),
    Setting(
        "FUNDING_COMPARE_INTERVAL",
        number(0.2),
        "60",
        "seconds, at least 0.2",
        "between its comparisons of BTCUSDT with REST",
    ),
    Setting(
        "FUNDING_COMPARE_ALL_INTERVAL",
        number(0),
        "600",
        "seconds; 0 turns them off",
        "between its comparisons of all symbols with REST",
    ),
    Setting(
        "FUNDING_COMPARISON_DAYS",
        number(1, 3650),
        "14",
        "days, at least 1",
        "days for which comparisons and events are kept",
    ),
    Setting(
        "FUNDING_REST_WEIGHT",
        whole(20, 2_400),
        "1200",
        "a whole number, 20 to 2400",
        "REST weight per minute that the whole group may use; the exchange allows 2400 per address",
    ),
    Setting(
        "FUNDING_SUPERVISOR",
        _path,
        str(ROOT / "var/supervisor.sock"),
        "a file path",
        "supervisord's unix socket",
    ),
    Setting(
        "FUNDING_MODE",
        _mode,
        "parallel",
        "rest, parallel, websocket or websocket-only",
        "where FundingClient takes its values from",
    ),
    Setting(
        "FUNDING_FORCE_MODE",
        switch,
        "0",
        "0 or 1",
        "1: FundingClient leaves REST without a GO verdict",
    ),
    Setting(
        "FUNDING_LOG_LEVEL",
        _level,
        "INFO",
        "DEBUG, INFO, WARNING or ERROR",
        "what the logs tell",
    ),
)


def read(environ: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """The settings in `environ`, and the `FUNDING_…` names there that nothing reads.

    Raises `SettingError` for the first value that cannot be read or that contradicts another.
    """
    values: dict[str, Any] = {}
    for setting in TABLE:
        text = environ.get(setting.name, setting.default)
        try:
            values[setting.attribute] = setting.cast(text)
        except ValueError:
            raise SettingError(setting.name, _shown(setting.name, text), setting.expected) from None
    settings = Settings(**values)
    if settings.rotate_after <= settings.stall_after:
        raise SettingError(
            "FUNDING_ROTATE_AFTER",
            f"{settings.rotate_after:g}",
            f"more than FUNDING_STALL_AFTER ({settings.stall_after:g})",
        )
    known = {setting.name for setting in TABLE} | ELSEWHERE
    return settings, sorted(n for n in environ if n.startswith("FUNDING_") and n not in known)


def _shown(name: str, text: str) -> str:
    # An address may carry credentials, and where a typing error leaves them nobody knows: they
    # never reach a log or a terminal. Only the @ of a stream's name tells no secret.
    if name.endswith("_URL") and "@" in _STREAM_SUFFIX.sub("", text):
        return "(hidden: it may carry credentials)"
    return text[:200]


def supervised() -> bool:
    """Whether supervisord has started this process."""
    return "SUPERVISOR_ENABLED" in os.environ


def load() -> tuple[Settings, list[str]]:
    """`read` of this process's environment."""
    return read(os.environ)
