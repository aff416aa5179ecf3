"""The audit trail of the period: what happened, and which ends of programs were crashes."""

import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from validation.exchanges import BINANCE, Exchange
from validation.read.incidents import EventKind, Incident, incidents_of
from validation.read.period import Period
from validation.read.spans import Span
from validation.read.tables import columns_of, count_without_time

SHOWN = 40
SHOWN_KINDS = set(EventKind) - {EventKind.DISCONNECT, EventKind.CONNECT_FAILED}
ACCOUNTS = {EventKind.CRASH, EventKind.RESTART, EventKind.KILL}
"""Each of them explains why a program started without having stopped."""
DATED_KINDS = {
    EventKind.RESTART, EventKind.KILL, EventKind.WAITING, EventKind.STALL, EventKind.DISCONNECT,
    EventKind.CONNECT_FAILED,
}  # fmt: skip
"""Of which a criterion allows so many."""
OF_ITS_REST = {EventKind.REST_PAUSE, EventKind.REST_UNAVAILABLE}
"""Their rule is the exchange. A database of an older version does not tell."""
RUNS_AGAIN = {EventKind.START, EventKind.REPLACED}
PAUSE_SECONDS = 60
"""A refusal may come so long before the gap that it causes: one symbol is compared each minute."""
INGEST, WATCHDOG = "ingest", "watchdog"
SERVES = (INGEST, WATCHDOG, "api")
"""How the names of the programs begin that the service consists of. Others may be stopped, or
crash: they are among those who ask."""


@dataclass(slots=True)
class Audit:
    """What the audit trail says of the period."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)  # of (kind, source)
    crashes: list[Incident] = field(default_factory=list)
    times: dict[str, list[tuple[float, int]]] = field(default_factory=dict)  # kind → when, how many
    longest_stops: dict[str, float] = field(default_factory=dict)  # program → seconds
    stops: list[Span] = field(default_factory=list)
    waiting: set[str] = field(default_factory=set)  # programs that hung and were left
    rest_pauses: list[float] = field(default_factory=list)  # when REST began to refuse answers
    rest_outages: list[Span] = field(default_factory=list)  # when it answered no comparison
    shown: list[Incident] = field(default_factory=list)
    readable: bool = True
    without_time: int = 0
    other_crashes: Counter[str] = field(default_factory=Counter)  # of other programs, by name
    starts: Counter[str] = field(default_factory=Counter)  # of the watchdog, by who told of it

    def without_rest(self, gaps: Iterable[Span]) -> list[Span]:
        """When REST did not answer: the recorded times, and those of `gaps` in which it began to
        refuse answers, for as long as nobody could compare."""
        refused = (
            (begin, end)
            for begin, end in gaps
            if any(begin - PAUSE_SECONDS <= at <= end for at in self.rest_pauses)
        )
        return sorted([*self.rest_outages, *refused])

    def count(self, kind: EventKind) -> int:
        """How often `kind` happened, whatever its source."""
        return sum(many for (each, _), many in self.counts.items() if each == kind)


def ingest_of(exchange: Exchange) -> str:
    """The name of the ingest program that keeps `exchange`."""
    kept_by = exchange.carrier or exchange.name
    return INGEST if kept_by == BINANCE.name else f"{INGEST}-{kept_by}"


def audit_of(connection: sqlite3.Connection, period: Period, exchange: Exchange) -> Audit:
    """What is told of the programs that serve `exchange`; not of the ingest of another one.

    Crashes are those that supervisord's plugin recorded, of any program; and a start of ingest
    without a stop since the start before, which no such row, and no order of the watchdog,
    accounts for: then supervisord itself had died, or somebody started ingest by hand.

    The trail is pruned: when the period's first start has nothing before it, but pairs had been
    compared for a minute, then ingest was running and did not stop cleanly either.
    """
    if not columns_of(connection, "event"):
        return Audit(readable=False)
    audit = Audit(without_time=count_without_time(connection, "event", "at"))
    own = ingest_of(exchange)
    ingest, stops = _IngestTrail(audit, period, own), _Stops(audit, period)
    for incident in incidents_of(connection, period):
        if incident.name != own and incident.name.startswith(INGEST):
            continue
        if incident.kind in OF_ITS_REST and incident.rule not in (None, exchange.name):
            continue
        ingest.add(incident)
        stops.add(incident)
        if incident.at >= period.since:
            _count(audit, incident)
        end = incident.at + (incident.seconds or 0.0)
        if incident.kind == EventKind.REST_UNAVAILABLE and end > period.since:
            audit.rest_outages.append((incident.at, end))
    stops.close()
    return audit


def _count(audit: Audit, incident: Incident) -> None:
    audit.counts[incident.kind, incident.source] += incident.count
    if incident.kind in DATED_KINDS:
        audit.times.setdefault(incident.kind, []).append((incident.at, incident.count))
    if incident.kind == EventKind.START and incident.name == WATCHDOG:
        audit.starts[incident.about] += 1
    if incident.kind == EventKind.CRASH and incident.name.startswith(SERVES):
        audit.crashes.append(incident)
    elif incident.kind == EventKind.CRASH:
        audit.other_crashes[incident.program] += incident.count
    if incident.kind == EventKind.WAITING:
        audit.waiting.add(incident.program)
    if incident.kind == EventKind.REST_PAUSE:
        audit.rest_pauses.append(incident.at)
    if incident.kind in SHOWN_KINDS:
        audit.shown = [*audit.shown[1 - SHOWN :], incident]


class _IngestTrail:
    """Finds starts of ingest that nothing accounts for, in what ingest itself wrote."""

    def __init__(self, audit: Audit, period: Period, ingest: str) -> None:
        self._audit, self._period, self._ingest = audit, period, ingest
        self._last: str | None = None
        self._accounted = False

    def add(self, incident: Incident) -> None:
        if incident.kind in ACCOUNTS and incident.name == self._ingest:
            self._accounted = True
        if incident.source != self._ingest or incident.kind not in (
            EventKind.START,
            EventKind.STOP,
        ):
            return
        started = incident.kind == EventKind.START and incident.at >= self._period.since
        if started and self._was_running(incident.at) and not self._accounted:
            self._audit.crashes.append(incident)
        self._last, self._accounted = incident.kind, False

    def _was_running(self, at: float) -> bool:
        if self._last is None:
            return at > self._period.first + 60
        return self._last == EventKind.START


class _Stops:
    """Times between the stop of a program and its next start, as far as they lie among the
    comparisons."""

    def __init__(self, audit: Audit, period: Period) -> None:
        self._longest, self._spans, self._period = audit.longest_stops, audit.stops, period
        self._stopped: dict[str, float] = {}

    def add(self, incident: Incident) -> None:
        name = incident.name
        if not name.startswith(SERVES):
            return
        if incident.kind == EventKind.STOP:
            self._stopped.setdefault(name, incident.at)
        elif incident.kind in RUNS_AGAIN and name in self._stopped:
            self._note(name, incident.at)

    def _note(self, name: str, end: float) -> None:
        begin = max(self._stopped.pop(name), self._period.first)
        lasted = end - begin
        self._spans.append((begin, end))
        if lasted > self._longest.get(name, 0.0):
            self._longest[name] = lasted

    def close(self) -> None:
        """No start until the end of the period."""
        for name in list(self._stopped):
            self._note(name, self._period.until)
