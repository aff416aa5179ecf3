"""The settings of what the watchdog tells people: a table beside the service's, since some of the
values are secret."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from funding.errors import SettingError
from funding.model.origin import Origin, is_loopback, origin
from funding.settings import consumers, environment, proxies, service
from funding.settings.secret import Secret
from funding.settings.table import Setting, read_table, secret_url, switch


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """Every setting of the alerts, read and checked. See `TABLE` for the meaning."""

    alert_url: Secret
    heartbeat_url: Secret
    daily_report: bool
    telegram_token: Secret
    telegram_url: str
    chat_id: Secret


TABLE = (
    Setting(
        "FUNDING_ALERT_URL", secret_url, "", "a webhook for alerts of the service, as Slack takes"
    ),
    Setting(
        "FUNDING_HEARTBEAT_URL",
        secret_url,
        "",
        "an address that is asked every minute while the service is healthy",
    ),
    Setting(
        "FUNDING_DAILY_REPORT", switch, "1", "1: the watchdog makes a validation report each day"
    ),
    *(
        setting
        for setting in consumers.TABLE
        if setting.name in ("TELEGRAM_TOKEN", "CHAT_ID", "TELEGRAM_URL")
    ),
)
SECRETS = frozenset(setting.name for setting in TABLE if setting.cast.is_secret)


def read(texts: Mapping[str, str]) -> AlertSettings:
    """The settings in `texts`; `SettingError` for the first that cannot be."""
    found = AlertSettings(**read_table(TABLE, texts))
    if bool(found.telegram_token) != bool(found.chat_id):
        lacking = "CHAT_ID" if found.telegram_token else "TELEGRAM_TOKEN"
        raise SettingError(lacking, "", "a value, since Telegram needs TELEGRAM_TOKEN and CHAT_ID")
    return found


def load(rest_host: str) -> AlertSettings:
    """The settings, from the environment and the settings file, for a service that asks REST at
    `rest_host`: what a stand-in invents is told on this machine alone."""
    found = environment.texts(service.PATHS)
    consumers.check_secrets(found, SECRETS)
    own = read(found.texts)
    addresses = own.alert_url.reveal(), own.heartbeat_url.reveal(), own.telegram_url
    proxies.check(*addresses)
    if origin(rest_host) is not Origin.STAND_IN:
        return own
    alert, heartbeat, telegram = (each if _is_here(each) else "" for each in addresses)
    return replace(
        own, alert_url=Secret(alert), heartbeat_url=Secret(heartbeat), telegram_url=telegram
    )


def _is_here(address: str) -> bool:
    return is_loopback(urlsplit(address).hostname or "")
