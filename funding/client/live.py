"""What takers publish on NATS, as a table in memory. One thread fills it, any number ask."""

import threading
from collections.abc import Collection, Iterable

from funding.client.service import ServiceQuote, ServiceQuotes
from funding.model.contract import Contract
from funding.model.feed import StoredQuote
from funding.model.origin import not_comparable
from funding.model.quote import fold
from funding.nats.clocks import TakerClocks
from funding.nats.connection import Connection
from funding.nats.latest import LatestQuotes
from funding.nats.messages import PublishedFeed, PublishedQuote
from funding.runtime.clock import Clock
from funding.runtime.logs import ThrottledWarnings

BEGIN_SECONDS = 2.0
"""After so long, questions wait no more for what has not been read yet."""
LATE_SECONDS = 5.0
QUOTES, CONTRACTS = "the bucket of quotes", "the bucket of contracts"


class LiveTable:
    """Quotes of some exchanges, fresh up to an age of `stale_after` seconds. A sink of
    `nats.intake`; `awaited` is what it must have heard before nothing is missing: exchanges whose
    heartbeat, and whether the contracts.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        warn: ThrottledWarnings,
        stale_after: float,
        awaited: Collection[str] = (),
        with_contracts: bool = False,
    ) -> None:
        self._clock = clock
        self._warn = warn
        self._stale_after = stale_after
        self._clocks = TakerClocks()
        self._latest = LatestQuotes(self._clocks)
        self._contracts: dict[tuple[str, str], Contract] = {}
        self._addresses: dict[str, str] = {}
        contracts = {CONTRACTS} if with_contracts else set()
        self._missing = frozenset({QUOTES, *awaited, *contracts})
        self._whole = threading.Event()
        self._began = clock.uptime()
        self.connection: Connection | None = None

    def quote(self, quote: PublishedQuote) -> None:
        """See `Sink`, as the others."""
        self._latest.offer(quote, wall=self._clock.wall(), uptime=self._clock.uptime())

    def feed(self, feed: PublishedFeed) -> None:
        """A heartbeat."""
        wall, uptime = self._clock.wall(), self._clock.uptime()
        self._clocks.hear(feed.taker, feed.sent_at, uptime, is_heartbeat=True)
        self._addresses[feed.feed.exchange] = feed.feed.address
        late = self._clocks.lag(feed.taker, wall=wall, uptime=uptime)
        if late > LATE_SECONDS:
            text = f"what {feed.taker} sends comes {late:.0f} s late, and counts as so much older"
            why = "the link is slow, or this machine's clock is ahead of its"
            self._warn(f"late {feed.taker}", f"{text}: {why}")
        self._heard(feed.feed.exchange)

    def whole(self) -> None:
        """The bucket of quotes was read."""
        self._latest.retire(self._clock.uptime())
        self._heard(QUOTES)

    def contract(self, exchange: str, symbol: str, contract: Contract | None) -> None:
        """A contract."""
        if contract is None:
            self._contracts.pop((exchange, symbol), None)
        else:
            self._contracts[exchange, symbol] = contract

    def contracts_whole(self, listed: Collection[tuple[str, str]]) -> None:
        """The contracts were read."""
        for name in self._contracts.keys() - set(listed):
            del self._contracts[name]
        self._heard(CONTRACTS)

    def _heard(self, what: str) -> None:
        if self._missing:
            self._missing -= {what}
            if not self._missing:
                self._whole.set()

    def one(self, exchange: str, symbol: str, rest_host: str, seconds: float) -> ServiceQuote:
        """The quote of `symbol`, within `seconds`, where it is comparable with `rest_host`."""
        problem = self._problem(exchange, rest_host, seconds)
        if problem:
            return ServiceQuote(None, problem=problem)
        wall, uptime = self._clock.wall(), self._clock.uptime()
        found = self._latest.one(exchange, symbol, wall=wall, uptime=uptime)
        if found is None:
            return ServiceQuote(None, problem=self._absence())
        return ServiceQuote(found, fresh=found.age_seconds <= self._stale_after)

    def all(self, exchange: str, rest_host: str, seconds: float) -> ServiceQuotes:
        """Every quote of `exchange`, in the same way."""
        problem = self._problem(exchange, rest_host, seconds)
        if problem:
            return ServiceQuotes([], [], problem)
        wall, uptime = self._clock.wall(), self._clock.uptime()
        return self._sorted(self._latest.all(exchange, wall=wall, uptime=uptime))

    def on_asset(self, names: Iterable[str], seconds: float) -> ServiceQuotes:
        """The quotes of all contracts on the first of `names`, whatever its ASCII case, that has
        any, of every exchange."""
        self._wait(seconds)
        listed = list(self._contracts.values())
        wall, uptime = self._clock.wall(), self._clock.uptime()
        for name in names:
            quotes = [
                quote
                for each in listed
                if fold(each.base_asset) == fold(name)
                and (quote := self._latest.one(*each[:2], wall=wall, uptime=uptime))
            ]
            if quotes:
                return self._sorted(quotes)
        return self._sorted([])

    def _sorted(self, quotes: Iterable[StoredQuote]) -> ServiceQuotes:
        answer = ServiceQuotes([], [])
        for quote in quotes:
            (answer.fresh if quote.age_seconds <= self._stale_after else answer.stale).append(quote)
        return answer if answer.quotes else answer._replace(problem=self._absence())

    def _problem(self, exchange: str, rest_host: str, seconds: float) -> str:
        self._wait(seconds)
        address = self._addresses.get(exchange, "")
        return not_comparable(address, rest_host) if address else ""

    def _wait(self, seconds: float) -> None:
        """Wait until nothing is missing, in the beginning; say where there is no connection."""
        if not self._whole.is_set():
            left = BEGIN_SECONDS - (self._clock.uptime() - self._began)
            self._whole.wait(max(0.0, min(seconds, left)))
        connection = self.connection
        if connection is not None and not connection.connected:
            connection.check()
            self._warn("nats", f"no connection to NATS: {connection.problem}")

    def _absence(self) -> str:
        """Why there is no quote; "" where all is known."""
        connection = self.connection
        if connection is not None and not connection.connected:
            return f"NATS: {connection.problem}"
        missing = sorted(self._missing)
        return f"NATS: nothing heard yet of {', '.join(missing)}" if missing else ""
