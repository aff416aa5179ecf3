"""The API's routes over the store: which path is answered with what.

bottle says which route a request takes. What it would do around a handler, its request and response
objects for each thread, is left out: that took 25 of 85 µs of each lookup. Handlers take the WSGI
environment instead, and return a `Response`.
"""

import logging
import urllib.parse
from collections.abc import Iterable, Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING

import bottle
import msgspec

from funding import __version__, errors
from funding.api.responses import (
    ADDRESS_HEADER,
    MAX_SHOWN,
    Response,
    Snapshot,
    not_modified,
    refusal,
    reply,
    row,
)
from funding.health import verdict
from funding.runtime.clock import Clock
from funding.runtime.logs import Throttle
from funding.store.reader import Reader

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = logging.getLogger("api")

MAX_BATCH = 2_000
MAX_NAMED = 5
"""Unknown parameters that an answer names."""
LOG_SECONDS = 10.0
FIRST_TICK_SECONDS = 2.0  # the stream sends every symbol each second, in several frames
ENDPOINTS = ["/funding", "/funding/<symbol>", "/funding/batch?symbols=A,B", "/funding/health"]


class Api:
    """The routes over `store`: a WSGI application for one thread. Every error in it is JSON."""

    def __init__(self, store: Reader, limits: verdict.Limits, clock: Clock) -> None:
        self._store = store
        self._limits = limits
        self._clock = clock
        self._version = (0, 0)
        self._snapshot: Snapshot | None = None
        self._throttle = Throttle(LOG_SECONDS)
        self._routes = bottle.Bottle()
        for path, handler, *parameters in (
            ("/", self.index),
            ("/funding", self.all),
            ("/funding/batch", self.batch, "symbols"),  # before the symbols, which match it too
            ("/funding/health", self.health),
            ("/funding/<symbol>", self.one),
            ("/health", self.health),
        ):
            self._routes.route(path, "GET", handler, parameters=parameters)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request."""
        return self._response(environ).send(environ, start_response)

    def _response(self, environ: "WSGIEnvironment") -> Response:
        try:
            path = environ["PATH_INFO"].encode("latin-1").decode("utf-8")  # PEP 3333
        except UnicodeError:
            return refusal("path is not UTF-8", HTTPStatus.BAD_REQUEST)
        try:
            asked = {"REQUEST_METHOD": environ["REQUEST_METHOD"], "PATH_INFO": path}
            route, arguments = self._routes.match(asked)
        except bottle.HTTPError as error:
            if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
                reason, allowed = {"error": "method not allowed"}, {"Allow": "GET, HEAD"}
                return reply(reason, HTTPStatus.METHOD_NOT_ALLOWED, allowed)
            return refusal("not found", HTTPStatus.NOT_FOUND)
        try:
            if environ.get("QUERY_STRING"):
                arguments |= _query(environ["QUERY_STRING"], route.config["parameters"])
            response: Response = route.callback(environ, **arguments)
        except _BadQuery as error:
            return error.response
        except errors.StoreMissing:
            reasons = ["no quotes are stored yet: is ingest running?"]
            return refusal("not ready", HTTPStatus.SERVICE_UNAVAILABLE, reasons=reasons)
        except errors.StoreError as error:
            if self._throttle(type(error).__name__, self._clock.uptime()):
                log.error("%s", error)
            reasons = ["the database cannot be read"]
            return refusal("store unavailable", HTTPStatus.SERVICE_UNAVAILABLE, reasons=reasons)
        except Exception:
            log.exception("%s %s", environ["REQUEST_METHOD"], path)
            return refusal("internal server error", HTTPStatus.INTERNAL_SERVER_ERROR)
        if self._store.address:
            response.headers[ADDRESS_HEADER] = _header_text(self._store.address)
        return response

    def index(self, _environ: "WSGIEnvironment") -> Response:
        """GET /"""
        return reply({"service": "funding", "version": __version__, "endpoints": ENDPOINTS})

    def one(self, _environ: "WSGIEnvironment", symbol: str) -> Response:
        """GET /funding/<symbol>"""
        quote = self._store.one(symbol)
        if quote is None:
            self._current()  # in a database without quotes, no symbol is unknown yet
            if self._is_first_tick():
                raise errors.StoreMissing("the database", "does not hold every symbol yet")
            return refusal("unknown symbol", HTTPStatus.NOT_FOUND, symbol=symbol[:MAX_SHOWN])
        found = row(quote)
        limit = self._limits.stale_after
        if quote.age_seconds > limit:
            facts = {"ageSeconds": found.age_seconds, "maxAgeSeconds": limit, "last": found}
            status = HTTPStatus.SERVICE_UNAVAILABLE
            return refusal("stale", status, symbol=quote.symbol, **facts)
        return reply(found)

    def _is_first_tick(self) -> bool:
        """Whether the feed has just begun, and no symbol has come twice yet."""
        feed = self._store.feed()
        if feed is None or feed.good_since is None or feed.last_frame_at is None:
            return False
        begun = feed.last_frame_at - feed.good_since < FIRST_TICK_SECONDS
        return begun and feed.accepted <= len(self._store.all())

    def batch(self, _environ: "WSGIEnvironment", symbols: Sequence[str] = ()) -> Response:
        """GET /funding/batch?symbols=A,B"""
        parts = ",".join(symbols).split(",")
        asked = [symbol for symbol in map(str.strip, parts) if symbol]
        if not asked:
            hint = "no symbols: ask /funding/batch?symbols=BTCUSDT,ETHUSDT"
            return refusal(hint, HTTPStatus.BAD_REQUEST)
        if len(asked) > MAX_BATCH:
            reason = f"at most {MAX_BATCH} symbols at once"
            return refusal(reason, HTTPStatus.BAD_REQUEST, asked=len(asked))
        return reply(self._current().batch(asked, self._clock.uptime()))

    def all(self, environ: "WSGIEnvironment") -> Response:
        """GET /funding"""
        snapshot = self._current()
        tag = f'W/"{snapshot.revision}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        # Compared weakly, with or without W/ (RFC 9110, 13.1.2).
        known = environ.get("HTTP_IF_NONE_MATCH", "").split(",")
        if {each.strip().removeprefix("W/") for each in known} & {tag.removeprefix("W/"), "*"}:
            return not_modified(headers)
        return reply(snapshot.all(self._clock.uptime()), headers=headers)

    def health(self, _environ: "WSGIEnvironment") -> Response:
        """GET /funding/health"""
        try:
            feed = self._store.feed()
            ages = [quote.age_seconds for quote in self._store.all() if verdict.trades(quote)]
        except errors.StoreMissing:
            feed, ages = None, []
        now = self._clock.uptime(), self._clock.boot
        beat, locked_by = None, ""
        if feed is not None:
            beat = verdict.heartbeat_age(feed, *now)
            locked_by = self._store.locked_by(feed.pid) if beat > verdict.LATE_SECONDS else ""
        found = verdict.judge(feed, ages, self._limits, beat, locked_by)
        if feed is not None and not found.healthy:
            since = self._store.unhealthy_since()
            found = msgspec.structs.replace(found, unhealthy_since=since)
        return reply(found, HTTPStatus.OK if found.healthy else HTTPStatus.SERVICE_UNAVAILABLE)

    def _current(self) -> Snapshot:
        """All that is committed; read again only after a commit, or when ages demand it.

        Raises `StoreMissing` while no quote is stored.
        """
        limit, uptime = self._limits.stale_after, self._clock.uptime()
        # Before the rows: a version that is too old costs one reading, one that is too new would
        # hide a change.
        version, snapshot = self._store.version(), self._snapshot
        if snapshot is None or version != self._version or not snapshot.is_current(uptime):
            uptime = self._clock.uptime()  # as near as can be to that of the ages
            quotes = self._store.all()
            if not quotes:
                raise errors.StoreMissing("the database", "holds no quote yet")
            snapshot = self._snapshot = Snapshot(quotes, limit, uptime)
            self._version = version
        return snapshot


@lru_cache(maxsize=8)
def _header_text(address: str) -> str:
    """`address` in ASCII, as a header must be."""
    return urllib.parse.quote(address, safe=":")


class _BadQuery(Exception):
    """The query cannot be answered; `response` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.response = refusal(reason, HTTPStatus.BAD_REQUEST)


def _query(text: str, known: Sequence[str]) -> dict[str, list[str]]:
    """The values of each parameter in `text`. An unknown one raises `_BadQuery`: to ignore
    it would answer something else than was asked."""
    try:
        # Strict: what is not UTF-8 names nothing.
        found = urllib.parse.parse_qs(text, True, encoding="utf-8", errors="strict")
    except ValueError:
        raise _BadQuery("the query is not UTF-8") from None
    unknown = [name[:MAX_SHOWN] for name in found if name not in known]
    if unknown:
        raise _BadQuery(f"unknown parameter: {', '.join(unknown[:MAX_NAMED])}")
    return found
