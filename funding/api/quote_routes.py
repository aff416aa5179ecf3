"""The routes of quotes: one symbol, several, all."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from funding import errors
from funding.api.parameters import FORMAT, MAX_SHOWN, SYMBOLS
from funding.api.quotes import Batch, Row, Snapshot, row
from funding.api.responses import (
    Response,
    csv_reply,
    is_known,
    not_modified,
    refusal,
    reply,
    tag_headers,
)
from funding.api.router import About, Route
from funding.api.served import Served, ServedExchange
from funding.api.tables import Table
from funding.runtime.clock import Clock

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

MAX_BATCH = 2_000
FIRST_TICK_SECONDS = 2.0  # the stream sends every symbol each second, in several frames

ONE = About("The quote of one symbol; ASCII case does not matter.", Row)
BATCH = About("The quotes of up to 2,000 symbols, in the order asked.", Batch, ["symbols"])
ALL = About("All quotes.", Table[Row])


class _Held(NamedTuple):
    """A snapshot, and the versions of what it was read from."""

    versions: Sequence[tuple[int, int]]
    snapshot: Snapshot


class QuoteRoutes:
    """Quotes of the `served` exchanges. For one thread."""

    def __init__(self, served: Served, clock: Clock) -> None:
        self._served = served
        self._clock = clock
        self._held: dict[str, _Held] = {}

    def routes(self) -> list[Route]:
        """Fixed paths come before the symbols, which match them too."""
        one, many = self._served.one, self._served.many
        return [
            Route("/funding", self.all, (many, FORMAT), ALL),
            Route("/funding/batch", self.batch, (SYMBOLS, many, FORMAT), BATCH),
            Route("/funding/<symbol>", self.one, (one,), ONE),
        ]

    def one(
        self, _environ: "WSGIEnvironment", symbol: str, exchange: str | None = None
    ) -> Response:
        """GET /funding/<symbol>"""
        served = self._served.of(exchange)
        reader, limits = served.reader, served.limits
        quote = reader.one(symbol)
        if quote is None:
            self._current(exchange)  # in a database without quotes, no symbol is unknown yet
            if _is_first_tick(self._served.of(exchange)):
                raise errors.StoreMissing("the database", "does not hold every symbol yet")
            return refusal("unknown symbol", HTTPStatus.NOT_FOUND, symbol=symbol[:MAX_SHOWN])
        found = row(quote)
        limit = limits.stale_after
        if quote.age_seconds > limit:
            facts = {"ageSeconds": found.age_seconds, "maxAgeSeconds": limit, "last": found}
            status = HTTPStatus.SERVICE_UNAVAILABLE
            return refusal("stale", status, symbol=quote.symbol, **facts)
        return reply(found)

    def batch(
        self,
        _environ: "WSGIEnvironment",
        symbols: str = "",
        exchange: str | None = None,
        form: str = "json",
    ) -> Response:
        """GET /funding/batch?symbols=A,B"""
        asked = [symbol for symbol in map(str.strip, symbols.split(",")) if symbol]
        if not asked:
            hint = "no symbols: ask /funding/batch?symbols=BTCUSDT,ETHUSDT"
            return refusal(hint, HTTPStatus.BAD_REQUEST)
        if len(asked) > MAX_BATCH:
            reason = f"at most {MAX_BATCH} symbols at once"
            return refusal(reason, HTTPStatus.BAD_REQUEST, asked=len(asked))
        snapshot, uptime = self._current(exchange), self._clock.uptime()
        if form == "csv":
            return csv_reply(snapshot.batch_table(asked, uptime))
        return reply(snapshot.batch(asked, uptime))

    def all(
        self, environ: "WSGIEnvironment", exchange: str | None = None, form: str = "json"
    ) -> Response:
        """GET /funding"""
        snapshot = self._current(exchange)
        in_csv = form == "csv"
        headers = tag_headers(snapshot.revision + "-csv" * in_csv)
        if is_known(environ, headers):
            return not_modified(headers)
        uptime = self._clock.uptime()
        if in_csv:
            return csv_reply(snapshot.table(uptime), headers)
        return reply(snapshot.all(uptime), headers=headers)

    def _current(self, exchange: str | None) -> Snapshot:
        """All that is committed; read again only after a commit, or when ages demand it.

        Raises `StoreMissing` while no quote is stored.
        """
        exchange = exchange or self._served.names[0]
        asked, uptime = self._served.asked(exchange), self._clock.uptime()
        # Before the rows: a version that is too old costs one reading, one that is too new would
        # hide a change.
        versions = [each.reader.version() for each in asked]
        held = self._held.get(exchange)
        if held is None or held.versions != versions or not held.snapshot.is_current(uptime):
            uptime = self._clock.uptime()  # as near as can be to that of the ages
            quotes = [quote for each in asked for quote in each.reader.all()]
            if not quotes:
                raise errors.StoreMissing("the database", "holds no quote yet")
            stale_after = asked[0].limits.stale_after
            held = self._held[exchange] = _Held(versions, Snapshot(quotes, stale_after, uptime))
        return held.snapshot


def _is_first_tick(served: ServedExchange) -> bool:
    """Whether the feed has just begun, and no symbol has come twice yet."""
    feed = served.reader.feed()
    if feed is None or feed.good_since is None or feed.last_frame_at is None:
        return False
    begun = feed.last_frame_at - feed.good_since < FIRST_TICK_SECONDS
    return begun and feed.accepted <= len(served.reader.all())
