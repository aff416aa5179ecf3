"""Bodies on NATS: bytes ↔ values. Pure. docs/machines.md shows them to those who read them raw.

A quote is the row of the API with two more fields; feed rows and contracts have the names of their
columns in the store. What is received was written by whoever may write there: every decoder checks
what the store would refuse, and raises `NatsGarbled` for it.
"""

from collections.abc import Iterable
from dataclasses import asdict, replace
from math import inf, isfinite
from typing import Any

import msgspec

from funding.api.quotes import Row, row, stored
from funding.errors import NatsGarbled
from funding.model.contract import Contract
from funding.model.feed import Feed, StoredQuote
from funding.model.quote import fold, is_mixed_symbol
from funding.nats import subjects

LONGEST_BODY = 4_096
"""Bytes of a quote or a contract; five times the longest seen."""
LONGEST_FEED = 65_536
LONGEST_TAKER = 64
_UPTIMES = ("started_uptime", "heartbeat_uptime", "last_frame_uptime")
_ZONES = (None, "normal", "high", "extreme")
_MOST = 2**63


class PublishedQuote(Row, rename="camel", gc=False, kw_only=True):
    """One quote as it was sent at `sent_at` (Unix seconds by the clock of the machine `taker`);
    `age_seconds` is its age at that moment by a clock that does not step, None: unknown."""

    sent_at: float
    taker: str

    def stored(self, seconds_since: float) -> StoredQuote:
        """The quote as it is `seconds_since` after it was sent."""
        return stored(self, seconds_since)


class PublishedFeed(msgspec.Struct, rename="camel"):
    """The feed row of the exchange that `taker` publishes under the leadership `term`. Columns in
    `_uptime` are ages: seconds before `sent_at`."""

    taker: str
    term: int
    sent_at: float
    feed: Feed

    def feed_at(self, uptime: float, seconds_since: float) -> Feed:
        """The row for a reader whose clock shows `uptime`, `seconds_since` after it was sent."""
        sent, feed = uptime - seconds_since, self.feed
        return replace(
            feed,
            started_uptime=sent - feed.started_uptime,
            heartbeat_uptime=sent - feed.heartbeat_uptime,
            last_frame_uptime=None
            if feed.last_frame_uptime is None
            else sent - feed.last_frame_uptime,
        )


def ending(sent_at: float, taker: str) -> bytes:
    """What the bodies of quotes sent at one moment end with."""
    fields = msgspec.json.encode({"sentAt": sent_at, "taker": taker})
    return b"," + fields[1:]


def encode_quote(quote: StoredQuote, end: bytes) -> bytes:
    """The body of `quote` as it is at the moment of `end`, see `ending`."""
    return msgspec.json.encode(row(quote))[:-1] + end


_quote = msgspec.json.Decoder(PublishedQuote)


def decode_quote(body: bytes, key: str) -> PublishedQuote:
    """The quote in `body` that came under `key`, see `subjects.key`. Raises `NatsGarbled`."""
    found: PublishedQuote = _decoded(_quote, body, LONGEST_BODY, key)
    if subjects.key(found.exchange, found.symbol) != key:
        raise NatsGarbled(key, "it is about another symbol")
    _check_sender(found.taker, found.sent_at, key)
    good = (
        is_mixed_symbol(found.symbol)
        and 0 < found.mark_price < inf
        and 0 <= (found.index_price or 0.0) < inf
        and 0 < found.event_time < _MOST
        and 0 <= found.updated_at < inf
        and (found.next_funding_time is None or 0 < found.next_funding_time < _MOST)
        and (found.age_seconds is None or 0 <= found.age_seconds < inf)
        and (found.funding_interval_hours is None or 0 < found.funding_interval_hours < _MOST)
        and (found.percentile is None or 0 <= found.percentile <= 100)
        and found.zone in _ZONES
    )
    if not good:
        raise NatsGarbled(key, "a value is out of range")
    return found


def encode_feed(feed: Feed, uptime: float, *, taker: str, term: int, sent_at: float) -> bytes:
    """The body of `feed` as it is at `sent_at`, when the sender's clock shows `uptime`."""
    values = asdict(feed)
    for name in _UPTIMES:
        if values[name] is not None:
            values[name] = uptime - values[name]
    body = {"taker": taker, "term": term, "sentAt": sent_at, "feed": values}
    return msgspec.json.encode(body)


_feed = msgspec.json.Decoder(PublishedFeed)


def decode_feed(body: bytes, exchange: str) -> PublishedFeed:
    """The feed row in `body` that came for `exchange`. Raises `NatsGarbled`."""
    found: PublishedFeed = _decoded(_feed, body, LONGEST_FEED, exchange)
    _check_sender(found.taker, found.sent_at, exchange)
    ages = [getattr(found.feed, name) for name in _UPTIMES]
    if found.feed.exchange != exchange:
        raise NatsGarbled(exchange, "it is about another exchange")
    whole = 0 <= found.term < _MOST and can_be_stored(asdict(found.feed).values())
    if not whole or not all(age is None or isfinite(age) for age in ages):
        raise NatsGarbled(exchange, "a value is out of range")
    return found


def encode_contract(contract: Contract) -> bytes:
    """The body of `contract`: its columns by name."""
    return msgspec.json.encode(contract._asdict())


_fields = msgspec.json.Decoder(dict[str, Any])


def decode_contract(body: bytes, key: str) -> Contract:
    """The contract in `body` that came under `key`. Raises `NatsGarbled`."""
    fields = _decoded(_fields, body, LONGEST_BODY, key)
    try:
        known = [fields.get(name) for name in Contract._fields]
        found = msgspec.convert(known, Contract)
    except msgspec.ValidationError as error:
        raise NatsGarbled(key, str(error)[:200]) from None
    if subjects.key(found.exchange, found.symbol) != key:
        raise NatsGarbled(key, "it is about another symbol")
    good = is_mixed_symbol(fold(found.symbol)) and 0 < found.multiplier < inf
    if not good or not can_be_stored(found):
        raise NatsGarbled(key, "a value is out of range")
    return found


def can_be_stored(values: Iterable[object]) -> bool:
    """Whether all whole numbers in `values` have 64 bits, as SQLite's; JSON's have any number."""
    return all(-_MOST <= each < _MOST for each in values if isinstance(each, int))


def _decoded(decoder: msgspec.json.Decoder[Any], body: bytes, longest: int, name: str) -> Any:
    if len(body) > longest:
        raise NatsGarbled(name, f"{len(body)} bytes, at most {longest} were expected")
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NatsGarbled(name, str(error)[:200]) from None


def _check_sender(taker: str, sent_at: float, name: str) -> None:
    if not (0 < len(taker) <= LONGEST_TAKER and taker.isprintable() and 0 < sent_at < inf):
        raise NatsGarbled(name, "it does not say who sent it when")
