"""The API's routes over the store: the only importer of bottle."""

import logging
import urllib.parse
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import bottle
import msgspec

from funding import __version__, errors
from funding.api.host_check import JSON_HEADERS
from funding.api.responses import MAX_SHOWN, Snapshot, row
from funding.health import verdict
from funding.runtime.clock import Clock
from funding.runtime.logs import Throttle
from funding.store.reader import Reader

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("api")

MAX_BATCH = 2_000
TELL_SECONDS = 10.0
ENDPOINTS = ["/funding", "/funding/<symbol>", "/funding/batch?symbols=A,B", "/funding/health"]


def reply(
    value: Any, status: int = 200, headers: dict[str, str] | None = None
) -> bottle.HTTPResponse:
    """`value` as a JSON answer; bytes are JSON already."""
    body = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return bottle.HTTPResponse(body, status, JSON_HEADERS | (headers or {}))


def refusal(reason: str, status: int, **facts: Any) -> bottle.HTTPResponse:
    """An error as JSON."""
    return reply({"error": reason, **facts}, status)


class Api:
    """The routes over `store`, for one thread."""

    def __init__(self, store: Reader, limits: verdict.Limits, clock: Clock) -> None:
        self._store = store
        self._limits = limits
        self._clock = clock
        self._version = (0, 0)
        self._sheet: Snapshot | None = None
        self._seldom = Throttle(TELL_SECONDS)

    def one(self, symbol: str) -> bottle.HTTPResponse:
        """GET /funding/<symbol>"""
        reading = self._store.one(symbol)
        if reading is None:
            self._current()  # of a database that has just begun, nobody knows what it will hold
            return refusal("unknown symbol", 404, symbol=symbol[:MAX_SHOWN])
        found = row(reading)
        limit = self._limits.stale_after
        if reading.age_seconds > limit:
            facts = {"ageSeconds": found.age_seconds, "maxAgeSeconds": limit, "last": found}
            return refusal("stale", 503, symbol=reading.symbol, **facts)
        return reply(found)

    def batch(self) -> bottle.HTTPResponse:
        """GET /funding/batch?symbols=A,B"""
        try:
            query = urllib.parse.parse_qs(
                bottle.request.query_string, encoding="utf-8", errors="strict"
            )
        except ValueError:
            return refusal("the query is not UTF-8", 400)
        parts = ",".join(query.get("symbols", ())).split(",")
        asked = [symbol for symbol in map(str.strip, parts) if symbol]
        if not asked:
            return refusal("no symbols: ask /funding/batch?symbols=BTCUSDT,ETHUSDT", 400)
        if len(asked) > MAX_BATCH:
            return refusal(f"at most {MAX_BATCH} symbols at once", 400, asked=len(asked))
        return reply(self._current().batch(asked, self._clock.uptime()))

    def all(self) -> bottle.HTTPResponse:
        """GET /funding"""
        sheet = self._current()
        tag = f'W/"{sheet.revision}"'
        tagged = {"ETag": tag, "Cache-Control": "no-cache"}
        # From the environment: bottle's get_header raises for bytes that are not UTF-8. Compared
        # weakly, with or without W/ (RFC 9110, 13.1.2).
        asked = bottle.request.environ.get("HTTP_IF_NONE_MATCH", "").split(",")
        if {each.strip().removeprefix("W/") for each in asked} & {tag.removeprefix("W/"), "*"}:
            return bottle.HTTPResponse(b"", 304, JSON_HEADERS | tagged)
        return reply(sheet.all(self._clock.uptime()), headers=tagged)

    def _current(self) -> Snapshot:
        """All that is committed; read anew only when something was, or when ages demand it.

        Raises `StoreMissing` while no quote is.
        """
        limit, clock = self._limits.stale_after, self._clock
        wall, uptime = clock.wall(), clock.uptime()
        # Before what it stands for: a version that is too old costs one reading, one that is too
        # new would hide a change.
        version, sheet = self._store.version(), self._sheet
        if sheet is None or version != self._version or not sheet.holds(wall, uptime):
            wall, uptime = clock.wall(), clock.uptime()  # as near as can be to those of the ages
            readings = self._store.all()
            if not readings:
                raise errors.StoreMissing("the database", "holds no quote yet")
            sheet = self._sheet = Snapshot(readings, limit, wall=wall, uptime=uptime)
            self._version = version
        return sheet

    def health(self) -> bottle.HTTPResponse:
        """GET /funding/health"""
        try:
            feed, ages = self._store.feed(), [r.age_seconds for r in self._store.all()]
        except errors.StoreMissing:
            feed, ages = None, []
        clock = self._clock
        now = clock.wall(), clock.uptime(), clock.boot
        beat = None if feed is None else verdict.heartbeat_age(feed, *now)
        found = verdict.judge(feed, ages, self._limits, beat)
        return reply(found, 200 if found.healthy else 503)

    def index(self) -> bottle.HTTPResponse:
        """GET /"""
        return reply({"service": "funding", "version": __version__, "endpoints": ENDPOINTS})

    def app(self) -> "WSGIApplication":
        """The routes as a WSGI application; every error in it is JSON.

        A lookup of one symbol, which is what is asked all the time, goes past bottle when there is
        a fresh quote: 11 µs instead of 28. Everything else is bottle's.
        """
        routed = self._routed()

        def answered(
            environ: "WSGIEnvironment", start_response: "StartResponse"
        ) -> Iterable[bytes]:
            folder, _, symbol = environ["PATH_INFO"].rpartition("/")
            if folder == "/funding" and environ["REQUEST_METHOD"] == "GET":
                body = self._fresh(symbol)
                if body is not None:
                    headers = [*JSON_HEADERS.items(), ("Content-Length", str(len(body)))]
                    start_response("200 OK", headers)
                    return [body]
            answer: Iterable[bytes] = routed(environ, start_response)
            return answer

        return answered

    def _fresh(self, symbol: str) -> bytes | None:
        """What GET /funding/<symbol> answers for a fresh quote; None where it answers otherwise.

        `symbol` is as it stands in the environment, where only ASCII means what it says.
        """
        if not symbol.isascii() or symbol in ("batch", "health"):
            return None
        try:
            reading = self._store.one(symbol)
        except Exception:  # noqa: BLE001  the route meets it again, and tells of it
            return None
        if reading is None or reading.age_seconds > self._limits.stale_after:
            return None
        return msgspec.json.encode(row(reading))

    def _routed(self) -> bottle.Bottle:
        app = bottle.Bottle()
        app.config["json.enable"] = False
        app.default_error_handler = _error
        # The fixed paths first: as a route, <symbol> matches them too.
        for path in ("/funding/health", "/health"):
            app.route(path, "GET", self._stored(self.health))
        app.route("/funding/batch", "GET", self._stored(self.batch))
        app.route("/funding/<symbol>", "GET", self._stored(self.one))
        app.route("/funding", "GET", self._stored(self.all))
        app.route("/", "GET", self.index)
        return app

    def _stored(self, route: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(**arguments: str) -> Any:
            try:
                return route(**arguments)
            except errors.StoreMissing:
                reasons = ["no quotes are stored yet: is ingest running?"]
                return refusal("not ready", 503, reasons=reasons)
            except errors.StoreError as error:
                if self._seldom(type(error).__name__, self._clock.uptime()):
                    log.error("%s", error)
                return refusal("store unavailable", 503, reasons=["the database cannot be read"])

        return guarded


def _error(error: bottle.HTTPError) -> bytes:
    """bottle's own errors as JSON, without what it knows of the machine."""
    for name, value in JSON_HEADERS.items():
        bottle.response.set_header(name, value)
    if error.status_code == 405:
        bottle.response.set_header("Allow", "GET, HEAD")  # bottle leaves HEAD out
    if error.exception is not None:
        log.error("%s %s", bottle.request.method, bottle.request.path, exc_info=error.exception)
    return msgspec.json.encode({"error": error.status_line.partition(" ")[2].lower()})
