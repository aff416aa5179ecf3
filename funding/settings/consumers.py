"""The settings of the consumers: a second table beside `settings`, and the file of their secrets.

`FUNDING_ENV_FILE` may name a file of NAME=value lines for any setting; what the environment says
itself goes first. The file must be its owner's alone, since it holds keys. A value that is secret
is shown nowhere: not in an error, not in a repr, not when somebody logs the settings.
"""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from funding.errors import SettingError
from funding.settings import service
from funding.settings.secret import Secret
from funding.settings.service import Setting, Settings, number, switch, url, whole

_LINE = re.compile(r"(?:export\s+)?([A-Z][A-Z0-9_]*)\s*=\s*(.*)", re.ASCII)
_MAX_FILE = 64 * 1024
_KEY = "printable ASCII without spaces, at most 1000 characters"


@dataclass(frozen=True, slots=True)
class ConsumerSettings:
    """Every setting of the consumers, read and checked. See `TABLE` for the meaning."""

    volspike_api_url: str
    volspike_api_key: Secret
    volspike_api_url_dev: str
    volspike_api_key_dev: Secret
    telegram_token: Secret
    telegram_url: str
    chat_id: Secret
    tradfi: bool
    missing_as_zero: bool
    env_file: str
    oi_max_req_per_min: int
    oi_min_interval_sec: int
    oi_max_interval_sec: int
    oi_spike_threshold_pct_5min: float
    oi_spike_threshold_pct_15min: float
    oi_spike_threshold_pct_60min: float
    oi_alert_cooldown_5min: float
    oi_alert_cooldown_15min: float
    oi_alert_cooldown_60min: float
    oi_min_delta_contracts: float
    oi_retention_hours: float


def _secret(text: str) -> Secret:
    if len(text) > 1_000 or not all("!" <= letter <= "~" for letter in text):
        raise ValueError
    return Secret(text)


def _optional_url(text: str) -> str:
    return url("http", "https")(text) if text else ""


def _fraction(text: str) -> float:
    value = number(0.0, 1.0)(text)
    if not 0 < value < 1:
        raise ValueError
    return value


def _threshold(minutes: str, default: str) -> Setting:
    return Setting(
        f"OI_SPIKE_THRESHOLD_PCT_{minutes}MIN",
        _fraction,
        default,
        "a fraction between 0 and 1: 0.03 is 3 %",
        f"change within {minutes} minutes that is an alert, as a fraction",
    )


def _cooldown(minutes: str, default: str) -> Setting:
    return Setting(
        f"OI_ALERT_COOLDOWN_{minutes}MIN",
        number(0),
        default,
        "seconds",
        f"seconds between two {minutes}-minute alerts of a symbol in one direction",
    )


_ADDRESS = "an http:// or https:// address without credentials, or nothing"
_SECONDS = "whole seconds, 1 to 3600"

TABLE = (
    Setting("VOLSPIKE_API_URL", _optional_url, "", _ADDRESS, "the backend; without one, none"),
    Setting("VOLSPIKE_API_KEY", _secret, "", _KEY, "its key, sent as X-API-Key"),
    Setting("VOLSPIKE_API_URL_DEV", _optional_url, "", _ADDRESS, "a second backend for alerts"),
    Setting("VOLSPIKE_API_KEY_DEV", _secret, "", _KEY, "its key"),
    Setting("TELEGRAM_TOKEN", _secret, "", _KEY, "the bot that sends volume alerts"),
    Setting("CHAT_ID", _secret, "", _KEY, "the chat it sends them to"),
    Setting(
        "TELEGRAM_URL",
        _optional_url,
        "https://api.telegram.org",
        _ADDRESS,
        "Telegram's own address",
    ),
    Setting(
        "FUNDING_TRADFI",
        switch,
        "0",
        "0 or 1",
        "1: stocks and commodities (TRADIFI_PERPETUAL), too",
    ),
    Setting(
        "FUNDING_MISSING_AS_ZERO",
        switch,
        "0",
        "0 or 1",
        "1: a missing rate or notional is sent as 0.0 instead of being left out",
    ),
    Setting("FUNDING_ENV_FILE", str, "", "a file path", "a file of mode 0600 with settings"),
    Setting(
        "OI_MAX_REQ_PER_MIN",
        whole(1, 100_000),
        "2000",
        "a whole number, 1 to 100000",
        "openInterest calls per minute, within FUNDING_REST_WEIGHT",
    ),
    Setting("OI_MIN_INTERVAL_SEC", whole(1, 3_600), "5", _SECONDS, "shortest time of a loop"),
    Setting("OI_MAX_INTERVAL_SEC", whole(1, 3_600), "20", _SECONDS, "longest, budget allowing"),
    _threshold("5", "0.03"),
    _threshold("15", "0.07"),
    _threshold("60", "0.12"),
    _cooldown("5", "600"),
    _cooldown("15", "900"),
    _cooldown("60", "3600"),
    Setting(
        "OI_MIN_DELTA_CONTRACTS",
        number(0, 1e15),
        "5000",
        "a number, at least 0",
        "contracts by which it must have changed to be an alert",
    ),
    Setting(
        "OI_RETENTION_HOURS",
        number(2, 8_760),
        "6",
        "hours, 2 to 8760",
        "hours for which open interest is kept in the store",
    ),
)
_ATTRIBUTES = {setting.name: setting.attribute for setting in TABLE}
_PAIRS = (
    ("VOLSPIKE_API_URL", "VOLSPIKE_API_KEY"),
    ("VOLSPIKE_API_URL_DEV", "VOLSPIKE_API_KEY_DEV"),
    ("TELEGRAM_TOKEN", "CHAT_ID"),
)


def read(environ: Mapping[str, str]) -> ConsumerSettings:
    """The consumers' settings in `environ`; `SettingError` for the first that cannot be."""
    values: dict[str, Any] = {}
    for setting in TABLE:
        text = environ.get(setting.name, setting.default)
        try:
            values[setting.attribute] = setting.cast(text)
        except ValueError:
            raise SettingError(setting.name, _shown(setting, text), setting.expected) from None
    for one, other in (*_PAIRS, *(pair[::-1] for pair in _PAIRS)):
        if values[_ATTRIBUTES[one]] and not values[_ATTRIBUTES[other]]:
            raise SettingError(other, "", f"a value, since {one} has one")
    least, most = values["oi_min_interval_sec"], values["oi_max_interval_sec"]
    if least > most:
        raise SettingError(
            "OI_MIN_INTERVAL_SEC", str(least), f"at most OI_MAX_INTERVAL_SEC ({most})"
        )
    return ConsumerSettings(**values)


def _shown(setting: Setting, text: str) -> str:
    # An address that is none may be a key in the wrong place.
    return "(hidden)" if setting.cast in (_secret, _optional_url) else text[:200]


def from_file(path: Path) -> dict[str, str]:
    """The settings in the file at `path`, which must be ours alone. Shows nothing of its text."""
    name = "FUNDING_ENV_FILE"
    try:
        # A pipe would be waited for, before anybody could see that it is no file.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_uid not in (0, os.geteuid()):
                raise SettingError(name, str(path), "a file of our own")
            if stat.S_IMODE(status.st_mode) & 0o077:
                raise SettingError(name, str(path), "mode 0600: others may read it (chmod 600)")
            data = file.read(_MAX_FILE + 1)
            text = data.decode()
    except (OSError, ValueError) as error:
        expected = f"a file of NAME=value lines ({type(error).__name__})"
        raise SettingError(name, str(path), expected) from None
    if len(data) > _MAX_FILE:
        raise SettingError(name, str(path), f"a file of at most {_MAX_FILE} bytes")
    found = {}
    for place, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if bare and not bare.startswith("#"):
            match = _LINE.fullmatch(bare)
            if match is None:
                raise SettingError(name, f"{path}, line {place}", "NAME=value") from None
            found[match[1]] = _unquoted(match[2].strip())
    return found


def _unquoted(text: str) -> str:
    quoted = len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else text


def load() -> tuple[Settings, ConsumerSettings, list[str]]:
    """Both tables, from the environment and the file it names, and the unknown names."""
    environ: dict[str, str] = dict(os.environ)
    unknown: list[str] = []
    if environ.get("FUNDING_ENV_FILE"):
        told = from_file(Path(environ["FUNDING_ENV_FILE"]))
        known = {setting.name for setting in (*service.TABLE, *TABLE)}
        unknown = sorted(told.keys() - known)
        environ = told | environ
    ours, others = service.read(environ)
    return ours, read(environ), sorted({*unknown, *others})
