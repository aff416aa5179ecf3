"""The routes of what the programs have written down: events, and comparisons of a symbol."""

from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from funding.api.history_routes import DAY, LIMIT, MAX_ROWS, SINCE
from funding.api.parameters import ALL_EXCHANGES, FORMAT, MAX_SHOWN, Parameter
from funding.api.responses import Response, refusal, table
from funding.api.router import About, Route
from funding.api.served import Served
from funding.api.tables import CutTable, SymbolTable
from funding.model.event import EventKind
from funding.runtime.clock import Clock
from funding.store import history_reader, trail_reader

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

DEFAULT_EVENTS = 500


def _kinds(text: str) -> list[EventKind]:
    return [EventKind(each) for each in text.split(",")]


KIND = Parameter(
    "kind",
    _kinds,
    f"of {', '.join(EventKind)}; several are joined by commas",
    keyword="kinds",
    schema={"type": "string", "pattern": f"^({'|'.join(EventKind)})(,({'|'.join(EventKind)}))*$"},
)


class EventRow(msgspec.Struct, rename="camel"):
    """One line of the audit trail; `at` is Unix seconds."""

    id: int
    at: float
    source: str
    kind: str
    detail: str
    program: str | None
    rule: str | None
    duration_seconds: float | None
    count: int


class ComparisonRow(msgspec.Struct, rename="camel"):
    """One value of the stream beside that of REST: see docs/operations.md."""

    id: int
    compared_at: float
    source: str
    field: str
    ws_value: float | None
    rest_value: float | None
    difference_pct: float | None
    skew_ms: int | None
    outcome: str
    rest_time: int | None
    explained: bool | None


EVENTS = About("What happened to programs, connections and data, newest first.", CutTable[EventRow])
COMPARISONS = About(
    "What the stream said beside what REST said, newest first.", SymbolTable[ComparisonRow]
)


class TrailRoutes:
    """The audit trail over the `served` exchanges. For one thread."""

    def __init__(self, served: Served, clock: Clock) -> None:
        self._served = served
        self._clock = clock

    def routes(self) -> list[Route]:
        """The one with a fixed path, and that of a symbol."""
        return [
            Route(
                "/funding/events",
                self.events,
                (SINCE, KIND, LIMIT, self._served.many, FORMAT),
                EVENTS,
            ),
            Route(
                "/funding/<symbol>/comparisons",
                self.comparisons,
                (SINCE, LIMIT, self._served.one, FORMAT),
                COMPARISONS,
                takes_long=True,
            ),
        ]

    def events(
        self,
        environ: "WSGIEnvironment",
        since: float = 0.0,
        kinds: list[EventKind] | None = None,
        limit: int = DEFAULT_EVENTS,
        exchange: str = ALL_EXCHANGES,
        form: str = "json",
    ) -> Response:
        """GET /funding/events?since=&kind="""
        reader = self._served.asked(exchange)[0].reader
        of = None if exchange == ALL_EXCHANGES else exchange
        found = trail_reader.events(reader, since, kinds or (), of, limit + 1)
        rows = [_event(each) for each in found[:limit]]
        return table(environ, form, EventRow, rows, truncated=len(found) > limit)

    def comparisons(
        self,
        environ: "WSGIEnvironment",
        symbol: str,
        since: float | None = None,
        limit: int = MAX_ROWS,
        exchange: str | None = None,
        form: str = "json",
    ) -> Response:
        """GET /funding/<symbol>/comparisons?since="""
        reader = self._served.of(exchange).reader
        since = self._clock.wall() - DAY if since is None else since
        found = trail_reader.comparisons(reader, symbol, since, limit + 1)
        name = history_reader.stored_name(reader, symbol)
        if not found and name is None:
            reason = "unknown symbol"
            return refusal(reason, HTTPStatus.NOT_FOUND, symbol=symbol[:MAX_SHOWN])
        rows = [_comparison(each) for each in found[:limit]]
        facts = {
            "exchange": reader.exchange,
            "symbol": found[0].comparison.symbol if found else name,
            "truncated": len(found) > limit,
        }
        return table(environ, form, ComparisonRow, rows, **facts)


def _event(stored: trail_reader.StoredEvent) -> EventRow:
    each = stored.event
    return EventRow(
        id=stored.id,
        at=each.at,
        source=each.source,
        kind=each.kind,
        detail=each.detail,
        program=each.program,
        rule=each.rule,
        duration_seconds=each.duration_seconds,
        count=each.count,
    )


def _comparison(stored: trail_reader.StoredComparison) -> ComparisonRow:
    each = stored.comparison
    return ComparisonRow(
        id=stored.id,
        compared_at=each.compared_at,
        source=each.source,
        field=each.field,
        ws_value=each.ws_value,
        rest_value=each.rest_value,
        difference_pct=each.difference_pct,
        skew_ms=each.skew_ms,
        outcome=each.outcome,
        rest_time=each.rest_time,
        explained=None if each.explained is None else bool(each.explained),
    )
