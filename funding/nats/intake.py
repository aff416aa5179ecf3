"""What takers publish of some exchanges, decoded and handed on as it comes.

Core messages bring what changes. The bucket of quotes brings what was there before: it is read with
each connection, and again once a minute, since a core message may be lost. To watch it all the time
would bring every quote twice.
"""

import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Protocol

from funding.errors import NatsGarbled
from funding.model.contract import Contract
from funding.nats import messages, subjects
from funding.nats.connection import Connection
from funding.nats.messages import PublishedFeed, PublishedQuote
from funding.nats.places import Entry
from funding.runtime.logs import ThrottledWarnings
from funding.runtime.schedule import Every

READ_SECONDS = 60.0
"""Between two readings of the bucket of quotes."""


class Sink(Protocol):
    """Who takes what comes, in the connection's thread: quickly."""

    def quote(self, quote: PublishedQuote) -> None:
        """A quote, by a message or from the bucket."""

    def feed(self, feed: PublishedFeed) -> None:
        """A heartbeat."""

    def whole(self) -> None:
        """What the bucket has was handed on."""

    def contract(self, exchange: str, symbol: str, contract: Contract | None) -> None:
        """What is listed under a folded symbol; None: nothing any more."""

    def contracts_whole(self, listed: Collection[tuple[str, str]]) -> None:
        """All that are listed were handed on: (exchange, folded symbol) of each."""


class Intake:
    """Hands on to `sink` what takers publish of `exchanges`, and their contracts where
    `with_contracts`. `connect` makes the connection, which `close` ends."""

    def __init__(
        self,
        connect: Callable[[Callable[[], None]], Connection],
        sink: Sink,
        *,
        exchanges: Collection[str],
        warn: ThrottledWarnings,
        uptime: Callable[[], float],
        with_contracts: bool,
    ) -> None:
        self._sink = sink
        self._exchanges = frozenset(exchanges)
        self._warn = warn
        self._uptime = uptime
        self._lock = threading.Lock()
        self._again = Every(READ_SECONDS)
        self._end_reading: Callable[[], None] | None = None
        self._listed: set[tuple[str, str]] | None = set()
        self._read_with = 0  # the number of the connection
        self._connection: Connection | None = None
        made = connect(self._changed)
        for exchange in sorted(exchanges):
            made.subscribe(subjects.quotes(exchange), self._on_quote)
            made.subscribe(subjects.feed(exchange), self._on_feed)
        if with_contracts:
            made.watch(subjects.CONTRACTS_BUCKET, self._on_contract)
        self.connection = self._connection = made
        self._changed()

    def close(self) -> None:
        """End the connection."""
        self.connection.close()

    def _changed(self) -> None:
        """A connection has begun, or ended."""
        made = self._connection
        if made is None or not made.connected:
            return
        with self._lock:
            if made.connections == self._read_with:
                return
            self._read_with = made.connections
        self._listed = set()
        self._read(made)

    def _read(self, made: Connection) -> None:
        """Read the bucket of quotes from its begin."""
        with self._lock:
            self._again.due(self._uptime())
            if self._end_reading is not None:
                self._end_reading()
            self._end_reading = made.watch(subjects.QUOTES_BUCKET, self._on_stored_quote)

    def _on_quote(self, subject: str, body: bytes) -> None:
        self._take_quote(subject.partition(".")[2], body)

    def _on_stored_quote(self, entry: Entry | None) -> None:
        if entry is None:
            self._sink.whole()
            with self._lock:
                if self._end_reading is not None:
                    self._end_reading()
                    self._end_reading = None
        elif entry.value is not None and entry.key.partition(".")[0] in self._exchanges:
            self._take_quote(entry.key, entry.value)

    def _take_quote(self, key: str, body: bytes) -> None:
        try:
            quote = messages.decode_quote(body, key)
        except NatsGarbled as error:
            self._warn("garbled quote", str(error))
        else:
            self._sink.quote(quote)

    def _on_feed(self, subject: str, body: bytes) -> None:
        try:
            feed = messages.decode_feed(body, subject.partition(".")[2])
        except NatsGarbled as error:
            self._warn("garbled feed", str(error))
            return
        self._sink.feed(feed)
        if self._connection is not None and self._again.due(self._uptime()):
            self._read(self._connection)

    def _on_contract(self, entry: Entry | None) -> None:
        if entry is None:
            if self._listed is not None:
                self._sink.contracts_whole(self._listed)
            self._listed = None
            return
        with suppress(ValueError):
            exchange, symbol = subjects.split_key(entry.key)
            if exchange in self._exchanges:
                self._take_contract(exchange, symbol, entry)

    def _take_contract(self, exchange: str, symbol: str, entry: Entry) -> None:
        contract = None
        if entry.value is not None:
            if self._listed is not None:
                self._listed.add((exchange, symbol))
            try:
                contract = messages.decode_contract(entry.value, entry.key)
            except NatsGarbled as error:
                self._warn("garbled contract", str(error))
                return
        self._sink.contract(exchange, symbol, contract)
