"""What one exchange has for other machines: its quotes as they come, its heartbeats, its contracts.

# Facts
(2,000 quotes a second of five exchanges, each sent and kept)
- All of publish.py takes 6 % of a core, 31 ms of CPU for 1,000 quotes: half of it in nats-py, a
  quarter for reading and comparing, a quarter for bodies.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from funding.model.contract import Contract
from funding.model.feed import Feed, StoredQuote
from funding.nats import messages, subjects
from funding.publish.leadership import Duty
from funding.publish.quotes import QuoteChanges
from funding.runtime.clock import Clock
from funding.runtime.schedule import Every
from funding.store.contracts import Contracts
from funding.store.reader import Reader

ALL_SECONDS = 1.0
"""Between two comparisons of all quotes; those that were just received are looked at at once."""
CONTRACTS_SECONDS = 10.0
Version = tuple[int, int]
NO_VERSION = (0, 0)


class CoreConnection(Protocol):
    """What of a `Connection` is used here."""

    def publish(self, messages: Sequence[tuple[str, bytes]]) -> None: ...


class Keeps(Protocol):
    """What of `KeptValues` is used here."""

    def offer(self, exchange: str, values: Mapping[str, bytes | None]) -> None: ...

    def leave(self, exchange: str) -> None: ...


class ExchangePublisher:
    """Sends what the store has of the exchange that `reader` reads, in the name of `taker`.
    Calls raise `StoreError`s and `NatsError`s; what could not be sent is sent with the next."""

    def __init__(
        self,
        reader: Reader,
        contracts: Contracts,
        connection: CoreConnection,
        *,
        taker: str,
        clock: Clock,
        kept_quotes: Keeps,
        kept_contracts: Keeps,
    ) -> None:
        self.exchange = reader.exchange
        self._reader = reader
        self._contracts = contracts
        self._connection = connection
        self._taker = taker
        self._clock = clock
        self._kept_quotes = kept_quotes
        self._kept_contracts = kept_contracts
        self._changes = QuoteChanges(reader)
        self._version = self._all_version = NO_VERSION
        self._look_at_all = Every(ALL_SECONDS)
        self._look_at_contracts = Every(CONTRACTS_SECONDS)
        self._given_contracts: Mapping[str, Contract] = {}
        self._keeps = False

    def feed(self) -> Feed | None:
        """The feed row, by which leadership judges what there is."""
        return self._reader.feed()

    def quote_age(self) -> float:
        """The age of the newest quote in seconds, infinite where none has one."""
        return self._reader.newest_age()

    def heartbeat(self, feed: Feed, term: int) -> None:
        """Tell that this machine publishes, and what its feed is like."""
        uptime, wall = self._clock.uptime(), self._clock.wall()
        body = messages.encode_feed(feed, uptime, taker=self._taker, term=term, sent_at=wall)
        self._connection.publish([(subjects.feed(self.exchange), body)])

    def turn(self, duty: Duty) -> int:
        """Do what is the `duty` now; how many quotes were sent."""
        if self._keeps and not duty.write_bucket:
            self._kept_quotes.leave(self.exchange)
            self._kept_contracts.leave(self.exchange)
        if duty.began or (duty.write_bucket and not self._keeps):
            self._forget()
        self._keeps = duty.write_bucket
        if not duty.publish:
            return 0
        try:
            return self._publish()
        except BaseException:
            self._forget()  # what was given and not sent is to be given again
            raise

    def _forget(self) -> None:
        self._changes.forget()
        self._given_contracts = {}
        self._version = self._all_version = NO_VERSION
        now = self._clock.uptime()
        self._look_at_all.hasten(now)
        self._look_at_contracts.hasten(now)

    def _publish(self) -> int:
        now = self._clock.uptime()
        version = self._reader.version()
        if self._keeps and self._look_at_contracts.due(now):
            self._publish_contracts()
        changed, gone = self._look(version, now)
        end = messages.ending(self._clock.wall(), self._taker)
        exchange = self.exchange
        bodies = {
            subjects.key(exchange, quote.symbol): messages.encode_quote(quote, end)
            for quote in changed
        }
        if bodies:
            self._connection.publish([(f"funding.{key}", body) for key, body in bodies.items()])
        if self._keeps and (bodies or gone):
            gone_keys = dict.fromkeys(subjects.key(exchange, symbol) for symbol in gone)
            self._kept_quotes.offer(exchange, {**bodies, **gone_keys})
        return len(bodies)

    def _look(self, version: Version, now: float) -> tuple[list[StoredQuote], list[str]]:
        """The changed quotes, and the symbols that are gone, in a store of this `version`."""
        if version != self._all_version and self._look_at_all.due(now):
            self._version = self._all_version = version
            return self._changes.all(self._clock.wall())
        if version != self._version:
            self._version = version
            return self._changes.recent(), []
        return [], []

    def _publish_contracts(self) -> None:
        found, given = self._contracts.of(self.exchange), self._given_contracts
        values: dict[str, bytes | None] = {
            subjects.key(self.exchange, symbol): messages.encode_contract(contract)
            for symbol, contract in found.items()
            if given.get(symbol) != contract
        }
        if found:
            for symbol in given.keys() - found.keys():
                values[subjects.key(self.exchange, symbol)] = None
        self._given_contracts = found
        self._kept_contracts.offer(self.exchange, values)
