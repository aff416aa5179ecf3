"""What takers publish, as values: quotes and feed rows."""

from math import inf
from typing import Any

from funding.model.feed import Feed, StoredQuote
from funding.nats import messages, subjects
from funding.nats.messages import PublishedFeed, PublishedQuote

SENT = 1_764_725_610.5
EVENT_TIME = 1_764_725_610_000


def quote_body(
    symbol: str = "BTCUSDT",
    *,
    exchange: str = "binance",
    taker: str = "one",
    sent_at: float = SENT,
    age: float = 0.5,
    tick: int = 0,
    mark: float = 91_000.5,
    **more: Any,
) -> bytes:
    """The body of a quote whose event time is `tick` seconds after the first."""
    event_time = EVENT_TIME + tick * 1000
    received_at = sent_at - age if age < inf else sent_at
    values = (mark, mark, 0.0001, EVENT_TIME + 3_600_000, event_time, received_at, age)
    stored = StoredQuote(exchange, symbol, *values, **more)
    return messages.encode_quote(stored, messages.ending(sent_at, taker))


def quote(symbol: str = "BTCUSDT", *, exchange: str = "binance", **more: Any) -> PublishedQuote:
    """The same as a reader decodes it."""
    body = quote_body(symbol, exchange=exchange, **more)
    return messages.decode_quote(body, subjects.key(exchange, symbol))


def feed_body(
    exchange: str = "binance",
    *,
    taker: str = "one",
    term: int = 1,
    sent_at: float = SENT,
    beat_age: float = 0.1,
    address: str = "fstream.example",
    **more: Any,
) -> bytes:
    """The body of a connected feed that has run for 100 s, of a machine that has for 5,000 s."""
    feed = Feed(exchange, address, 17, "their boot", sent_at - 100, 4_900.0)
    feed.heartbeat_at, feed.heartbeat_uptime = sent_at - beat_age, 5_000.0 - beat_age
    feed.connected = feed.connections = 1
    feed.good_since, feed.last_connected_at = sent_at - 60, sent_at - 61
    for name, value in more.items():
        setattr(feed, name, value)
    return messages.encode_feed(feed, 5_000.0, taker=taker, term=term, sent_at=sent_at)


def feed(exchange: str = "binance", **more: Any) -> PublishedFeed:
    """The same as a reader decodes it."""
    return messages.decode_feed(feed_body(exchange, **more), exchange)
