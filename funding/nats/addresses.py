"""Addresses of NATS servers: nats://user:password@host:port, one or several. Pure.

# Facts
(nats-py 2.16)
- It sends the user and the password of an address as they are written: what is percent-encoded
  there must be decoded before. A user without a password is a token.
"""

from typing import NamedTuple
from urllib.parse import unquote, urlsplit

PORT = 4222
MOST = 16
LONGEST = 4_000


class Address(NamedTuple):
    """One server. Its text has no credentials."""

    host: str
    port: int
    tls: bool = False
    user: str | None = None
    password: str | None = None
    token: str | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'tls' if self.tls else 'nats'}://{host}:{self.port}"

    def __repr__(self) -> str:
        return f"<{self}>"


def parse(text: str) -> list[Address]:
    """The addresses in `text`, separated by commas. Raises a ValueError that does not show them."""
    if len(text) > LONGEST:
        raise ValueError("too long")
    found = [_address(part.strip()) for part in text.split(",")]
    if len(found) > MOST:
        raise ValueError("too many")
    return found


def _address(text: str) -> Address:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("no address") from None  # the text of the other one may hold a password
    whole = text.isprintable() and " " not in text
    more = parts.path not in ("", "/") or parts.query or parts.fragment
    if parts.scheme not in ("nats", "tls") or not parts.hostname or not whole or more or port == 0:
        raise ValueError("no address")
    user = None if parts.username is None else unquote(parts.username)
    password = None if parts.password is None else unquote(parts.password)
    if user == "" or "\ufffd" in f"{user}{password}":
        raise ValueError("no user")
    address = Address(parts.hostname, PORT if port is None else port, parts.scheme == "tls")
    if password is None:
        return address._replace(token=user)
    return address._replace(user=user, password=password)
