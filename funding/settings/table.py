"""A table of settings: each row's name, what its text may be, its default. Pure."""

import ipaddress
import math
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from funding.errors import SettingError
from funding.settings.secret import Secret

_STREAM_SUFFIX = re.compile(r"@(arr|markPrice|1s)(?=[@/&]|$)")


class Setting(NamedTuple):
    """One row of a table: the name in the environment and what its text may be."""

    name: str
    cast: Callable[[str], Any]
    default: str
    expected: str
    why: str

    @property
    def attribute(self) -> str:
        """The field that holds the value."""
        return self.name.removeprefix("FUNDING_").lower()


def read_table(table: Iterable[Setting], texts: Mapping[str, str]) -> dict[str, Any]:
    """The value of each row of `table`, by attribute, from `texts` or its default.

    Raises `SettingError` for the first text that cannot be read.
    """
    values = {}
    for setting in table:
        text = texts.get(setting.name, setting.default)
        try:
            values[setting.attribute] = setting.cast(text)
        except ValueError:
            raise SettingError(setting.name, _shown(setting, text), setting.expected) from None
    return values


def _shown(setting: Setting, text: str) -> str:
    # An address may carry credentials, and where a typing error leaves them nobody knows; an
    # address that cannot be read may be a key in the wrong place. Neither reaches a log or a
    # terminal. Only the @ of a stream's name tells no secret.
    if setting.cast in (secret, optional_url):
        return "(hidden)"
    if setting.name.endswith("_URL") and "@" in _STREAM_SUFFIX.sub("", text):
        return "(hidden: it may carry credentials)"
    return text[:200]


def path(text: str) -> Path:
    """A cast: a file path; a relative one is below the working folder."""
    if not text or "\0" in text:
        raise ValueError
    return Path(text).absolute()


def url(*schemes: str) -> Callable[[str], str]:
    """A cast: an address of one of `schemes`, without credentials; no slash at its end."""

    def cast(text: str) -> str:
        parts = urlsplit(text)
        _ = parts.port  # raises ValueError for a port that is not a number
        if parts.scheme not in schemes or not parts.hostname or parts.username or parts.password:
            raise ValueError
        if not text.isprintable() or " " in text:
            raise ValueError
        return text.rstrip("/")

    return cast


def optional_url(text: str) -> str:
    """A cast: an http or https address, or nothing."""
    return url("http", "https")(text) if text else ""


def secret(text: str) -> Secret:
    """A cast: printable ASCII without spaces, at most 1,000 characters; or nothing."""
    if len(text) > 1_000 or not all("!" <= letter <= "~" for letter in text):
        raise ValueError
    return Secret(text)


def is_loopback(host: str) -> bool:
    """Whether `host`, an address or a name, is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def loopback(text: str) -> str:
    """A cast: an IPv4 loopback address; supervisord listens on no IPv6 one for its programs."""
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


def fraction(text: str) -> float:
    """A cast: a number between 0 and 1, neither of them included."""
    value = number(0.0, 1.0)(text)
    if not 0 < value < 1:
        raise ValueError
    return value


def choice(*texts: str, upper: bool = False) -> Callable[[str], str]:
    """A cast: one of `texts`; with `upper`, whatever its case."""

    def cast(text: str) -> str:
        found = text.upper() if upper else text
        if found not in texts:
            raise ValueError
        return found

    return cast


def switch(text: str) -> bool:
    """A cast: 0 or 1."""
    if text not in ("0", "1"):
        raise ValueError
    return text == "1"
