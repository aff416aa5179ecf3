"""Where values come from: an exchange, its testnet, or a stand-in that invents them.

What is invented is never compared with, or merged into, what is real. A store names the host of
its stream, an answer of the API too, and each program knows the host of its REST: `not_comparable`
says where the two do not belong together.
"""

import enum
import functools
import ipaddress
import re

_TESTNET = re.compile(r"(^|\.)(testnet|demo)[-.]|(^|\.)binancefuture\.com$")
"""Binance's test environments: testnet.binancefuture.com, demo-fapi.binance.com and their like."""


class Origin(enum.StrEnum):
    """The kinds of hosts."""

    EXCHANGE = "exchange"
    TESTNET = "testnet"
    STAND_IN = "stand-in"


def is_loopback(host: str) -> bool:
    """Whether `host`, an address or a name, is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def origin(host: str) -> Origin:
    """What `host` is. An exchange that is reached through this machine counts as a stand-in: from
    outside the two look the same."""
    if is_loopback(host):
        return Origin.STAND_IN
    return Origin.TESTNET if _TESTNET.search(host) else Origin.EXCHANGE


@functools.lru_cache(maxsize=64)  # for each quote that a client asks for
def not_comparable(feed_host: str, rest_host: str) -> str:
    """Why quotes of the stream at `feed_host` and replies of the REST interface at `rest_host`
    have nothing to do with each other; "" where they have."""
    if origin(feed_host) is origin(rest_host):
        return ""
    return f"quotes of {feed_host}, REST of {rest_host}: not comparable"
