"""The routes of whole exchanges: is the data of one healthy, and how do all of them stand?"""

from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from funding import errors
from funding.api.responses import Response, refusal, reply
from funding.api.router import About, Route
from funding.api.served import Served, ServedExchange
from funding.api.tables import Table
from funding.exchanges import table
from funding.health import verdict
from funding.model.contract import ContractStatus
from funding.model.feed import Feed, StoredQuote
from funding.runtime.clock import Clock
from funding.store.undelivered import undelivered
from funding.store.verdicts import last_verdicts

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

UNKNOWN_INTERVAL = "unknown"


class State(msgspec.Struct):
    """In a word."""

    status: str


WARNINGS_SECONDS = 10.0
"""So long warnings are kept: they are of minutes and days."""


class ExchangeState(msgspec.Struct, rename="camel"):
    """One exchange in the answer of `/exchanges`: see docs/client.md."""

    exchange: str
    status: str
    connected: bool
    address: str | None
    last_connected_time: float | None
    lag_seconds: float | None
    event_time_is: Literal["exchange", "receipt"]
    standby_since: float | None
    symbols: dict[str, int]
    fresh_symbols: int
    stale_symbols: int
    newest_data_age_seconds: float | None
    oldest_data_age_seconds: float | None
    funding_intervals: dict[str, int]
    not_followed: dict[str, str]
    reasons: list[str]


EXCHANGES = About("How each exchange stands.", Table[ExchangeState])
HEALTH = About("Is the data of an exchange healthy? 503 where it is not.", verdict.Health)
ALIVE = About("The process answers; of the data this says nothing.", State)
READY = About("Is the data of an exchange fresh? 503 where it is not.", State)


class Look(NamedTuple):
    """What is stored of one exchange, and the verdict on it."""

    feed: Feed | None
    quotes: Sequence[StoredQuote]
    health: verdict.Health
    locked_by: str


class ExchangeRoutes:
    """The state of the `served` exchanges. For one thread."""

    def __init__(self, served: Served, clock: Clock) -> None:
        self._served = served
        self._clock = clock
        self._warned: tuple[float, list[str]] | None = None

    def routes(self) -> list[Route]:
        """All of them have fixed paths."""
        return [
            Route("/exchanges", self.exchanges, (), EXCHANGES),
            Route("/funding/health", self.health, (self._served.one,), HEALTH),
            Route("/health", self.health, (self._served.one,), HEALTH),
            Route("/healthz", self.alive, (), ALIVE),
            Route("/readyz", self.ready, (self._served.one,), READY),
        ]

    def health(self, _environ: "WSGIEnvironment", exchange: str | None = None) -> Response:
        """GET /funding/health"""
        served = self._served.of(exchange)
        feed, _, found, locked_by = look(served, self._clock)
        if feed is not None and not found.serves:
            # Nobody can write down when a lock of the store began.
            locked = feed.heartbeat_at + verdict.HEARTBEAT_SECONDS if locked_by else None
            since = locked or served.reader.unhealthy_since(self._served.health_rule(exchange))
            found = msgspec.structs.replace(found, unhealthy_since=since)
        warnings = self._warnings()
        if warnings:
            found = msgspec.structs.replace(found, warnings=warnings)
        return reply(found, HTTPStatus.OK if found.serves else HTTPStatus.SERVICE_UNAVAILABLE)

    def _warnings(self) -> list[str]:
        """Of the whole service: a GO about to lapse, and alerts that cannot be sent."""
        uptime = self._clock.uptime()
        if self._warned is None or not 0 <= uptime - self._warned[0] < WARNINGS_SECONDS:
            self._warned = uptime, self._read_warnings()
        return self._warned[1]

    def _read_warnings(self) -> list[str]:
        now, rows = self._clock.wall(), self._served.of(None).reader.rows
        try:
            verdicts = [each.warning(now) for each in last_verdicts(rows)]
            return [*filter(None, verdicts), *undelivered(rows, now)]
        except errors.StoreError:
            return []  # the reasons say it

    def alive(self, _environ: "WSGIEnvironment") -> Response:
        """GET /healthz"""
        return reply(State("alive"))

    def ready(self, _environ: "WSGIEnvironment", exchange: str | None = None) -> Response:
        """GET /readyz"""
        found = look(self._served.of(exchange), self._clock).health
        if found.serves:
            return reply(State("ready"))
        return refusal("not ready", HTTPStatus.SERVICE_UNAVAILABLE, reasons=found.reasons)

    def exchanges(self, _environ: "WSGIEnvironment") -> Response:
        """GET /exchanges"""
        states = [
            state_of(name, *look(self._served.of(name), self._clock)[:3])
            for name in self._served.names
        ]
        return reply({"data": states, "total": len(states)})


def look(served: ServedExchange, clock: Clock) -> Look:
    """The state of the `served` exchange now; without a database, that of one not yet begun."""
    reader, limits = served.reader, served.limits
    try:
        feed, quotes = reader.feed(), reader.all()
    except errors.StoreMissing:
        feed, quotes = None, []
    now = clock.uptime(), clock.boot
    beat, locked_by = None, ""
    if feed is not None:
        beat = verdict.heartbeat_age(feed, *now)
        locked_by = reader.locked_by(feed.pid) if beat > verdict.LATE_SECONDS else ""
    ages = [quote.age_seconds for quote in quotes if verdict.trades(quote)]
    filled_in = sum(verdict.is_filled_in(quote, limits.stale_after) for quote in quotes)
    health = verdict.judge(
        feed, ages, limits, beat, locked_by, filled_in=filled_in, link=served.link()
    )
    return Look(feed, quotes, health, locked_by)


def state_of(
    exchange: str, feed: Feed | None, quotes: Sequence[StoredQuote], health: verdict.Health
) -> ExchangeState:
    """The state of `exchange`, whose data is as healthy as `health` says."""
    trading = [quote for quote in quotes if verdict.trades(quote)]
    intervals = Counter(quote.funding_interval_hours for quote in trading)
    return ExchangeState(
        exchange=exchange,
        status=health.status,
        connected=health.websocket_connected,
        address=feed.address if feed else None,
        last_connected_time=health.last_connected_time,
        lag_seconds=feed.lag_seconds if feed else None,
        event_time_is="exchange" if table.EXCHANGES[exchange].event_times else "receipt",
        standby_since=feed.standby_since if feed else None,
        symbols=dict(Counter(quote.status or ContractStatus.UNKNOWN for quote in quotes)),
        fresh_symbols=health.symbol_count - health.stale_symbols,
        stale_symbols=health.stale_symbols,
        newest_data_age_seconds=health.newest_data_age_seconds,
        oldest_data_age_seconds=health.oldest_data_age_seconds,
        funding_intervals={
            UNKNOWN_INTERVAL if hours is None else str(hours): intervals[hours]
            for hours in sorted(intervals, key=lambda hours: hours or 10_000)
        },
        not_followed=msgspec.json.decode(feed.not_followed, type=dict[str, str]) if feed else {},
        reasons=health.reasons,
    )
