"""The rows of the audit trail, table `event`, in the order of their times."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from validation.read.period import Period
from validation.read.tables import columns_of


class EventKind(StrEnum):
    """The kinds of events that the report knows; others it only counts."""

    START = "start"
    STOP = "stop"
    STALL = "stall"
    DISCONNECT = "disconnect"
    CONNECT_FAILED = "connect-failed"
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
    about: str = ""  # as `program`, but empty where the source tells of itself
    rule: str | None = None

    @property
    def name(self) -> str:
        """The program's name without its group."""
        return self.program.rpartition(":")[2]


def incidents_of(connection: sqlite3.Connection, period: Period) -> Iterator[Incident]:
    """All of them until the end of `period`: what happened before it may account for its own."""
    # A database of an older version lacks the last columns.
    present = columns_of(connection, "event")
    program = "program" if "program" in present else "NULL"
    count = "count" if "count" in present else "1"
    seconds = "duration_seconds" if "duration_seconds" in present else "NULL"
    rule = "rule" if "rule" in present else "NULL"
    rows = connection.execute(
        f"SELECT at, source, kind, detail, {program}, {count},"
        f" {seconds}, {rule} FROM event"
        " WHERE at BETWEEN 0 AND ? ORDER BY at, id",
        (period.until,),
    )
    for at, source, kind, detail, about, many, lasted, rule in rows:
        texts = str(source), str(kind), str(detail)[:300], str(about or source)
        many = max(1, int(many or 1))
        told = None if rule is None else str(rule)
        yield Incident(float(at), *texts, many, _seconds(lasted), str(about or ""), told)


def _seconds(lasted: object) -> float | None:
    return float(lasted) if isinstance(lasted, (int, float)) else None
