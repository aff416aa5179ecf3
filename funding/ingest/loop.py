"""What came in → the store, what happened → the policy, its orders → the connections.

The world is handed in, so that a test can move it step by step.
"""

import logging
from collections.abc import Callable
from typing import Protocol

from funding.ingest.connection_events import (
    ENDINGS,
    Connect,
    ConnectionEvent,
    ConnectionEventKind,
    Disconnect,
    EndingKind,
    Order,
)
from funding.ingest.connection_policy import ConnectionPolicy
from funding.ingest.inbox import Batch, Inbox
from funding.ingest.maintenance import StoreMaintenance
from funding.ingest.rejections import Rejections
from funding.model.event import Event, EventKind
from funding.model.feed import Feed
from funding.runtime.clock import Clock
from funding.runtime.logs import Throttle, printable
from funding.runtime.schedule import Every
from funding.store.writer import Writer

log = logging.getLogger("ingest")

HEARTBEAT_SECONDS = 1.0
LOG_AGAIN_SECONDS = 60.0
MAX_THREADS = 30


class ConnectionThread(Protocol):
    """What the loop needs of a `receiver.Receiver`."""

    def stop(self) -> None: ...
    def join(self, timeout: float | None = None) -> None: ...
    def is_alive(self) -> bool: ...
    def check(self) -> None: ...


class IngestLoop:
    """Call `step` for ever, then `stop`. `connect(n)` begins connection n."""

    def __init__(
        self,
        feed: Feed,
        *,
        writer: Writer,
        policy: ConnectionPolicy,
        inbox: Inbox,
        connect: Callable[[int], ConnectionThread],
        clock: Clock,
    ) -> None:
        self._feed = feed
        self._writer = writer
        self._policy = policy
        self._inbox = inbox
        self._connect = connect
        self._clock = clock
        self._threads: dict[int, ConnectionThread] = {}
        self._ending: dict[int, ConnectionThread] = {}
        self._events: list[Event] = []
        self._throttle = Throttle(LOG_AGAIN_SECONDS)
        self._rejections = Rejections(self._throttle)
        now = clock.uptime()
        self._heartbeat = Every(HEARTBEAT_SECONDS, first=now + HEARTBEAT_SECONDS)
        self._maintenance = StoreMaintenance(writer, feed.exchange, self._throttle, now)
        self.record(EventKind.START, f"pid {feed.pid}, stream of {feed.address}")

    def step(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds for something to do, and do it; whether that was quotes
        and nothing else.

        Raises `StoreError`, and the defect that ended a connection's thread.
        """
        batch = self._inbox.take(timeout)
        self._check_threads()
        now = self._clock.uptime()
        # In the order in which they happened, or quotes that came with its end would not count.
        for event in batch.events:
            if event.kind == ConnectionEventKind.OPENED:
                self._handle(event)
        for (connection, symbol_class), (at, frames) in batch.progress.items():
            newer = (connection, symbol_class) in batch.newer
            self._policy.accepted(connection, symbol_class, at, frames, newer=newer)
        for event in batch.events:
            if event.kind != ConnectionEventKind.OPENED:
                self._handle(event)
        for order in self._policy.step(now):
            self._execute(order, now)
        self._update_feed(batch)
        if self._heartbeat.due(now) or batch.quotes or self._events:
            self._write(batch, now)
        self._rejections.log(now)
        self._forget_ended()
        self._maintain_store(now)
        return bool(batch.quotes) and not batch.events

    def stop(self) -> None:
        """End all connections, store what is in hand, and leave the store tidy."""
        for thread in self._threads.values():
            thread.stop()
        for thread in self._threads.values():
            thread.join(1.0)
        batch = self._inbox.take(0.0)
        self._check_threads()
        self._threads.clear()
        self._update_feed(batch)
        self._feed.connected, self._feed.connections, self._feed.connected_since = 0, 0, None
        self._feed.last_error = "ingest was stopped"
        self.record(EventKind.STOP, f"after {self._feed.frames} frames")
        self._write(batch, self._clock.uptime())
        self._writer.close()

    def record(self, kind: EventKind, detail: str) -> None:
        """Write a line into the audit trail with the next step."""
        self._events.append(Event(self._clock.wall(), "ingest", kind, detail))

    def _handle(self, event: ConnectionEvent) -> None:
        number = event.connection
        if not self._policy.handle(event):
            return
        if isinstance(event.kind, EndingKind):
            self._ended(number, event.kind, event.detail, event.at)
        elif event.kind == ConnectionEventKind.OPENED:
            log.info("connection %d: connected", number)
            self._feed.last_connected_at = self._clock.wall()
            self.record(EventKind.CONNECT, f"connection {number}")
        elif self._throttle(event.kind, event.at):
            log.warning("connection %d: %s", number, event.detail)
            detail = f"connection {number}: {printable(event.detail)}"
            self.record(EventKind(event.kind), detail)

    def _execute(self, order: Order, now: float) -> None:
        if isinstance(order, Connect):
            log.info("connection %d: connecting to %s", order.connection, self._feed.address)
            self._threads[order.connection] = self._connect(order.connection)
            self._feed.reconnects = self._policy.attempts - 1
        elif isinstance(order, Disconnect):
            self._threads[order.connection].stop()
            self._ended(order.connection, order.kind, order.detail, now)
        else:
            log.warning("%s", order.detail)
            self.record(order.kind, order.detail)

    def _ended(self, number: int, kind: EndingKind, detail: str, now: float) -> None:
        ending = ENDINGS[kind]
        text = detail if detail.startswith(ending.words) else f"{ending.words} ({detail})"
        level = logging.INFO if kind == EndingKind.ROTATED else logging.WARNING
        log.log(level, "connection %d: %s", number, text)
        failed = ending.event == EventKind.CONNECT_FAILED
        if not failed or self._throttle(f"failed: {kind}", now):
            self.record(ending.event, f"connection {number}: {text}")
        if kind != EndingKind.ROTATED:
            self._feed.last_error, self._feed.last_error_at = text, self._clock.wall()
        self._ending[number] = self._threads.pop(number)

    def _update_feed(self, batch: Batch) -> None:
        feed = self._feed
        feed.frames += batch.frames
        feed.malformed += batch.malformed
        feed.repeated += batch.repeated
        feed.rejected += batch.rejected.total()
        feed.ignored += batch.ignored.total()
        if batch.malformed or batch.rejected or batch.ignored:
            self._rejections.add(batch)
            feed.reasons = self._rejections.as_json()
        if batch.event_time:
            feed.last_event_time = batch.event_time
        feed.connections = self._policy.open_connections()
        feed.connected = int(feed.connections > 0)
        if not feed.connected:
            feed.connected_since = None
        elif feed.connected_since is None:
            feed.connected_since = self._clock.wall()

    def _write(self, batch: Batch, now: float) -> None:
        self._feed.heartbeat_at, self._feed.heartbeat_uptime = self._clock.wall(), now
        self._feed.attempts_left = self._policy.attempts_left(now)
        self._writer.write(self._feed, batch.quotes.values(), self._events, batch.ceiling)
        self._events.clear()

    def _check_threads(self) -> None:
        for thread in (*self._threads.values(), *self._ending.values()):
            thread.check()

    def _forget_ended(self) -> None:
        for number in [n for n, thread in self._ending.items() if not thread.is_alive()]:
            self._ending.pop(number).check()
            self._inbox.forget(number)  # not before: a last frame of it would be remembered
        if len(self._ending) > MAX_THREADS:
            raise RuntimeError(f"{len(self._ending)} connections were stopped and have not ended")

    def _maintain_store(self, now: float) -> None:
        wall, flowing = self._clock.wall(), self._policy.all_classes_flow(now)
        names = self._maintenance.step(wall, now, all_classes_flow=flowing)
        if names:
            self._inbox.retire(names)
        for name in names:
            log.info("%s has had no quote for a day: retired", name)
            self.record(EventKind.RETIRED, f"{name}: no quote for a day")
