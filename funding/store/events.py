"""The table `event`: the audit trail."""

from collections.abc import Iterable
from operator import attrgetter

import apsw

from funding.model.event import Event

COLUMNS = "at, source, kind, detail, program, rule"
_ADD = f"INSERT INTO event ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"
_row = attrgetter(*COLUMNS.split(", "))


def add_events(connection: apsw.Connection, events: Iterable[Event]) -> None:
    """Within a transaction: add `events` to the audit trail."""
    connection.executemany(_ADD, map(_row, events))
