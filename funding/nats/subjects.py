"""Where things are on NATS: subjects, keys, the names of buckets and of the stream. Pure.

# Facts
(nats-server 2.9.10 and 2.15.1)
- A token of a subject must not be empty and holds no dot, blank, `*` or `>`.
- A key of a bucket takes `A-Z a-z 0-9 - / _ = .` alone, and neither begins nor ends with a dot. A
  symbol has other characters on Hyperliquid (`xyz:NVDA`, `@107`) and Backpack.
"""

import functools
import re

from funding.model.quote import MAX_SYMBOLS, fold

QUOTES = "funding.*.*"
"""Every quote of every exchange."""
FEEDS = "funding-feed.*"
ASK = "funding-ask"
"""A question to one of the takers."""
QUOTES_BUCKET = "funding-quotes"
CONTRACTS_BUCKET = "funding-contracts"
LEADERS_BUCKET = "funding-leaders"
TRAIL_STREAM = "FUNDING-TRAIL"
TRAIL = "funding-trail.>"

_OTHER = re.compile(rb"[^A-Za-z0-9_-]")
_ESCAPED = re.compile(rb"=([0-9A-F]{2})")
_TOKEN = re.compile(r"(?:[A-Za-z0-9_-]|=[0-9A-F]{2})+")


def token(text: str) -> str:
    """`text` as one token: of its UTF-8 each byte except letters, digits, `-` and `_` is `=XX`."""
    escaped = _OTHER.sub(lambda found: b"=%02X" % found.group()[0], text.encode())
    return escaped.decode("ascii")


def text_of(part: str) -> str:
    """What `token` made `part` of. Raises ValueError for what it never makes."""
    if not _TOKEN.fullmatch(part):
        raise ValueError(f"not a token: {part[:80]!r}")
    raw = _ESCAPED.sub(lambda found: bytes([int(found.group(1), 16)]), part.encode("ascii"))
    return raw.decode()


@functools.lru_cache(maxsize=2 * MAX_SYMBOLS)
def symbol_token(symbol: str) -> str:
    """The token of `symbol`, the same for each of its spellings: lookups do not regard ASCII
    case."""
    return token(fold(symbol))


def key(exchange: str, symbol: str) -> str:
    """Where a quote and a contract are in their buckets."""
    return f"{exchange}.{symbol_token(symbol)}"


def split_key(text: str) -> tuple[str, str]:
    """The exchange and the folded symbol of a key. Raises ValueError."""
    exchange, _, part = text.partition(".")
    return exchange, text_of(part)


def quote(exchange: str, symbol: str) -> str:
    """The subject of a quote."""
    return f"funding.{key(exchange, symbol)}"


def quotes(exchange: str) -> str:
    """Every quote of `exchange`."""
    return f"funding.{exchange}.*"


def feed(exchange: str) -> str:
    """The subject on which the leader of `exchange` tells that it publishes, and its feed row."""
    return f"funding-feed.{exchange}"


def signals(exchange: str) -> str:
    """Where in the stream the signals of `exchange` are."""
    return f"funding-trail.signal.{exchange}"


def events(taker: str) -> str:
    """Where in the stream the events of the machine `taker` are."""
    return f"funding-trail.event.{token(taker)}"


def comparisons(exchange: str) -> str:
    """Where in the stream the comparisons of `exchange` are."""
    return f"funding-trail.comparison.{exchange}"
