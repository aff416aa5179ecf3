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

_YEAR_SECONDS = 365 * 86_400.0


class Cast(NamedTuple):
    """How a text becomes a value: `read` raises ValueError unless it is what is `expected`."""

    read: Callable[[str], Any]
    expected: str
    is_secret: bool = False


class Setting(NamedTuple):
    """One row of a table: the name in the environment, what its text may be, what it is for."""

    name: str
    cast: Cast
    default: str
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
            values[setting.attribute] = setting.cast.read(text)
        except ValueError:
            expected = setting.cast.expected
            raise SettingError(setting.name, _shown(setting, text), expected) from None
    return values


def _shown(setting: Setting, text: str) -> str:
    # An address may carry credentials, and where a typing error leaves them nobody knows; an
    # address that cannot be read may be a key in the wrong place. Neither reaches a log or a
    # terminal. Only the @ of a stream's name is not part of a secret.
    if setting.cast.is_secret:
        return "(hidden)"
    if setting.name.endswith("_URL") and "@" in _STREAM_SUFFIX.sub("", text):
        return "(hidden: it may carry credentials)"
    return text[:200]


def _path(text: str) -> Path:
    if not text or "\0" in text:
        raise ValueError
    return Path(text).absolute()


path = Cast(_path, "a file path")
"""A relative one is below the working folder."""


def url(*schemes: str) -> Cast:
    """An address of one of `schemes`, without credentials; the slash at its end goes."""

    def read(text: str) -> str:
        parts = urlsplit(text)
        _ = parts.port  # raises ValueError for a port that is not a number
        if parts.scheme not in schemes or not parts.hostname or parts.username or parts.password:
            raise ValueError
        if not text.isprintable() or " " in text:
            raise ValueError
        return text.rstrip("/")

    kinds = " or ".join(f"{scheme}://" for scheme in schemes)
    return Cast(read, f"a {kinds} address without credentials")


_http = url("http", "https")
optional_url = Cast(
    lambda text: _http.read(text) if text else "", f"{_http.expected}, or nothing", is_secret=True
)


def _secret(text: str) -> Secret:
    if len(text) > 1_000 or not all("!" <= letter <= "~" for letter in text):
        raise ValueError
    return Secret(text)


secret_url = Cast(
    lambda text: Secret(_http.read(text) if text else ""), optional_url.expected, is_secret=True
)
"""All of such an address may be the secret."""
secret = Cast(_secret, "printable ASCII without spaces, at most 1000 characters", is_secret=True)


def _loopback(text: str) -> str:
    if not ipaddress.IPv4Address(text).is_loopback:
        raise ValueError
    return text


loopback = Cast(_loopback, "an IPv4 loopback address such as 127.0.0.1")
"""supervisord listens on no IPv6 address for its programs."""


def whole(low: int, high: int, unit: str = "a whole number") -> Cast:
    """A whole number, `low` to `high`."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise ValueError
        return int(text)

    return Cast(read, f"{unit}, {low} to {high}")


def number(low: float, high: float = _YEAR_SECONDS, unit: str = "seconds") -> Cast:
    """A finite number, `low` to `high`."""

    def read(text: str) -> float:
        value = float(text)
        if not (math.isfinite(value) and low <= value <= high):
            raise ValueError
        return value

    bounds = f"at least {low:g}" if high == _YEAR_SECONDS else f"{low:g} to {high:g}"
    return Cast(read, f"{unit}, {bounds}")


def _fraction(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise ValueError
    return value


fraction = Cast(_fraction, "a fraction between 0 and 1: 0.03 is 3 %")


def choice(*texts: str, upper: bool = False) -> Cast:
    """One of `texts`; with `upper`, whatever its case."""

    def read(text: str) -> str:
        found = text.upper() if upper else text
        if found not in texts:
            raise ValueError
        return found

    return Cast(read, " or ".join((", ".join(texts[:-1]), texts[-1])))


def _switch(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError
    return text == "1"


switch = Cast(_switch, "0 or 1")
anything = Cast(str, "any text")
