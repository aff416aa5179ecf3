"""What has come from takers and is not stored here yet.

Of quotes, feed rows and contracts the last one counts; of the trail each row does.
"""

from collections.abc import Collection
from dataclasses import replace
from math import inf

from funding.comparison.pair import Comparison
from funding.model.contract import Contract
from funding.model.event import Event
from funding.model.feed import Feed
from funding.model.quote import MAX_SYMBOLS, fold
from funding.model.signal import Signal
from funding.nats.clocks import TakerClocks
from funding.nats.latest import LatestQuotes
from funding.nats.messages import PublishedFeed, PublishedQuote
from funding.replica.heartbeats import Heartbeats
from funding.replica.trail import TrailKind, TrailRow
from funding.store.replica_file import Changes, Received

MOST_CONTRACTS = 10 * MAX_SYMBOLS
MOST_EVENTS = 100_000


class Pending:
    """Takes messages, and gives what changes by them. For one thread at a time.

    `boot` is that of this machine: without a feed row that names it, no age can be told, so that an
    exchange of which only quotes are known has an empty one. A quote is stored by its age, so where
    a taker's clock turns out to be further ahead than was known, all quotes change.
    """

    def __init__(self, boot: str) -> None:
        self.clocks = TakerClocks()
        self.heartbeats = Heartbeats(self.clocks)
        self._latest = LatestQuotes(self.clocks)
        self._boot = boot
        self._quotes: set[tuple[str, str]] = set()
        self._feeds: dict[str, tuple[PublishedFeed, float]] = {}
        self._told: set[str] = set()  # exchanges with a feed row
        self._contracts: dict[tuple[str, str], Contract | None] = {}
        self._gone: list[tuple[str, str]] = []
        self._listed: set[tuple[str, str]] = set()
        self._trail: list[TrailRow] = []
        self._forgotten: set[TrailKind] = set()
        self._events: dict[tuple[str, int, float], int] = {}  # the number of each

    def quote(self, quote: PublishedQuote, *, wall: float, uptime: float) -> None:
        """A quote, received now."""
        known = self.clocks.version
        if self._latest.offer(quote, wall=wall, uptime=uptime):
            self._quotes.add((quote.exchange, fold(quote.symbol)))
        if self.clocks.version != known:
            self._quotes.update(self._latest.names())

    def feed(self, published: PublishedFeed, uptime: float) -> None:
        """A heartbeat with the feed row of its exchange."""
        name, known = published.feed.exchange, self.clocks.version
        heartbeat = name, published.taker, published.term, published.sent_at
        if self.heartbeats.hear(*heartbeat, uptime):
            self._feeds[name] = published, uptime
        if self.clocks.version != known:
            self._quotes.update(self._latest.names())

    def contract(self, exchange: str, symbol: str, contract: Contract | None) -> None:
        """What is listed now under the folded `symbol`; None: it is not listed any more."""
        name = exchange, symbol
        if contract is None:
            self._listed.discard(name)
        elif len(self._listed) < MOST_CONTRACTS or name in self._listed:
            self._listed.add(name)
        else:
            return
        self._contracts[name] = contract

    def contracts_whole(self, listed: Collection[tuple[str, str]]) -> None:
        """Nothing else is listed than this."""
        for exchange, symbol in self._listed - set(listed):
            self.contract(exchange, symbol, None)

    def trail(self, row: TrailRow) -> None:
        """A row of the trail. An event that has ended takes the place of its beginning."""
        if row.kind is TrailKind.EVENT:
            first = self._events.setdefault(row.origin, row.number)
            row = row._replace(number=first)
            if len(self._events) > MOST_EVENTS:
                del self._events[next(iter(self._events))]
        self._trail.append(row)

    def forget(self, kind: TrailKind) -> None:
        """The stream was made again: what is known of that kind was in the one before."""
        self._forgotten.add(kind)
        if kind is TrailKind.EVENT:
            self._events.clear()
        self._trail = [each for each in self._trail if each.kind is not kind]

    def retire(self, uptime: float) -> None:
        """Let go of symbols that were not heard of for a day."""
        self._gone += self._latest.retire(uptime)

    def take(self, *, wall: float, uptime: float) -> Changes:
        """What has changed since the last call."""
        trail = self._trail
        untold = {exchange for exchange, _ in self._quotes} - self._told - self._feeds.keys()
        self._told |= untold | self._feeds.keys()
        changes = Changes(
            quotes=[
                received
                for exchange, symbol in self._quotes
                if (received := self._received(exchange, symbol, wall, uptime))
            ],
            feeds=[
                *(Feed(each, "", 0, self._boot, wall, uptime, wall, uptime) for each in untold),
                *(self._feed(*each, wall, uptime) for each in self._feeds.values()),
            ],
            contracts=[each for each in self._contracts.values() if each is not None],
            signals=[(each.number, each.row) for each in trail if isinstance(each.row, Signal)],
            events=[(each.number, each.row) for each in trail if isinstance(each.row, Event)],
            comparisons=[
                (each.number, each.row) for each in trail if isinstance(each.row, Comparison)
            ],
            gone_quotes=self._gone,
            forgotten=sorted(self._forgotten),
            gone_contracts=[name for name, each in self._contracts.items() if each is None],
        )
        self._quotes, self._feeds, self._contracts = set(), {}, {}
        self._gone, self._trail, self._forgotten = [], [], set()
        return changes

    def _received(self, exchange: str, symbol: str, wall: float, uptime: float) -> Received | None:
        quote = self._latest.one(exchange, symbol, wall=wall, uptime=uptime)
        if quote is None:
            return None
        return Received(quote, None if quote.age_seconds == inf else uptime - quote.age_seconds)

    def _feed(self, published: PublishedFeed, received: float, wall: float, uptime: float) -> Feed:
        since = self.clocks.seconds_since(
            published.taker, published.sent_at, received, wall=wall, uptime=uptime
        )
        # Its process is another machine's: here that number may be anybody's.
        return replace(published.feed_at(uptime, since), pid=0, boot_id=self._boot)
