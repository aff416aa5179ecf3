"""The audit trail of the period: what happened, and which ends of programs were crashes."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from validation.read.period import Period
from validation.read.tables import columns_of, count_without_time


class EventKind(StrEnum):
    """The kinds of events that the report lists one by one; others it only counts."""

    START = "start"
    STOP = "stop"
    STALL = "stall"
    RESTART = "restart"
    KILL = "kill"
    REPLACED = "replaced"
    CLASS_SILENT = "class-silent"
    CRASH = "crash"
    CONTROL_MISSED = "control-missed"


SHOWN = 40
SHOWN_KINDS = set(EventKind)
ACCOUNTS = {EventKind.CRASH, EventKind.RESTART, EventKind.KILL}
"""Each of them explains why a program started without having stopped."""
STARTS = {EventKind.START, EventKind.REPLACED, *ACCOUNTS}
"""Each of them means that a program started again."""
INGEST = "funding:ingest"


@dataclass(frozen=True, slots=True)
class Incident:
    """One row of the audit trail."""

    at: float
    source: str
    kind: str
    detail: str
    program: str  # the one that was acted upon, or the source


@dataclass(slots=True)
class Audit:
    """What the audit trail says of the period."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)  # of (kind, source)
    crashes: list[Incident] = field(default_factory=list)
    longest_absence: float = 0.0  # seconds between ingest's stop and its next start
    shown: list[Incident] = field(default_factory=list)
    readable: bool = True
    without_time: int = 0
    starts: int = 0  # how often a program started again, as far as the trail says

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
    ingest = _IngestTrail(audit, period, _last_before(connection, period.since))
    for incident in _incidents(connection, period):
        audit.counts[incident.kind, incident.source] += 1
        audit.starts += incident.kind in STARTS
        if incident.kind == EventKind.CRASH:
            audit.crashes.append(incident)
        ingest.add(incident)
        if incident.kind in SHOWN_KINDS:
            audit.shown = [*audit.shown[1 - SHOWN :], incident]
    ingest.note_absence(period.until)
    return audit


class _IngestTrail:
    """What the trail says of ingest; `last` is its last start or stop: when, and which."""

    def __init__(self, audit: Audit, period: Period, last: tuple[float, str] | None) -> None:
        self._audit, self._period, self._last = audit, period, last
        self._accounted = False

    def add(self, incident: Incident) -> None:
        if incident.kind in ACCOUNTS and incident.program == INGEST:
            self._accounted = True
        if incident.source != "ingest" or incident.kind not in (EventKind.START, EventKind.STOP):
            return
        if incident.kind == EventKind.START:
            if self._was_running(incident.at) and not self._accounted:
                self._audit.crashes.append(incident)
            self.note_absence(incident.at)
        self._last, self._accounted = (incident.at, incident.kind), False

    def _was_running(self, at: float) -> bool:
        if self._last is None:
            return at > self._period.first + 60
        return self._last[1] == EventKind.START

    def note_absence(self, end: float) -> None:
        """Count an absence that ends at `end`, as far as it lies among the comparisons."""
        if self._last is not None and self._last[1] == EventKind.STOP:
            lasted = end - max(self._last[0], self._period.first)
            self._audit.longest_absence = max(self._audit.longest_absence, lasted)


def _last_before(connection: sqlite3.Connection, since: float) -> tuple[float, str] | None:
    """When ingest last started or stopped before the period, and which of them it did."""
    row = connection.execute(
        "SELECT at, kind FROM event WHERE at < ? AND source = 'ingest'"
        " AND kind IN ('start', 'stop') ORDER BY at DESC, id DESC LIMIT 1",
        (since,),
    ).fetchone()
    return None if row is None else (float(row[0]), str(row[1]))


def _incidents(connection: sqlite3.Connection, period: Period) -> Iterator[Incident]:
    # A database of an older version lacks the last column.
    program = "program" if "program" in columns_of(connection, "event") else "NULL"
    rows = connection.execute(
        f"SELECT at, source, kind, detail, coalesce({program}, source) FROM event"
        " WHERE at BETWEEN ? AND ? ORDER BY at, id",
        (period.since, period.until),
    )
    for at, source, kind, detail, about in rows:
        yield Incident(float(at), str(source), str(kind), str(detail)[:300], str(about))
