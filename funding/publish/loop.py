"""The turns of publish.py: a look at each exchange some twenty times a second.

NATS may be away for as long as it likes: that is said once, and again when it is back.
"""

import logging
from collections.abc import Callable, Sequence
from math import inf
from typing import Protocol

from funding import errors
from funding.model.feed import Feed
from funding.publish.leadership import LIVE_SECONDS, Data, Duty, data_of, stream_age
from funding.runtime.clock import Clock
from funding.runtime.logs import ThrottledWarnings
from funding.runtime.schedule import Every

log = logging.getLogger("publish")

STEP_SECONDS = 0.05
FEED_SECONDS = 0.25
AWAY_SECONDS = 3.0
"""A connection that takes longer is away; the first one, and the next server, come earlier."""
LOG_SECONDS = 60.0


class Leads(Protocol):
    """Says for one exchange whether this machine publishes it, and under which term."""

    @property
    def term(self) -> int: ...

    def tick(self, now: float, *, connected: bool, data: Data) -> Duty:
        """What to do at `now`."""


class Publishes(Protocol):
    """What of an `ExchangePublisher` is used here."""

    exchange: str

    def feed(self) -> Feed | None: ...

    def quote_age(self) -> float: ...

    def heartbeat(self, feed: Feed, term: int) -> None: ...

    def turn(self, duty: Duty) -> int: ...


class LoopConnection(Protocol):
    """What of a `Connection` is used here."""

    @property
    def connected(self) -> bool: ...

    @property
    def problem(self) -> str: ...

    @property
    def address(self) -> str: ...

    def check(self) -> None: ...


class PublishLoop:
    """Publishes each exchange of `publishers` by what its leadership says, which `leads` makes for
    an exchange. `stale_after` is the age in seconds after which a quote is stale."""

    def __init__(
        self,
        publishers: Sequence[Publishes],
        connection: LoopConnection,
        *,
        leads: Callable[[str], Leads],
        stale_after: float,
        clock: Clock,
    ) -> None:
        self._turns = [
            _Turns(each, leads(each.exchange), stale_after=stale_after, clock=clock)
            for each in publishers
        ]
        self._connection = connection
        self._clock = clock
        self._warn = ThrottledWarnings(log, LOG_SECONDS, clock.uptime)
        self._away_since = clock.uptime()
        self._told: bool | None = None
        self.turned_at = clock.uptime()

    def step(self) -> int:
        """One look; how many quotes were sent. Raises the defect that ended the connection."""
        self._connection.check()
        connected = self._connection.connected
        self.turned_at = self._clock.uptime()
        self._tell(connected, self.turned_at)
        sent = 0
        for turns in self._turns:
            try:
                sent += turns.turn(connected)
            except (errors.StoreError, errors.NatsError) as error:
                self._warn(str(error), f"{turns.exchange}: {error}")
        return sent

    def _tell(self, connected: bool, now: float) -> None:
        if connected:
            if self._told is not True:
                again = "" if self._told is None else ": recovered"
                log.info("connected to %s%s", self._connection.address, again)
            self._told, self._away_since = True, inf
            return
        self._away_since = min(self._away_since, now)
        if self._told is not False and now - self._away_since >= AWAY_SECONDS:
            self._told = False
            log.warning("NATS is away, retrying: %s", self._connection.problem)


class _Turns:
    """Of one exchange."""

    def __init__(
        self, publisher: Publishes, leads: Leads, *, stale_after: float, clock: Clock
    ) -> None:
        self.exchange = publisher.exchange
        self._publisher = publisher
        self._leads = leads
        self._stale_after = stale_after
        self._clock = clock
        self._read_feed = Every(FEED_SECONDS)
        self._feed: Feed | None = None
        self._data = Data.NONE

    def turn(self, connected: bool) -> int:
        """Do what is to be done now; how many quotes were sent."""
        now = self._clock.uptime()
        try:
            if self._read_feed.due(now):
                self._look(now)
        except errors.StoreError:
            self._feed, self._data = None, Data.NONE
            self._leads.tick(now, connected=connected, data=Data.NONE)
            raise
        duty = self._leads.tick(now, connected=connected, data=self._data)
        if duty.heartbeat and self._feed is not None:
            self._publisher.heartbeat(self._feed, self._leads.term)
        return self._publisher.turn(duty)

    def _look(self, now: float) -> None:
        feed = self._feed = self._publisher.feed()
        if feed is None or feed.boot_id != self._clock.boot:
            self._data = Data.NONE
            return
        age = stream_age(feed, now)
        quote_age = inf if age <= LIVE_SECONDS else self._publisher.quote_age()
        self._data = data_of(age, quote_age, self._stale_after)
