"""A taker at the far end of a real NATS server: it sends what a test says, when it says so."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import msgspec

from funding.model.contract import Contract
from funding.nats import messages, subjects
from funding.nats.connection import Append, Connection, Put
from funding.nats.places import Bucket, Stream
from harness.processes import until
from tests.support.nats_server import NatsServer, connected, remove
from tests.support.published import EVENT_TIME, feed_body, quote_body

QUOTES = Bucket(subjects.QUOTES_BUCKET)
CONTRACTS = Bucket(subjects.CONTRACTS_BUCKET)
TRAIL = Stream(subjects.TRAIL_STREAM, (subjects.TRAIL,))


class Publisher:
    """Sends over `connection`, as the machine `taker` whose clock is ahead by `lead` seconds."""

    def __init__(self, connection: Connection, taker: str = "one", lead: float = 0.0) -> None:
        self.connection = connection
        self.taker = taker
        self.lead = lead

    def make(self) -> None:
        """Make the buckets and the stream."""
        for place in (QUOTES, CONTRACTS, TRAIL):
            self.connection.ensure(place)

    def keep_on_disk(self) -> None:
        """Make the bucket of quotes again, so that it outlives its server."""
        remove(self.connection, QUOTES.stream)
        self.connection.ensure(replace(QUOTES, in_memory=False))

    def now(self) -> float:
        """Its clock."""
        return time.time() + self.lead

    def quote(self, symbol: str = "BTCUSDT", *, sent_ago: float = 0.0, **more: Any) -> None:
        """Send a quote that was on its way for `sent_ago` seconds."""
        key, body = self._quote(symbol, sent_ago, more)
        self.connection.publish([(f"funding.{key}", body)])

    def keep(self, symbol: str = "BTCUSDT", *, sent_ago: float = 0.0, **more: Any) -> None:
        """Put a quote into the bucket, as it was `sent_ago` seconds ago."""
        key, body = self._quote(symbol, sent_ago, more)
        self.connection.put(QUOTES, Put(key, body))

    def _quote(self, symbol: str, sent_ago: float, more: dict[str, Any]) -> tuple[str, bytes]:
        sent_at = self.now() - sent_ago
        # An event time that our clock has reached: the seconds since the first of a test.
        tick = more.pop("tick", 0) + int(sent_at - EVENT_TIME / 1000)
        body = quote_body(symbol, taker=self.taker, sent_at=sent_at, tick=tick, **more)
        return subjects.key(more.get("exchange", "binance"), symbol), body

    def beat(self, exchange: str = "binance", *, sent_ago: float = 0.0, **more: Any) -> None:
        """Send a heartbeat."""
        body = feed_body(exchange, taker=self.taker, sent_at=self.now() - sent_ago, **more)
        self.connection.publish([(subjects.feed(exchange), body)])

    def contract(self, contract: Contract) -> None:
        """Put a contract into its bucket."""
        key = subjects.key(contract.exchange, contract.symbol)
        self.connection.put(CONTRACTS, Put(key, messages.encode_contract(contract)))

    def remove_contract(self, exchange: str, symbol: str) -> None:
        """Delete it there."""
        self.connection.put(CONTRACTS, Put(subjects.key(exchange, symbol), None))

    def append(self, kind: str, of: str, row: dict[str, Any], message_id: str) -> None:
        """Store a row of the trail."""
        body = msgspec.json.encode({**row, "taker": self.taker})
        self.connection.append([Append(f"funding-trail.{kind}.{of}", body, message_id)])

    def until(self, probe: Callable[[], object], what: str) -> None:
        """Send heartbeats and a quote of BTCUSDT until `probe` is true."""

        def tried() -> object:
            self.beat()
            self.quote()
            return probe()

        until(tried, what)


@contextmanager
def publishing(server: NatsServer, taker: str = "one", lead: float = 0.0) -> Iterator[Publisher]:
    """A publisher on `server` while the block runs, with all buckets and the stream."""
    with connected(server, taker) as connection:
        made = Publisher(connection, taker, lead)
        made.make()
        yield made
