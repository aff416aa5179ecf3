"""The route of the page's top: how the group stands now, and how its last day was."""

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from funding.api.exchange_routes import look
from funding.api.responses import Response, reply
from funding.api.router import About, Route
from funding.api.served import Served, ServedExchange
from funding.health import verdict
from funding.model.bar import MINUTE
from funding.model.verdict import Standing, Verdict
from funding.runtime.clock import Clock
from funding.store import overview_reader
from funding.store.overview_reader import Ended, Minutes, Observed, Saved, Started
from funding.store.verdicts import last_verdicts

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

DAY = 86_400.0
PAST_SECONDS = 10.0
"""How long what is told of the past is kept: reading it takes up to some tenths of a second, where
the accounts of a month are long."""
BARS_WRITTEN_SECONDS = 30.0
"""A minute's bars are in the store so long after its end."""


class FeedOverview(msgspec.Struct, rename="camel"):
    """One exchange. `available_pct` is the share of the `known_minutes` of the last day in which a
    quote came by the stream, None while none is known."""

    exchange: str
    status: str
    reasons: list[str]
    connected: bool
    trading_symbols: int
    fresh_symbols: int
    stale_symbols: int
    newest_data_age_seconds: float | None
    uptime_seconds: float
    known_minutes: int
    available_pct: float | None


class Availability(msgspec.Struct, rename="camel"):
    """The day before the watchdog's last look, as it saw Binance's data and the API."""

    since: float
    until: float
    observed_seconds: float
    data_available_pct: float | None
    api_available_pct: float | None


class LastEnd(msgspec.Struct, rename="camel"):
    """How a program ended last, other than by order: kinds crash, restart and kill."""

    at: float
    kind: str
    rule: str | None
    detail: str


class ProgramOverview(msgspec.Struct, rename="camel"):
    """One program; `started_at` is Unix seconds."""

    program: str
    started_at: float
    last_end: LastEnd | None


class RestSaved(msgspec.Struct, rename="camel"):
    """REST on the present UTC day: what was used, and the difference to asking by symbol."""

    day: str
    exchange: str
    calls: int
    weight: int
    calls_saved: int | None
    weight_saved: int | None


class Validation(msgspec.Struct, rename="camel"):
    """The last verdict of a validation report: `standing` is what it is worth now, `lapses_at` when
    the last GO ends by its age, `failing` what a NO-GO failed."""

    exchange: str
    verdict: str
    standing: Standing
    at: float
    age_seconds: float
    lapses_at: float | None
    failing: str


class Overview(msgspec.Struct, rename="camel"):
    """The answer of `/funding/overview`; `status` and `reasons` are those of `/funding/health`.
    What does not travel to the API of another host is None there."""

    at: float
    status: str
    reasons: list[str]
    unhealthy_since: float | None
    exchanges: list[FeedOverview]
    availability: Availability | None
    programs: list[ProgramOverview]
    rest_saved: list[RestSaved] | None
    validations: list[Validation] | None


OVERVIEW = About("How all stands, and how the last day was.", Overview)


class _Past(NamedTuple):
    """What changes slowly."""

    minutes: dict[str, Minutes]
    observed: Observed | None
    starts: list[tuple[Started, Ended | None]]
    saved: list[Saved]
    verdicts: list[Verdict]


class OverviewRoutes:
    """The overview of the `served` exchanges. For one thread."""

    def __init__(self, served: Served, clock: Clock) -> None:
        self._served = served
        self._clock = clock
        self._past: tuple[float, _Past] | None = None

    def routes(self) -> list[Route]:
        """It has a fixed path."""
        return [Route("/funding/overview", self.overview, (), OVERVIEW, takes_long=True)]

    def overview(self, _environ: "WSGIEnvironment") -> Response:
        """GET /funding/overview"""
        past, lacking = self._current_past(), self._served.lacking
        feeds = [
            self._feed(name, self._served.of(name), past.minutes[name])
            for name in self._served.names
        ]
        first, now = feeds[0], self._clock.wall()
        unhealthy = first.status == verdict.Status.UNHEALTHY
        since = self._served.of(None).reader.unhealthy_since() if unhealthy else None
        answer = Overview(
            at=round(now, 3),
            status=first.status,
            reasons=first.reasons,
            unhealthy_since=since,
            exchanges=feeds,
            availability=_availability(past.observed) if past.observed else None,
            programs=[
                ProgramOverview(*each, LastEnd(*end) if end else None) for each, end in past.starts
            ],
            rest_saved=(
                None if "rest_usage" in lacking else [RestSaved(*each) for each in past.saved]
            ),
            validations=(
                None
                if "validation" in lacking
                else [_validation(each, now) for each in past.verdicts]
            ),
        )
        return reply(answer)

    def _feed(self, name: str, served: ServedExchange, minutes: Minutes) -> FeedOverview:
        health = look(served, self._clock).health
        return FeedOverview(
            exchange=name,
            status=health.status,
            reasons=health.reasons,
            connected=health.websocket_connected,
            trading_symbols=health.symbol_count,
            fresh_symbols=health.symbol_count - health.stale_symbols,
            stale_symbols=health.stale_symbols,
            newest_data_age_seconds=health.newest_data_age_seconds,
            uptime_seconds=health.uptime_seconds,
            known_minutes=minutes.known,
            available_pct=_pct(minutes.with_quotes, minutes.known),
        )

    def _current_past(self) -> _Past:
        uptime = self._clock.uptime()
        if self._past is None or not 0 <= uptime - self._past[0] < PAST_SECONDS:
            self._past = uptime, self._read_past()
        return self._past[1]

    def _read_past(self) -> _Past:
        now, reader = self._clock.wall(), self._served.of(None).reader
        until = (now - BARS_WRITTEN_SECONDS) // MINUTE * MINUTE
        return _Past(
            {
                name: overview_reader.minutes(self._served.of(name).reader, until - DAY, until)
                for name in self._served.names
            },
            overview_reader.observed(reader, DAY),
            overview_reader.starts(reader),
            overview_reader.saved(reader, now),
            last_verdicts(reader.rows),
        )


def _pct(part: float, whole: float) -> float | None:
    """`part` of `whole` in percent, with as many decimals as a day's minutes bear."""
    return round(100 * part / whole, 2) if whole > 0 else None


def _availability(seen: Observed) -> Availability:
    seconds = seen.until - seen.since - seen.unobserved
    return Availability(
        since=round(seen.since, 1),
        until=round(seen.until, 1),
        observed_seconds=round(seconds, 1),
        data_available_pct=_pct(seconds - seen.data_unhealthy, seconds),
        api_available_pct=_pct(seconds - seen.api_unhealthy, seconds),
    )


def _validation(stored: Verdict, now: float) -> Validation:
    return Validation(
        exchange=stored.exchange,
        verdict=stored.word,
        standing=stored.standing(now),
        at=stored.at,
        age_seconds=round(max(0.0, now - stored.at), 1),
        lapses_at=stored.lapses_at,
        failing=stored.failing,
    )
