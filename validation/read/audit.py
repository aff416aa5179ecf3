"""The audit trail of the period: what happened, and which ends of programs were crashes."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from validation.read.period import Period
from validation.read.spans import Span
from validation.read.tables import columns_of, count_without_time


class EventKind(StrEnum):
    """The kinds of events that the report knows; others it only counts."""

    START = "start"
    STOP = "stop"
    STALL = "stall"
    DISCONNECT = "disconnect"
    RESTART = "restart"
    KILL = "kill"
    WAITING = "waiting"
    REPLACED = "replaced"
    CLASS_SILENT = "class-silent"
    CRASH = "crash"
    CONTROL_MISSED = "control-missed"
    REST_PAUSE = "rest-pause"
    REST_UNAVAILABLE = "rest-unavailable"
    UNHEALTHY = "unhealthy"
    UNOBSERVED = "unobserved"
    RECOVERED = "recovered"
    LAG = "lag"
    LOCKED = "locked"
    CLOCK = "clock"


SHOWN = 40
SHOWN_KINDS = set(EventKind) - {EventKind.DISCONNECT}
ACCOUNTS = {EventKind.CRASH, EventKind.RESTART, EventKind.KILL}
"""Each of them explains why a program started without having stopped."""
STARTS = {EventKind.START, EventKind.REPLACED, *ACCOUNTS}
"""Each of them means that a program started again."""
RUNS_AGAIN = {EventKind.START, EventKind.REPLACED}
PAUSE_SECONDS = 60
"""A refusal may come so long before the gap that it causes: BTCUSDT is compared once a minute."""
INGEST = "funding:ingest"
SERVES = ("ingest", "watchdog", "api")
"""How the names of the programs begin that the service consists of; consumers may be stopped."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One row of the audit trail."""

    at: float
    source: str
    kind: str
    detail: str
    program: str  # the one that was acted upon, or the source
    count: int = 1
    seconds: float | None = None  # how long it lasted


@dataclass(slots=True)
class Audit:
    """What the audit trail says of the period."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)  # of (kind, source)
    crashes: list[Incident] = field(default_factory=list)
    longest_stops: dict[str, float] = field(default_factory=dict)  # program → seconds
    waiting: set[str] = field(default_factory=set)  # programs that hung and were left
    rest_pauses: list[float] = field(default_factory=list)  # when REST began to refuse answers
    rest_outages: list[Span] = field(default_factory=list)  # when it answered no comparison
    shown: list[Incident] = field(default_factory=list)
    readable: bool = True
    without_time: int = 0
    starts: int = 0  # how often a program started again, as far as the trail says

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


def audit_of(connection: sqlite3.Connection, period: Period) -> Audit:
    """Crashes are those that supervisord's plugin recorded, of any program; and a start of ingest
    without a stop since the start before, which no such row, and no order of the watchdog,
    accounts for: then supervisord itself had died, or somebody started ingest by hand.

    The trail is pruned: when the period's first start has nothing before it, but pairs had been
    compared for a minute, then ingest was running and did not stop cleanly either.
    """
    if not columns_of(connection, "event"):
        return Audit(readable=False)
    audit = Audit(without_time=count_without_time(connection, "event", "at"))
    ingest, stops = _IngestTrail(audit, period), _Stops(audit, period)
    for incident in _incidents(connection, period):
        ingest.add(incident)
        stops.add(incident)
        if incident.at >= period.since:
            _count(audit, incident)
    stops.close()
    return audit


def _count(audit: Audit, incident: Incident) -> None:
    audit.counts[incident.kind, incident.source] += incident.count
    audit.starts += incident.kind in STARTS
    if incident.kind == EventKind.CRASH:
        audit.crashes.append(incident)
    if incident.kind == EventKind.WAITING:
        audit.waiting.add(incident.program)
    if incident.kind == EventKind.REST_PAUSE:
        audit.rest_pauses.append(incident.at)
    if incident.kind == EventKind.REST_UNAVAILABLE:
        audit.rest_outages.append((incident.at, incident.at + (incident.seconds or 0.0)))
    if incident.kind in SHOWN_KINDS:
        audit.shown = [*audit.shown[1 - SHOWN :], incident]


class _IngestTrail:
    """Finds starts of ingest that nothing accounts for, in what ingest itself wrote."""

    def __init__(self, audit: Audit, period: Period) -> None:
        self._audit, self._period = audit, period
        self._last: str | None = None
        self._accounted = False

    def add(self, incident: Incident) -> None:
        if incident.kind in ACCOUNTS and incident.program == INGEST:
            self._accounted = True
        if incident.source != "ingest" or incident.kind not in (EventKind.START, EventKind.STOP):
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
        self._longest, self._period = audit.longest_stops, period
        self._stopped: dict[str, float] = {}

    def add(self, incident: Incident) -> None:
        name = incident.program.rpartition(":")[2]
        if not name.startswith(SERVES):
            return
        if incident.kind == EventKind.STOP:
            self._stopped.setdefault(name, incident.at)
        elif incident.kind in RUNS_AGAIN and name in self._stopped:
            self._note(name, incident.at)

    def _note(self, name: str, end: float) -> None:
        lasted = end - max(self._stopped.pop(name), self._period.first)
        if lasted > self._longest.get(name, 0.0):
            self._longest[name] = lasted

    def close(self) -> None:
        """No start until the end of the period."""
        for name in list(self._stopped):
            self._note(name, self._period.until)


def _incidents(connection: sqlite3.Connection, period: Period) -> Iterator[Incident]:
    # A database of an older version lacks the last columns.
    present = columns_of(connection, "event")
    program = "program" if "program" in present else "NULL"
    count = "count" if "count" in present else "1"
    seconds = "duration_seconds" if "duration_seconds" in present else "NULL"
    rows = connection.execute(
        f"SELECT at, source, kind, detail, coalesce({program}, source), {count},"
        f" {seconds} FROM event"
        " WHERE at BETWEEN 0 AND ? ORDER BY at, id",
        (period.until,),
    )
    for at, source, kind, detail, about, many, lasted in rows:
        texts = str(source), str(kind), str(detail)[:300], str(about)
        yield Incident(float(at), *texts, max(1, int(many or 1)), _seconds(lasted))


def _seconds(lasted: object) -> float | None:
    return float(lasted) if isinstance(lasted, (int, float)) else None
