"""Claims on the keys of the bucket of leaders, in a thread of their own; and what became of them,
written down.

# Facts
(nats-server 2.9.10 and 2.15.1)
- Where nobody answers a claim at all, the server says so at once; a cluster that is about to elect
  answers late or never. The bucket may be missing, too: it is made with each new connection.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import NamedTuple, Protocol

import msgspec

from funding import errors
from funding.model.event import Event, EventKind
from funding.nats.connection import Put
from funding.nats.places import Bucket, Entry, Stream
from funding.publish.leadership import Leadership
from funding.runtime.clock import Clock
from funding.runtime.logs import ThrottledWarnings
from funding.store.durable import DurableConnection
from funding.store.events import Events

log = logging.getLogger("publish")

SOURCE = "publish"
ANSWER_SECONDS = 0.5
WAIT_SECONDS = 0.25
MOST_TOLD = 100
LOG_SECONDS = 60.0
Answer = Callable[[Leadership, float], None]
"""Tells a leadership what became of its claim, at an uptime."""


class ClaimsConnection(Protocol):
    """What of a `Connection` is used here."""

    @property
    def connected(self) -> bool: ...

    @property
    def connections(self) -> int: ...

    def ensure(self, place: Bucket | Stream, seconds: float) -> None: ...

    def get(self, bucket: Bucket, key: str, seconds: float) -> Entry | None: ...

    def put_many(
        self, bucket: Bucket, puts: Sequence[Put], seconds: float
    ) -> list[int | errors.NatsError]: ...


class Claim(NamedTuple):
    """On an exchange whose key is expected at `revision`; `answered` takes what became of it."""

    exchange: str
    revision: int
    answered: Callable[[Answer], None]


class Claims:
    """Makes the claims of `taker` on the keys of `bucket`. One may take its whole deadline, and
    quotes do not wait for it. `ask`, `tell` and `warn` are for any thread, `run` is for its own."""

    def __init__(
        self,
        connection: ClaimsConnection,
        bucket: Bucket,
        store: DurableConnection,
        *,
        taker: str,
        clock: Clock,
    ) -> None:
        self._connection = connection
        self._bucket = bucket
        self._events = Events(store)
        self._value = msgspec.json.encode({"taker": taker})
        self._clock = clock
        self._ensured = 0
        self.turned_at = clock.uptime()
        self._asked: SimpleQueue[Claim] = SimpleQueue()
        self._told: deque[Event] = deque(maxlen=MOST_TOLD)
        self.warn = ThrottledWarnings(log, LOG_SECONDS, clock.uptime)

    def ask(self, claim: Claim) -> None:
        """Make `claim` as soon as possible; it is answered in any case."""
        self._asked.put(claim)

    def tell(self, text: str) -> None:
        """Say and write down who publishes."""
        log.info("%s", text)
        self._told.append(Event(self._clock.wall(), SOURCE, EventKind.LEADER, text))

    def run(self, stopping: threading.Event) -> None:
        """Until `stopping` is set."""
        while not stopping.is_set():
            self.turned_at = self._clock.uptime()
            self.turn(WAIT_SECONDS)

    def turn(self, wait_seconds: float) -> None:
        """Make the claims that come within this time, all at once; and what is left to do."""
        claims = self._next(wait_seconds)
        if claims:
            self._make(claims)
        if self._connection.connected and self._ensured != self._connection.connections:
            self._ensure()
        self._write_events()

    def _next(self, wait_seconds: float) -> list[Claim]:
        found: list[Claim] = []
        try:
            found.append(self._asked.get(timeout=wait_seconds))
            while True:
                found.append(self._asked.get_nowait())
        except Empty:
            return found

    def _make(self, claims: Sequence[Claim]) -> None:
        puts = [Put(claim.exchange, self._value, claim.revision) for claim in claims]
        outcomes: Sequence[int | errors.NatsError]
        try:
            outcomes = self._connection.put_many(self._bucket, puts, ANSWER_SECONDS)
        except errors.NatsError as error:
            outcomes = [error] * len(claims)
        for claim, outcome in zip(claims, outcomes, strict=True):
            claim.answered(
                _won(outcome) if isinstance(outcome, int) else self._not_won(claim, outcome)
            )

    def _not_won(self, claim: Claim, error: errors.NatsError) -> Answer:
        if isinstance(error, errors.NatsConflict):
            try:
                entry = self._connection.get(self._bucket, claim.exchange, ANSWER_SECONDS)
            except errors.NatsError as unread:
                error = unread
            else:
                return _lost(entry.revision if entry else 0)
        self._ensured = 0
        self.warn("claim", f"{claim.exchange}: the claim was not answered: {error}")
        return lambda leadership, now: leadership.unanswered(now)

    def _ensure(self) -> None:
        connections = self._connection.connections
        try:
            self._connection.ensure(self._bucket, ANSWER_SECONDS)
        except errors.NatsDifferent as error:
            self.warn("bucket", str(error))  # it takes claims nevertheless
        except errors.NatsError as error:
            self.warn("bucket", f"bucket {self._bucket.name}: {error}")
            return
        self._ensured = connections

    def _write_events(self) -> None:
        events = list(self._told)
        if not events:
            return
        try:
            self._events.add(events)
        except errors.StoreError as error:
            self.warn("store", f"who publishes cannot be written down: {error}")
        else:
            for _ in events:
                self._told.popleft()


def _won(revision: int) -> Answer:
    return lambda leadership, _now: leadership.won(revision)


def _lost(revision: int) -> Answer:
    return lambda leadership, now: leadership.lost(now, revision)
