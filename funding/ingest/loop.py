"""One turn of ingest: what came in → the store, what happened → the plan, its orders → links.

The world is handed in, so that a test can turn it by hand.
"""

import json
import logging
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from funding.ingest.connection_events import ENDINGS, Connect, ConnectionEvent, Disconnect, Order
from funding.ingest.connection_policy import ConnectionPolicy
from funding.ingest.inbox import Batch, Inbox, tally
from funding.model.event import Event, EventKind
from funding.model.feed import Feed
from funding.runtime.clock import Clock
from funding.runtime.logs import Throttle, printable
from funding.store.writer import Writer

log = logging.getLogger("ingest")

HEARTBEAT_SECONDS = 1.0
CHECKPOINT_SECONDS = 10.0
PRUNE_SECONDS = 3_600.0
KEEP_EVENTS_SECONDS = 14 * 86_400.0
RETIRE_SECONDS = 600.0
TELL_SECONDS = 60.0
LARGE_WAL_BYTES = 16 * 1024 * 1024
MAX_THREADS = 30

_KIND = {
    "silent": EventKind.STALL,
    "stall": EventKind.STALL,
    "rotated": EventKind.ROTATION,
    "closed": EventKind.DISCONNECT,
    "lost": EventKind.DISCONNECT,
    "oversize": EventKind.DISCONNECT,
}


class Stoppable(Protocol):
    """What a turn needs of a `link.Link`."""

    def stop(self) -> None: ...
    def join(self, timeout: float | None = None) -> None: ...
    def is_alive(self) -> bool: ...


class IngestLoop:
    """Call `turn` for ever, then `stop`. `open_link(n)` begins connection n."""

    def __init__(
        self,
        feed: Feed,
        *,
        writer: Writer,
        plan: ConnectionPolicy,
        handoff: Inbox,
        open_link: Callable[[int], Stoppable],
        clock: Clock,
    ) -> None:
        self._feed = feed
        self._writer = writer
        self._plan = plan
        self._handoff = handoff
        self._open_link = open_link
        self._clock = clock
        self._links: dict[int, Stoppable] = {}
        self._leaving: dict[int, Stoppable] = {}
        self._events: list[Event] = []
        self._seldom = Throttle(TELL_SECONDS)
        self._ignored: Counter[str] = Counter()
        self._rejected: Counter[str] = Counter()
        self._untold: Counter[str] = Counter()
        self._samples: dict[str, str] = {}
        now = clock.uptime()
        self._written, self._checkpointed, self._pruned = now, now, now - PRUNE_SECONDS
        self._retired = now
        self.note(EventKind.START, f"pid {feed.pid}, stream of {feed.address}")

    def turn(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds for something to do, and do it; whether that was quotes
        and nothing else.

        Raises `StoreError`, and whatever a connection thread could not explain.
        """
        batch = self._handoff.take(timeout)
        now = self._clock.uptime()
        # In the order of a connection's life, or quotes that came with its end would not count.
        for note in batch.notes:
            if note.kind == "opened":
                self._hear(note)
        for (link, symbol_class), (at, frames) in batch.progress.items():
            newer = (link, symbol_class) in batch.newer
            self._plan.accepted(link, symbol_class, at, frames, newer=newer)
        for note in batch.notes:
            if note.kind != "opened":
                self._hear(note)
        for order in self._plan.step(now):
            self._obey(order, now)
        self._count(batch)
        if batch.quotes or self._events or now - self._written >= HEARTBEAT_SECONDS:
            self._write(batch, now)
        self._tell(batch, now)
        self._keep_house(now)
        return bool(batch.quotes) and not batch.notes

    def stop(self) -> None:
        """End all connections, store what is in hand, and leave the store tidy."""
        for link in self._links.values():
            link.stop()
        for link in self._links.values():
            link.join(1.0)
        batch = self._handoff.take(0.0)
        self._links.clear()
        self._count(batch)
        self._feed.connected, self._feed.connections, self._feed.connected_since = 0, 0, None
        self._feed.last_error = "ingest was stopped"
        self.note(EventKind.STOP, f"after {self._feed.frames} frames")
        self._write(batch, self._clock.uptime())
        self._writer.close()

    def _hear(self, note: ConnectionEvent) -> None:
        if not self._plan.heard(note):
            return
        if note.kind == "opened":
            log.info("connection %d: connected", note.link)
            self._feed.last_connected_at = self._clock.wall()
            self.note(EventKind.CONNECT, f"connection {note.link}")
        elif note.kind in ENDINGS:
            self._ended(note.link, note.kind, note.detail, note.at)
        elif self._seldom(note.kind, note.at):
            log.warning("connection %d: %s", note.link, note.detail)
            self.note(EventKind(note.kind), f"connection {note.link}: {printable(note.detail)}")

    def _obey(self, order: Order, now: float) -> None:
        if isinstance(order, Connect):
            log.info("connection %d: connecting to %s", order.link, self._feed.address)
            self._links[order.link] = self._open_link(order.link)
            self._feed.reconnects = self._plan.attempts - 1
        elif isinstance(order, Disconnect):
            self._links[order.link].stop()
            self._ended(order.link, order.kind, order.detail, now)
        else:
            log.warning("%s", order.detail)
            self.note(EventKind(order.kind), order.detail)

    def _ended(self, link: int, kind: str, detail: str, now: float) -> None:
        words = ENDINGS[kind].words
        text = detail if detail.startswith(words) else f"{words} ({detail})"
        level = logging.INFO if kind == "rotated" else logging.WARNING
        log.log(level, "connection %d: %s", link, text)
        if kind in _KIND or self._seldom(f"failed: {kind}", now):
            self.note(_KIND.get(kind, EventKind.CONNECT_FAILED), f"connection {link}: {text}")
        if kind != "rotated":
            self._feed.last_error, self._feed.last_error_at = text, self._clock.wall()
        self._leaving[link] = self._links.pop(link)

    def _count(self, batch: Batch) -> None:
        feed = self._feed
        feed.frames += batch.frames
        feed.malformed += batch.malformed
        feed.repeated += batch.repeated
        feed.rejected += batch.rejected.total()
        feed.ignored += batch.ignored.total()
        if batch.rejected or batch.ignored:
            tally(self._rejected, batch.rejected)
            tally(self._ignored, batch.ignored)
            reasons = {"rejected": self._rejected, "ignored": self._ignored}
            feed.reasons = json.dumps(reasons, ensure_ascii=False)
        if batch.event_time:
            feed.last_event_time = batch.event_time
        feed.connections = self._plan.open_links()
        feed.connected = int(feed.connections > 0)
        if not feed.connected:
            feed.connected_since = None
        elif feed.connected_since is None:
            feed.connected_since = self._clock.wall()

    def _write(self, batch: Batch, now: float) -> None:
        self._feed.heartbeat_at, self._feed.heartbeat_uptime = self._clock.wall(), now
        self._feed.attempts_left = self._plan.attempts_left(now)
        self._writer.write(self._feed, batch.quotes.values(), self._events, batch.ceiling)
        self._events.clear()
        self._written = now

    def _tell(self, batch: Batch, now: float) -> None:
        """Say what was refused, each reason once a minute with its count and one example."""
        if batch.malformed:
            self._untold["malformed"] += batch.malformed
        tally(self._untold, batch.rejected)
        self._samples.update(batch.samples)
        for reason in [reason for reason in self._untold if self._seldom(reason, now)]:
            count, sample = self._untold.pop(reason), self._samples.pop(reason, "")
            such = f"; such as {sample[:300]}" if sample else ""
            log.warning("refused %d: %s%s", count, reason, such)

    def _keep_house(self, now: float) -> None:
        for number in [n for n, link in self._leaving.items() if not link.is_alive()]:
            del self._leaving[number]
            self._handoff.forget(number)  # not before: a last frame of it would be remembered
        if len(self._leaving) > MAX_THREADS:
            raise RuntimeError(f"{len(self._leaving)} connections were told to end and do not")
        if now - self._checkpointed >= CHECKPOINT_SECONDS:
            self._checkpointed = now
            size = self._writer.checkpoint()
            if size > LARGE_WAL_BYTES and self._seldom("wal", now):
                log.warning("the WAL has %d bytes: does a reader hold an old snapshot?", size)
        if now - self._pruned >= PRUNE_SECONDS:
            self._pruned = now
            self._writer.prune_events(self._clock.wall() - KEEP_EVENTS_SECONDS)
        if now - self._retired >= RETIRE_SECONDS and self._plan.all_classes_flow(now):
            self._retired = now
            names = self._writer.retire(self._feed.exchange, self._clock.wall(), now)
            self._handoff.retire(names)
            for name in names:
                log.info("%s has had no quote for a day: retired", name)
                self.note(EventKind.RETIRED, f"{name}: no quote for a day")

    def note(self, kind: EventKind, detail: str) -> None:
        """Write a line into the audit trail with the next turn."""
        self._events.append(Event(self._clock.wall(), "ingest", kind, detail))
