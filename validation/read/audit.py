"""The audit trail of the period: what happened, and which ends of programs were crashes."""

import sqlite3
from collections.abc import Iterator

from validation.read.facts import Audit, Incident, Period
from validation.read.tables import columns_of, timeless

SHOWN_KINDS = (
    "start", "stop", "stall", "restart", "kill", "replaced", "class-silent", "crash",
    "control-missed",
)  # fmt: skip
SHOWN = 40
BEGINNINGS = ("start", "restart", "kill", "replaced", "crash")
INGEST = "funding:ingest"


def audit_of(connection: sqlite3.Connection, period: Period) -> Audit:
    """Crashes are those that supervisord's guard told of, whatever the program; and a start of
    ingest without a stop since the start before, which no such row, and no order of the watchdog,
    accounts for: then supervisord itself had died, or somebody started ingest by hand.

    The trail is pruned: when the period's first start has nothing before it, but pairs had been
    compared for a minute, ingest was running, and did not say goodbye either.
    """
    audit = Audit()
    if not columns_of(connection, "event"):
        audit.readable = False
        return audit
    audit.timeless = timeless(connection, "event", "at")
    trail = _Ingest(audit, period, _before(connection, period.since))
    for incident in _incidents(connection, period):
        label = f"{incident.kind} ({incident.source})"
        audit.counts[label] = audit.counts.get(label, 0) + 1
        audit.turns += incident.kind in BEGINNINGS
        if incident.kind == "crash":
            audit.crashes.append(incident)
        trail.take(incident)
        if incident.kind in SHOWN_KINDS:
            audit.shown = [*audit.shown[1 - SHOWN :], incident]
    trail.close()
    return audit


class _Ingest:
    """What the trail says of ingest, incident by incident."""

    def __init__(self, audit: Audit, period: Period, begun: tuple[float, str] | None) -> None:
        self._audit, self._period = audit, period
        self._unknown = begun is None
        self._running = begun is not None and begun[1] == "start"
        self._stopped = begun[0] if begun is not None and begun[1] == "stop" else None
        self._accounted = False

    def take(self, incident: Incident) -> None:
        """The next one."""
        if incident.kind in ("crash", "restart", "kill") and incident.program == INGEST:
            self._accounted = True
        if incident.source != "ingest" or incident.kind not in ("start", "stop"):
            return
        if incident.kind == "stop":
            self._stopped = incident.at
        else:
            unseen = self._unknown and incident.at > self._period.first + 60
            if (self._running or unseen) and not self._accounted:
                self._audit.crashes.append(incident)
            self._absent(incident.at)
            self._stopped = None
        self._running, self._unknown = incident.kind == "start", False
        self._accounted = False

    def close(self) -> None:
        """The period ends."""
        self._absent(self._period.until)

    def _absent(self, end: float) -> None:
        """Count an absence that ends there, as far as it lies among the comparisons."""
        if self._stopped is not None:
            lasted = end - max(self._stopped, self._period.first)
            self._audit.longest_absence = max(self._audit.longest_absence, lasted)


def _before(connection: sqlite3.Connection, since: float) -> tuple[float, str] | None:
    """When ingest last began or stopped before the period, and which of them it did."""
    row = connection.execute(
        "SELECT at, kind FROM event WHERE at < ? AND source = 'ingest'"
        " AND kind IN ('start', 'stop') ORDER BY at DESC, id DESC LIMIT 1",
        (since,),
    ).fetchone()
    return None if row is None else (float(row[0]), str(row[1]))


def _incidents(connection: sqlite3.Connection, period: Period) -> Iterator[Incident]:
    rows = connection.execute(
        "SELECT at, source, kind, detail FROM event WHERE at BETWEEN ? AND ? ORDER BY at, id",
        (period.since, period.until),
    )
    for at, source, kind, detail in rows:
        yield Incident(float(at), str(source), str(kind), str(detail)[:300])
