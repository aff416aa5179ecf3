"""The settings of the consumers: a second table beside the service's.

A value that is secret is shown nowhere: not in an error, not in a repr, not when somebody logs the
settings. A file that holds one must be its owner's alone.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from funding.errors import SettingError
from funding.model.origin import Origin, is_loopback, origin
from funding.settings import environment, proxies, service
from funding.settings.environment import Texts
from funding.settings.secret import Secret
from funding.settings.service import Settings
from funding.settings.table import (
    Setting,
    fraction,
    number,
    optional_url,
    read_table,
    secret,
    secret_url,
    switch,
    whole,
)


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
    signal_webhook_url: Secret
    signal_backend: bool
    signal_symbol_cap: int
    signal_message_cap: int
    tradfi: bool
    missing_as_zero: bool
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


def _threshold(minutes: str, default: str) -> Setting:
    why = f"change within {minutes} minutes that is an alert, as a fraction"
    return Setting(f"OI_SPIKE_THRESHOLD_PCT_{minutes}MIN", fraction, default, why)


def _cooldown(minutes: str, default: str) -> Setting:
    why = f"seconds between two {minutes}-minute alerts of a symbol in one direction"
    return Setting(f"OI_ALERT_COOLDOWN_{minutes}MIN", number(0), default, why)


TABLE = (
    Setting("VOLSPIKE_API_URL", optional_url, "", "the backend; without one, none"),
    Setting("VOLSPIKE_API_KEY", secret, "", "its key, sent as X-API-Key"),
    Setting("VOLSPIKE_API_URL_DEV", optional_url, "", "a second backend for alerts"),
    Setting("VOLSPIKE_API_KEY_DEV", secret, "", "its key"),
    Setting("TELEGRAM_TOKEN", secret, "", "the bot that sends volume alerts"),
    Setting("CHAT_ID", secret, "", "the chat it sends them to"),
    Setting("TELEGRAM_URL", optional_url, "https://api.telegram.org", "Telegram's own address"),
    Setting("FUNDING_SIGNAL_WEBHOOK_URL", secret_url, "", "a webhook that takes signals as JSON"),
    Setting("FUNDING_SIGNAL_BACKEND", switch, "0", "1: the backends take signals as well"),
    Setting(
        "FUNDING_SIGNAL_SYMBOL_CAP",
        whole(1, 1_000),
        "6",
        "signals of one symbol that are told in an hour; the others are counted",
    ),
    Setting(
        "FUNDING_SIGNAL_MESSAGE_CAP",
        whole(1, 60),
        "10",
        "messages of signals in a minute, to each target",
    ),
    Setting("FUNDING_TRADFI", switch, "0", "1: stocks and commodities (TRADIFI_PERPETUAL) as well"),
    Setting(
        "FUNDING_MISSING_AS_ZERO",
        switch,
        "0",
        "1: a missing rate or notional is sent as 0.0 instead of being left out",
    ),
    Setting(
        "OI_MAX_REQ_PER_MIN",
        whole(1, 100_000),
        "2000",
        "openInterest calls per minute, within FUNDING_REST_WEIGHT",
    ),
    Setting(
        "OI_MIN_INTERVAL_SEC", whole(1, 3_600, "whole seconds"), "5", "shortest time of a loop"
    ),
    Setting(
        "OI_MAX_INTERVAL_SEC", whole(1, 3_600, "whole seconds"), "20", "longest, budget allowing"
    ),
    _threshold("5", "0.03"),
    _threshold("15", "0.07"),
    _threshold("60", "0.12"),
    _cooldown("5", "600"),
    _cooldown("15", "900"),
    _cooldown("60", "3600"),
    Setting(
        "OI_MIN_DELTA_CONTRACTS",
        number(0, 1e15, "a number"),
        "5000",
        "contracts by which it must have changed to be an alert",
    ),
    Setting(
        "OI_RETENTION_HOURS",
        number(2, 8_760, "hours"),
        "6",
        "hours for which open interest is kept in the store",
    ),
)
_SECRETS = {setting.name for setting in TABLE if setting.cast in (secret, secret_url)}
_ATTRIBUTES = {setting.name: setting.attribute for setting in TABLE}
_PAIRS = (
    ("VOLSPIKE_API_URL", "VOLSPIKE_API_KEY"),
    ("VOLSPIKE_API_URL_DEV", "VOLSPIKE_API_KEY_DEV"),
    ("TELEGRAM_TOKEN", "CHAT_ID"),
)


def read(texts: Mapping[str, str]) -> ConsumerSettings:
    """The consumers' settings in `texts`; `SettingError` for the first that cannot be."""
    values = read_table(TABLE, texts)
    for one, other in (*_PAIRS, *(pair[::-1] for pair in _PAIRS)):
        if values[_ATTRIBUTES[one]] and not values[_ATTRIBUTES[other]]:
            raise SettingError(other, "", f"a value, since {one} has one")
    least, most = values["oi_min_interval_sec"], values["oi_max_interval_sec"]
    if least > most:
        raise SettingError(
            "OI_MIN_INTERVAL_SEC", str(least), f"at most OI_MAX_INTERVAL_SEC ({most})"
        )
    return ConsumerSettings(**values)


def without_real_targets(own: ConsumerSettings, rest_host: str) -> ConsumerSettings:
    """`own` for a consumer that asks REST at `rest_host`. What a stand-in invents goes to targets
    on this machine alone, and the symbols of a real backend are none of its."""
    if origin(rest_host) is not Origin.STAND_IN:
        return own

    def here(address: str) -> str:
        return address if is_loopback(urlsplit(address).hostname or "") else ""

    return replace(
        own,
        volspike_api_url=here(own.volspike_api_url),
        volspike_api_url_dev=here(own.volspike_api_url_dev),
        telegram_url=here(own.telegram_url),
        signal_webhook_url=Secret(here(own.signal_webhook_url.reveal())),
    )


def load() -> tuple[Settings, ConsumerSettings, list[str]]:
    """Both tables, from the environment and the settings file, and the unknown names."""
    found = environment.texts(service.PATHS)
    check_secrets(found, _SECRETS)
    ours, unknown = service.read(found.texts)
    own = read(found.texts)
    targets = (own.volspike_api_url, own.volspike_api_url_dev, own.telegram_url)
    proxies.check(ours.rest_url, *targets, own.signal_webhook_url.reveal())
    known = {setting.name for setting in (*service.TABLE, *TABLE)} | proxies.NAMES
    return ours, own, sorted({*unknown, *(found.from_file - known)})


def check_secrets(found: Texts, secrets: Collection[str]) -> None:
    """Raise `SettingError` where others may read the file that one of `secrets` is from."""
    exposed = sorted(name for name in found.from_file & set(secrets) if found.texts[name])
    if exposed and found.mode & 0o077:
        mend = "chmod 600; on a server it goes to /etc/funding.secrets.env"
        expected = f"mode 0600, since it holds {exposed[0]}: others may read it ({mend})"
        raise SettingError(environment.NAME, str(found.file), expected)
