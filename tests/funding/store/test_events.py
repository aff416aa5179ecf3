"""The audit trail."""

from dataclasses import replace

from funding.model.event import Event, EventKind
from funding.store.durable import DurableConnection
from funding.store.events import Events

AT = 1_764_725_610.0


def test_events_are_found_by_source_kind_and_time(store: DurableConnection) -> None:
    mine = [Event(AT + n, "watchdog", EventKind.RESTART, str(n)) for n in range(3)]
    others = [
        Event(AT + 2, "ingest", EventKind.RESTART, "x"),
        Event(AT + 2, "watchdog", EventKind.KILL, "x"),
    ]
    mine[2] = replace(mine[2], program="funding:ingest", rule="no data")
    Events(store).add([*mine, *others])
    assert Events(store).recall("watchdog", EventKind.RESTART, AT + 1) == mine[1:]
