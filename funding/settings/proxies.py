"""The proxy for an address, as the environment and the settings file say it: one rule for the
stream, REST and backends.

# Facts
- websocket-client and urllib3 differ: one obeys `https_proxy` and not `all_proxy`, also for
  127.0.0.1; the other obeys none. Both are therefore told.
- curl, git and Python read the names in lower case first. The upper-case HTTP_PROXY is a request
  header where a web server starts programs, which ours does not.
"""

import ipaddress
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from funding.errors import SettingError
from funding.model.origin import is_loopback
from funding.settings import environment

_EXPECTED = "the http:// address of a proxy that answers CONNECT, as host:port"
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


NAMES = frozenset(
    each
    for name in ("https_proxy", "http_proxy", "all_proxy", "no_proxy")
    for each in (name, name.upper())
)
"""What may be set."""


class Proxy(NamedTuple):
    """An HTTP proxy; `credentials` are user and password."""

    host: str
    port: int
    credentials: tuple[str, str] | None = None

    @property
    def netloc(self) -> str:
        """Host and port, as in an address."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def proxy_for(url: str) -> Proxy | None:
    """The proxy through which `url` is to be reached; None for none, as for this machine itself.

    `https_proxy` or `http_proxy`, else `all_proxy`, unless `no_proxy` names the host: the host
    itself, a domain above it, a network, or `*`. Raises `SettingError` for a proxy of another kind.
    """
    parts = urlsplit(url)
    host, kind = parts.hostname or "", "https" if parts.scheme in ("https", "wss") else "http"
    if is_loopback(host):
        return None
    name, text = _first(f"{kind}_proxy", "all_proxy")
    if not text or _is_excepted(host, parts.port or _PORTS[parts.scheme], _first("no_proxy")[1]):
        return None
    try:
        proxy = urlsplit(text if "://" in text else f"http://{text}")
        return _read(proxy)
    except ValueError:
        shown = "(hidden: it may carry credentials)"
        raise SettingError(name, shown, _EXPECTED) from None


def check(*urls: str) -> None:
    """Raise `SettingError` where a proxy for one of `urls`, of which some may be "", is not one."""
    for url in filter(None, urls):
        proxy_for(url)


def _first(*names: str) -> tuple[str, str]:
    """The first of `names` that is set, in either case, and its text; the environment goes before
    the settings file."""
    for name in names:
        for texts in environment.proxy_texts():
            for each in (name, name.upper()):
                if text := texts.get(each, "").strip():
                    return each, text
    return names[0], ""


def _read(parts: SplitResult) -> Proxy:
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError
    credentials = None
    if parts.username is not None:
        credentials = unquote(parts.username), unquote(parts.password or "")
    return Proxy(parts.hostname, parts.port or 80, credentials)


def _is_excepted(host: str, port: int, no_proxy: str) -> bool:
    return any(_names(entry, host, port) for entry in no_proxy.lower().replace(",", " ").split())


def _names(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    if entry.count(":") == 1:  # more of them are an IPv6 address
        entry, _, only = entry.partition(":")
        if only != str(port):
            return False
    name = entry.strip("[]").removeprefix("*").strip(".")
    if host == name or host.endswith(f".{name}"):
        return bool(name)
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(name, strict=False)
    except ValueError:
        return False
