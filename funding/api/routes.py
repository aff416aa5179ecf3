"""The API as one WSGI application over what is stored: all routes, and every error as JSON."""

import logging
import urllib.parse
from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from funding import __version__, errors
from funding.api.broadcaster import Broadcaster
from funding.api.compare_routes import CompareRoutes
from funding.api.contract_routes import ContractRoutes
from funding.api.description_routes import DescriptionRoutes
from funding.api.exchange_routes import ExchangeRoutes
from funding.api.history_routes import HistoryRoutes
from funding.api.metrics_routes import MetricsRoutes, Process
from funding.api.overview_routes import OverviewRoutes
from funding.api.pages import Pages
from funding.api.parameters import BadQuery
from funding.api.quote_routes import QuoteRoutes
from funding.api.responses import ADDRESS_HEADER, EventStream, Response, refusal, reply
from funding.api.router import About, Route, Router
from funding.api.served import Served
from funding.api.spread_routes import SpreadRoutes
from funding.api.stream_routes import StreamRoutes
from funding.api.trail_routes import TrailRoutes
from funding.model.asset import Aliases
from funding.runtime.clock import Clock
from funding.runtime.logs import Throttle

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = logging.getLogger("api")

LOG_SECONDS = 10.0
ENDPOINTS = [
    "/funding",
    "/funding/<symbol>",
    "/funding/batch?symbols=A,B",
    "/funding/<symbol>/history?days=30",
    "/funding/<symbol>/bars?period=60&since=",
    "/funding/signals?since=",
    "/funding/stream?symbols=A,B&signals=1",
    "/funding/compare?asset=BTC",
    "/funding/spreads",
    "/funding/<symbol>/comparisons?since=",
    "/funding/events?since=&kind=",
    "/funding/overview",
    "/funding/health",
    "/exchanges",
    "/contracts",
    "/metrics",
    "/healthz",
    "/readyz",
    "/openapi.json",
    "/docs",
]


class Index(msgspec.Struct):
    """What this is."""

    service: str
    version: str
    endpoints: list[str]


INDEX = About("What this is; to browsers, the page.", Index)


class Shared(NamedTuple):
    """What all APIs of one process have in common."""

    broadcaster: Broadcaster
    process: Process
    pages: Pages
    aliases: Aliases = Aliases()


class Api:
    """The routes over the `served` exchanges: a WSGI application for one thread.

    Browsers get the pages that are `shared`.
    """

    def __init__(self, served: Served, clock: Clock, shared: Shared) -> None:
        self._served = served
        self._pages = shared.pages
        self._clock = clock
        self._throttle = Throttle(LOG_SECONDS)
        described = DescriptionRoutes(
            self._answerable(
                Route("/", self.index, (), INDEX),
                *self._pages.routes(),
                # Fixed paths come before those with a symbol, which match them too.
                *CompareRoutes(served, clock, shared.aliases).routes(),
                *StreamRoutes(served, shared.broadcaster).routes(),
                *SpreadRoutes(served, clock).routes(),
                *MetricsRoutes(served, clock, shared.process).routes(),
                *OverviewRoutes(served, clock).routes(),
                *TrailRoutes(served, clock).routes(),
                *ContractRoutes(served).routes(),
                *HistoryRoutes(served, clock).routes(),
                *ExchangeRoutes(served, clock).routes(),
                *QuoteRoutes(served, clock).routes(),
            )
        )
        self.routes = described.all
        self._router = Router(self.routes)

    def _answerable(self, *routes: Route) -> list[Route]:
        """The `routes`, of which those are answered elsewhere whose tables are not here."""
        return [
            route._replace(handler=self._elsewhere, takes_long=True)
            if self._served.lacking.intersection(route.tables)
            else route
            for route in routes
        ]

    def takes_long(self, path: str) -> bool:
        """Whether to answer `path` takes more than some milliseconds."""
        return self._router.takes_long(path)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request."""
        return self._response(environ).send(environ, start_response)

    def _response(self, environ: "WSGIEnvironment") -> Response | EventStream:
        exchange: str | None = None
        try:
            match = self._router.match(environ)
            if isinstance(match, Response):
                return match
            exchange = match.arguments.get("exchange")
            response = match.handler(environ, **match.arguments)
        except BadQuery as error:
            return refusal(error.reason, HTTPStatus.BAD_REQUEST, **error.facts)
        except errors.StoreMissing:
            here = "no quotes are stored yet: is ingest running?"
            reasons = [self._link(exchange) or here]
            return refusal("not ready", HTTPStatus.SERVICE_UNAVAILABLE, reasons=reasons)
        except errors.StoreError as error:
            if self._throttle(type(error).__name__, self._clock.uptime()):
                log.error("%s", error)
            reasons = ["the database cannot be read"]
            return refusal("store unavailable", HTTPStatus.SERVICE_UNAVAILABLE, reasons=reasons)
        except Exception:
            log.exception("%s %s", environ["REQUEST_METHOD"], environ["PATH_INFO"])
            return refusal("internal server error", HTTPStatus.INTERNAL_SERVER_ERROR)
        address = self._served.address(exchange)
        if address:
            response.headers[ADDRESS_HEADER] = _header_text(address)
        return response

    def _link(self, exchange: str | None) -> str:
        """What is wrong with the way on which quotes come to a replica; "" for nothing."""
        problems = (served.link() for served in self._served.asked(exchange))
        return next(filter(None, problems), "")

    def _elsewhere(self, environ: "WSGIEnvironment", **arguments: object) -> Response:
        """The answer of an API that has what is lacking here."""
        problem = "settled rates and bars are a taker's"
        if self._served.elsewhere is not None:
            path = requested_path(environ)
            if arguments.get("exchange") is None:  # there another may be the first
                path += f"{'&' if '?' in path else '?'}exchange={self._served.names[0]}"
            try:
                status, media, body = msgspec.structs.astuple(self._served.elsewhere(path))
            except errors.NatsError as error:
                problem = f"{problem}, and none answers: {error}"
            else:
                return reply(body, status, {"Content-Type": media})
        return refusal("not served here", HTTPStatus.NOT_IMPLEMENTED, reasons=[problem])

    def index(self, environ: "WSGIEnvironment") -> Response:
        """GET /"""
        about = Index("funding", __version__, ENDPOINTS)
        return self._pages.front(environ) or reply(about, headers={"Vary": "Accept"})


def requested_path(environ: "WSGIEnvironment") -> str:
    """The path and the query of a request, in ASCII."""
    path = urllib.parse.quote(environ["PATH_INFO"].encode("latin-1"))
    query = urllib.parse.quote(environ.get("QUERY_STRING", ""), safe="%=&+,;:@!$'()*/?-._~")
    return f"{path}?{query}" if query else path


@lru_cache(maxsize=8)
def _header_text(address: str) -> str:
    """`address` in ASCII, as a header must be."""
    return urllib.parse.quote(address, safe=":")
