"""REST as standby: while the stream is away, one call for all quotes every few seconds."""

import logging
from collections.abc import Callable
from dataclasses import replace

from funding import errors
from funding.history.standby_rules import StandbyRule, Step, cause, receipt, storable
from funding.model.event import Event, EventKind
from funding.model.feed import Feed
from funding.model.quote import Quote
from funding.model.silence import Silence
from funding.runtime.clock import Clock
from funding.runtime.logs import ThrottledWarnings
from funding.store.durable import DurableConnection
from funding.store.events import Events
from funding.store.reader import Reader
from funding.store.standby import StandbyQuotes

log = logging.getLogger("standby")

SOURCE = "history"
LOG_SECONDS = 60.0


class Standby:
    """Stands in for the stream of `exchange` after `after` seconds of silence, 0 for never.

    `fetch` asks REST for all quotes; `address` is the stream's host. Call `step` every second or
    so. For one thread.
    """

    def __init__(
        self,
        reader: Reader,
        store: DurableConnection,
        fetch: Callable[[], list[Quote]],
        *,
        after: float,
        address: str,
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._address = address
        self._events = Events(store)
        self._quotes = StandbyQuotes(store, reader.exchange, after)
        self._fetch = fetch
        self._after = after
        self._clock = clock
        self._warn = ThrottledWarnings(log, LOG_SECONDS, clock.uptime)
        self._rule: StandbyRule | None = None
        self._begun: Event | None = None  # the event of the standby that goes on
        self._recalled = False  # whether a program before this one has begun it
        self._calls = self._stored = 0

    def step(self) -> None:
        """Look, and do what the rule says. Raises `StoreError`s."""
        try:
            stored = self._reader.feed()
        except errors.StoreMissing:
            return  # ingest makes it
        uptime = self._clock.uptime()
        silence = self._quotes.silence(uptime)
        feed = stored
        if feed is None or feed.boot_id != self._clock.boot:
            feed = self._without_ingest(stored)
            silence = Silence(silence.symbols, 0, silence.symbols, None)
        if self._rule is None:
            self._rule = StandbyRule(self._after, active=feed.standby_since is not None)
            self._begun = self._recall(feed)
            self._recalled = self._begun is not None
        step = self._rule.update(silence, uptime)
        if step is Step.BEGIN:
            self._begin(feed, silence)
        if step is Step.END:
            self._end()
        elif step is not None:
            self._call(feed)

    def _without_ingest(self, stored: Feed | None) -> Feed:
        """The feed row of a boot in which no ingest has begun; `stored` is that of another one."""
        now = self._clock.wall()
        address = stored.address if stored is not None else self._address
        feed = Feed(self._reader.exchange, address, 0, self._clock.boot, now, 0.0)
        if stored is not None:
            feed.heartbeat_at, feed.last_event_time = stored.heartbeat_at, stored.last_event_time
            feed.standby_since = stored.standby_since
        return feed

    def _recall(self, feed: Feed) -> Event | None:
        """The event with which the program before this one began, where REST stands in already."""
        since = feed.standby_since
        if since is None:
            return None
        found = [
            event
            for event in self._events.recall(SOURCE, EventKind.STANDBY, since)
            if event.rule == feed.exchange and event.duration_seconds is None
        ]
        return found[0] if found else self._event(since, "REST stands in for the stream")

    def _event(self, at: float, text: str) -> Event:
        return Event(at, SOURCE, EventKind.STANDBY, text, rule=self._reader.exchange)

    def _begin(self, feed: Feed, silence: Silence) -> None:
        text = f"REST stands in for the stream of {feed.address}: {cause(silence)}"
        log.warning("%s", text)
        self._begun, self._recalled = self._event(self._clock.wall(), text), False
        self._calls = self._stored = 0
        self._quotes.begin(self._begun, feed)

    def _end(self) -> None:
        if self._begun is None:
            return
        seconds = max(0.0, self._clock.wall() - self._begun.at)
        why = "the stream is back" if self._after else "FUNDING_STANDBY_AFTER is 0"
        log.info("%s: REST stands in no longer, after %.0f s", why, seconds)
        text = f"{self._begun.detail}; {self._calls} calls, {self._stored} quotes"
        if self._recalled:
            text += " since a restart of history.py"
        self._quotes.end(replace(self._begun, detail=text, duration_seconds=seconds))
        self._begun = None

    def _call(self, feed: Feed) -> None:
        """Ask for all quotes, and store those that are newer than the stored ones."""
        assert self._begun is not None
        self._calls += 1
        try:
            quotes = storable(self._fetch())
        except errors.RestError as error:
            self._warn(type(error).__name__, f"REST cannot stand in: {error}")
            return
        wall, uptime = self._clock.wall(), self._clock.uptime()
        received = [receipt(quote, feed, wall, uptime) for quote in quotes]
        self._stored += self._quotes.fill(
            quotes, feed, since=self._begun.at, wall=wall, uptime=uptime, received=received
        )
