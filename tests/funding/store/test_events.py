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


def test_an_event_gets_its_duration_when_it_is_over(store: DurableConnection) -> None:
    data = Event(AT, "watchdog", EventKind.UNHEALTHY, "begun", rule="data")
    api = replace(data, rule="api")
    program = replace(data, program="funding:ingest")
    Events(store).add([data, api, program])
    over = replace(data, detail="over", duration_seconds=12.5, count=3)
    Events(store).update(over)
    assert Events(store).recall("watchdog", EventKind.UNHEALTHY, AT) == [over, api, program]
