"""Takes what comes from takers and stores it, in batches."""

import logging
import threading
from collections.abc import Callable, Collection
from typing import Protocol

from funding.errors import NatsGarbled
from funding.model.contract import Contract
from funding.nats.following import Delivery
from funding.nats.messages import PublishedFeed, PublishedQuote
from funding.replica import trail
from funding.replica.pending import Pending
from funding.replica.trail import TrailKind
from funding.runtime.clock import Clock
from funding.runtime.logs import ThrottledWarnings
from funding.runtime.schedule import Every
from funding.store.replica_file import ReplicaFile

log = logging.getLogger("replica")

BATCH_SECONDS = 0.1
"""A quote waits so long at most before it is stored."""
LOAD_SECONDS = 3.0
"""So long quotes wait for the bucket, or a symbol that is only there would be unknown. Where
JetStream does not answer, what core messages bring is stored without it."""
TIDY_SECONDS = 60.0
EVENT_SECONDS = 7 * 86_400.0
"""How long signals and events are kept here: as long as the stream has them."""
COMPARISON_SECONDS = 86_400.0
"""Of comparisons, of which there are hundreds of thousands a day, a day is read."""
LATE_SECONDS = 5.0


class Link(Protocol):
    """The connection."""

    @property
    def connected(self) -> bool:
        """Whether there is one now."""

    @property
    def problem(self) -> str:
        """Why there is none, in words without credentials."""

    @property
    def address(self) -> str:
        """The server, without credentials."""

    def check(self) -> None:
        """Raise the defect that ended its thread."""


class Follower:
    """A sink of `nats.intake`, which stores into `file`. Its callbacks are for the connection's
    thread, `run` for a thread of its own."""

    def __init__(self, file: ReplicaFile, clock: Clock, warn: ThrottledWarnings) -> None:
        self._file = file
        self._clock = clock
        self._warn = warn
        self._lock = threading.Lock()
        self._pending = Pending(clock.boot)
        self._began = clock.uptime()
        self._loaded = False
        self._last = dict.fromkeys(TrailKind, 0)
        self._tidy = Every(TIDY_SECONDS)
        self.link: Link | None = None
        self._connected: bool | None = None

    def quote(self, quote: PublishedQuote) -> None:
        """See `Sink`, as the others."""
        with self._lock:
            self._pending.quote(quote, wall=self._clock.wall(), uptime=self._clock.uptime())

    def feed(self, feed: PublishedFeed) -> None:
        """A heartbeat."""
        wall, uptime = self._clock.wall(), self._clock.uptime()
        with self._lock:
            self._pending.feed(feed, uptime)
        late = self._pending.clocks.lag(feed.taker, wall=wall, uptime=uptime)
        if late > LATE_SECONDS:
            text = f"what {feed.taker} sends comes {late:.0f} s late, and counts as so much older"
            why = "the link is slow, or this machine's clock is ahead of its"
            self._warn(f"late {feed.taker}", f"{text}: {why}")

    def whole(self) -> None:
        """The bucket of quotes was read."""
        self._loaded = True

    def contract(self, exchange: str, symbol: str, contract: Contract | None) -> None:
        """A contract."""
        with self._lock:
            self._pending.contract(exchange, symbol, contract)

    def contracts_whole(self, listed: Collection[tuple[str, str]]) -> None:
        """The contracts were read."""
        with self._lock:
            self._pending.contracts_whole(listed)

    def of_trail(self, kind: TrailKind) -> Callable[[Delivery], None]:
        """What takes the messages of `kind`, as a stream gives them."""

        def take(delivery: Delivery) -> None:
            number = delivery.sequence
            try:
                row = trail.decode(number, kind, delivery.body)
            except NatsGarbled as error:
                self._warn(f"garbled {kind}", str(error))
                return
            with self._lock:
                if number <= self._last[kind]:
                    self._pending.forget(kind)
                self._last[kind] = number
                self._pending.trail(row)

        return take

    def problem(self, exchange: str) -> str:
        """Why what is stored of `exchange` may not be the present; "" for nothing."""
        away = "" if self.link is None or self.link.connected else self.link.problem
        wall, uptime = self._clock.wall(), self._clock.uptime()
        return self._pending.heartbeats.problem(exchange, away, wall=wall, uptime=uptime)

    def run(self, stopping: threading.Event) -> None:
        """Store what has come, again and again."""
        while not stopping.wait(BATCH_SECONDS):
            if self.link is not None:
                self.link.check()
                self._tell(self.link)
            self.turn()

    def _tell(self, link: Link) -> None:
        """Log when the connection begins, and when it ends."""
        if link.connected is not self._connected:
            self._connected = link.connected
            if link.connected:
                log.info("connected to NATS at %s", link.address)
            else:
                log.warning("not connected to NATS: %s", link.problem)

    def turn(self) -> None:
        """Store what has come since the last time."""
        wall, uptime = self._clock.wall(), self._clock.uptime()
        if not self._loaded and uptime - self._began < LOAD_SECONDS:
            return
        tidy = self._tidy.due(uptime)
        with self._lock:
            if tidy:
                self._pending.retire(uptime)
            changes = self._pending.take(wall=wall, uptime=uptime)
        if any(changes):
            self._file.write(changes)
        if tidy:
            self._file.prune(wall - EVENT_SECONDS, wall - COMPARISON_SECONDS)
