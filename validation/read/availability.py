"""How long the service was not fit, from the periods that the watchdog recorded as they ended."""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from validation.exchanges import BINANCE, EXCHANGES, Exchange
from validation.read.audit import INGEST, ingest_of
from validation.read.incidents import EventKind
from validation.read.period import Period
from validation.read.spans import Span, covered
from validation.read.tables import columns_of


class Rule(StrEnum):
    """What was not fit in an unhealthy period."""

    DATA = "data"
    API = "api"


_KINDS = (EventKind.UNHEALTHY, EventKind.UNOBSERVED, EventKind.RECOVERED, EventKind.START)
_Row = tuple[float, str, str, str | None, float | None]


@dataclass(frozen=True, slots=True)
class Availability:
    """Seconds of the time since the first comparison."""

    recorded: bool = False  # a database of an older version records no periods
    seconds: float = 0.0
    unobserved: float = 0.0
    down: dict[Rule, float] = field(default_factory=dict)
    spans: dict[Rule, list[Span]] = field(default_factory=dict)  # when it was not fit
    away: list[Span] = field(default_factory=list)  # when nobody looked

    def share(self, rule: Rule) -> float:
        """The part of the observed time in which the service was fit, 0 when none was."""
        observed = self.seconds - self.unobserved
        return max(0.0, 1 - self.down.get(rule, 0.0) / observed) if observed > 0 else 0.0


def availability_of(
    connection: sqlite3.Connection, period: Period, exchange: Exchange
) -> Availability:
    """The availability of `exchange` since the first comparison of `period`. A period that names
    another ingest program is another exchange's."""
    if "duration_seconds" not in columns_of(connection, "event"):
        return Availability()
    rows: list[_Row] = connection.execute(
        "SELECT at, kind, coalesce(program, source), rule, duration_seconds FROM event"
        f" WHERE kind IN ({','.join('?' * len(_KINDS))}) AND at <= ? ORDER BY at, id",
        (*_KINDS, period.until),
    ).fetchall()
    own = ingest_of(exchange)
    rows = [row for row in rows if not _of_another(str(row[2]).rpartition(":")[2], own)]
    rows = list(_own_rows(rows, exchange))
    within = period.first, period.until
    spans = {rule: _within(_unhealthy(rows, rule, period.until), within) for rule in Rule}
    down = {rule: covered(found, within) for rule, found in spans.items()}
    away = _within(
        (
            (at, period.until if lasted is None else at + lasted)
            for at, kind, _, _, lasted in rows
            if kind == EventKind.UNOBSERVED
        ),
        within,
    )
    seconds = period.until - period.first
    return Availability(True, seconds, covered(away, within), down, spans, away)


def _within(spans: Iterable[Span], within: Span) -> list[Span]:
    """Those that overlap `within`."""
    return [(begin, end) for begin, end in spans if end > within[0] and begin < within[1]]


def _of_another(program: str, ingest: str) -> bool:
    return program.startswith(INGEST) and program != ingest


def _own_rows(rows: list[_Row], exchange: Exchange) -> Iterator[_Row]:
    """Without the periods of other exchanges' data, whose rule is the exchange."""
    for at, kind, program, rule, lasted in rows:
        if kind != EventKind.UNHEALTHY or rule == Rule.API:
            yield at, kind, program, rule, lasted
        elif rule == exchange.name or (exchange is BINANCE and rule not in EXCHANGES):
            yield at, kind, program, Rule.DATA, lasted


def _unhealthy(rows: list[_Row], rule: Rule, until: float) -> Iterator[Span]:
    """The unhealthy periods of one rule. One that has no duration was not over when the watchdog
    last wrote: a recovery ends it, the next such period, or another watchdog, which looks anew."""
    begin = None
    for at, kind, program, of_rule, lasted in rows:
        own = of_rule == rule or (of_rule not in tuple(Rule) and rule is Rule.DATA)
        ends = (
            (kind == EventKind.UNHEALTHY and own)
            or (kind == EventKind.RECOVERED and of_rule in (None, rule))
            or (kind == EventKind.START and str(program).endswith("watchdog"))
        )
        if begin is not None and ends:
            yield begin, at
            begin = None
        if kind == EventKind.UNHEALTHY and own:
            if lasted is None:
                begin = at
            else:
                yield at, at + lasted
    if begin is not None:
        yield begin, until
