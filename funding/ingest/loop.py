"""What came in → the store, what happened → the policy, its orders → the connections.

The world is handed in, so that a test can move it step by step.
"""

import json
import logging
from collections.abc import Callable
from contextlib import suppress

from funding.errors import StoreFull, StoreLocked
from funding.ingest.connection_events import (
    ENDINGS,
    Connect,
    ConnectionEvent,
    ConnectionEventKind,
    Disconnect,
    EndingKind,
    Order,
)
from funding.ingest.connection_shares import Policy
from funding.ingest.connections import Connections, ConnectionThread
from funding.ingest.exchange_clock import ExchangeClock
from funding.ingest.following import Following
from funding.ingest.inbox import Batch, Inbox
from funding.ingest.interpreter import Interpreter
from funding.ingest.maintenance import StoreMaintenance
from funding.ingest.rejections import Rejections
from funding.ingest.store_lock import StoreLock
from funding.ingest.stream_state import StreamState
from funding.model.event import Event, EventKind
from funding.model.feed import Feed
from funding.runtime.clock import Clock
from funding.runtime.logs import Repeats, Throttle, printable
from funding.runtime.schedule import Every
from funding.store.writer import Writer

log = logging.getLogger("ingest")

HEARTBEAT_SECONDS = 1.0
LOG_AGAIN_SECONDS = 60.0
MAX_EVENTS = 1_000  # that wait for a locked store
STOP_ATTEMPTS = 3  # to write to a locked store, before ingest ends all the same


class IngestLoop:
    """Call `step` for ever, then `stop`. `connect(n)` begins connection n. `following` keeps the
    policy to what the exchange has, where that changes."""

    def __init__(
        self,
        feed: Feed,
        *,
        writer: Writer,
        policy: Policy,
        inbox: Inbox,
        interpreter: Interpreter,
        connect: Callable[[int], ConnectionThread],
        clock: Clock,
        keep_seconds: float,
        following: Following | None = None,
    ) -> None:
        self._following = following
        self._feed = feed
        self._writer = writer
        self._policy = policy
        self._inbox = inbox
        self._interpreter = interpreter
        self._clock = clock
        self._connections = Connections(connect, inbox)
        self._events: list[Event] = []  # not written yet
        self._throttle = Throttle(LOG_AGAIN_SECONDS)
        self._repeats = Repeats(LOG_AGAIN_SECONDS)
        self._rejections = Rejections(self._throttle)
        self._state = StreamState(feed, self._rejections)
        self._lock = StoreLock(clock, writer.locked_by)
        now = clock.uptime()
        self._exchange_clock = ExchangeClock(writer, inbox, feed.exchange)
        self._heartbeat = Every(HEARTBEAT_SECONDS, first=now + HEARTBEAT_SECONDS)
        self._maintenance = StoreMaintenance(
            writer, feed.exchange, self._throttle, now, keep_seconds
        )
        self.record(EventKind.START, f"pid {feed.pid}, stream of {feed.address}")

    def step(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds for something to do, and do it; whether that was quotes
        and nothing else.

        Raises `StoreError`, and the defect that ended a connection's thread. A locked store, or a
        full disk, is waited for: of each symbol the newest quote waits with it.
        """
        batch = self._inbox.take(timeout)
        self._connections.check()
        now = self._clock.uptime()
        # In the order in which they happened, or quotes that came with its end would not count.
        for event in batch.events:
            if event.kind == ConnectionEventKind.OPENED:
                self._handle(event)
        for (connection, symbol_class), (at, frames) in batch.progress.items():
            newer = (connection, symbol_class) in batch.newer
            self._policy.accepted(connection, symbol_class, at, frames, newer=newer)
        for connection, (lag, at) in batch.lags.items():
            self._policy.note_lag(connection, lag, at)
        self._connections.note_unfinished(self._policy, now)
        for event in batch.events:
            if event.kind != ConnectionEventKind.OPENED:
                self._handle(event)
        if self._following is not None:
            self._notice(self._following.step(now))
        for order in self._policy.step(now):
            self._execute(order, now)
        self._events += self._state.update(batch, self._policy, self._clock.wall(), now)
        if self._heartbeat.due(now) or batch.quotes or self._events:
            self._write(batch, now)
        self._rejections.log(now)
        self._connections.forget_ended()
        if not self._lock.active:
            self._maintain_store(now)
        return bool(batch.quotes) and not batch.events

    def stop(self) -> None:
        """End all connections, store what is in hand, and leave the store tidy."""
        if self._following is not None:
            self._following.stop()
        self._connections.stop_all()
        batch = self._inbox.take(0.0)
        now = self._clock.uptime()
        self._events += self._state.update(batch, self._policy, self._clock.wall(), now)
        self._state.stop()
        self.record(EventKind.STOP, f"after {self._feed.frames} frames")
        for _ in range(STOP_ATTEMPTS):
            self._write(batch, now)
            if not self._lock.active:
                break
            batch = self._inbox.take(0.0)
        with suppress(StoreLocked, StoreFull):
            self._interpreter.stop(self._clock.wall(), now)
        self._writer.close()

    def record(self, kind: EventKind, detail: str, cause: str | None = None) -> None:
        """Write a line into the audit trail with the next step. What repeats within a minute, by
        the same `cause`, is one row there."""
        self._events.append(Event(self._clock.wall(), "ingest", kind, detail, rule=cause))

    def _handle(self, event: ConnectionEvent) -> None:
        number = event.connection
        if not self._policy.handle(event):
            return
        if isinstance(event.kind, EndingKind):
            self._ended(number, event.kind, event.detail, event.at)
        elif event.kind == ConnectionEventKind.OPENED:
            self._say(logging.INFO, "connected", number, "connected", event.at)
            self.record(EventKind.CONNECT, f"connection {number}", event.kind)
        else:
            self._say(logging.WARNING, event.kind, number, event.detail, event.at)
            detail = f"connection {number}: {printable(event.detail)}"
            self.record(EventKind(event.kind), detail, event.kind)

    def _execute(self, order: Order, now: float) -> None:
        if isinstance(order, Connect):
            text = f"connecting to {self._feed.address}"
            self._say(logging.INFO, "connecting", order.connection, text, now)
            self._connections.begin(order.connection)
            self._feed.reconnects = self._policy.attempts - 1
        elif isinstance(order, Disconnect):
            self._connections.stop(order.connection)
            self._ended(order.connection, order.kind, order.detail, now)
        else:
            log.warning("%s", order.detail)
            self.record(order.kind, order.detail)

    def _ended(self, number: int, kind: EndingKind, detail: str, now: float) -> None:
        ending = ENDINGS[kind]
        text = detail if detail.startswith(ending.words) else f"{ending.words} ({detail})"
        level = logging.INFO if kind == EndingKind.ROTATED else logging.WARNING
        self._say(level, kind, number, text, now)
        self.record(ending.event, f"connection {number}: {text}", kind)
        if kind != EndingKind.ROTATED:
            self._feed.last_error, self._feed.last_error_at = text, self._clock.wall()
        self._connections.ended(number)
        if self._following is not None:
            self._notice(self._following.ended(kind, delivered=self._policy.is_good()))

    def _notice(self, lines: list[str]) -> None:
        """What is followed has changed."""
        for text in lines:
            log.warning("%s", text)
            self.record(EventKind.NOTICE, text)
        if lines and self._following is not None:
            missing = self._following.missing()
            self._feed.not_followed = json.dumps(missing, ensure_ascii=False)

    def _say(self, level: int, cause: str, number: int, text: str, now: float) -> None:
        """Log a line about connection `number`; what repeats by one `cause`, once a minute."""
        repeated = self._repeats.due(cause, now)
        if repeated is not None:
            again = f" ({repeated} times more since the last such line)" if repeated else ""
            log.log(level, "connection %d: %s%s", number, text, again)

    def _write(self, batch: Batch, now: float) -> None:
        self._feed.heartbeat_at, self._feed.heartbeat_uptime = self._clock.wall(), now
        self._feed.attempts_left = self._policy.attempts_left(now)
        try:
            findings = self._interpreter.interpret(batch)
            quotes = batch.quotes.values()
            self._writer.write(self._feed, quotes, self._events, batch.ceiling, findings)
        except (StoreLocked, StoreFull) as error:
            self._inbox.give_back(batch)
            del self._events[MAX_EVENTS:]
            self._events += self._lock.update(error)
        else:
            self._interpreter.written()
            self._events.clear()
            self._events += self._lock.update(None)

    def _maintain_store(self, now: float) -> None:
        wall, flowing = self._clock.wall(), self._policy.all_classes_flow(now)
        try:
            self._events += self._interpreter.step(wall, now)
            names = self._maintenance.step(wall, now, all_classes_flow=flowing)
            self._exchange_clock.step(now)
        except (StoreLocked, StoreFull):
            return  # the next attempt to write says so
        if names:
            self._inbox.retire(names)
            self._interpreter.forget(names)
        for name in names:
            log.info("%s has had no quote for a day: retired", name)
            self.record(EventKind.RETIRED, f"{name}: no quote for a day")
