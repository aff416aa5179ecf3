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


def test_what_repeats_within_a_minute_is_one_row_with_a_count(store: DurableConnection) -> None:
    lag = Event(AT, "watchdog", EventKind.SIGNIFICANT, "A", rule="lag", count=453)
    price = replace(lag, detail="B", rule="mark_price", count=1)
    other = replace(lag, source="compare_all", count=2)
    kucoin = replace(lag, program="kucoin", count=7)
    Events(store).add([lag, price, other, kucoin])
    Events(store).add([replace(lag, at=AT + 59, detail="C", count=3)])
    Events(store).add([replace(lag, at=AT + 60, detail="D"), replace(price, at=AT + 59)])
    assert Events(store).recall("watchdog", EventKind.SIGNIFICANT, AT) == [
        replace(lag, count=456), replace(price, count=2), kucoin,
        replace(lag, at=AT + 60, detail="D"),
    ]  # fmt: skip
    assert Events(store).recall("compare_all", EventKind.SIGNIFICANT, AT) == [other]
    crash = Event(AT, "x", EventKind.CRASH, "one of many")
    Events(store).add([crash, crash])
    assert len(Events(store).recall("x", EventKind.CRASH, AT)) == 2


def test_event_of_a_lost_file_is_added_when_it_is_over(store: DurableConnection) -> None:
    over = Event(AT, "watchdog", EventKind.UNHEALTHY, "x", rule="data", duration_seconds=1.0)
    Events(store).save([], [over], "watchdog", AT + 1.5)
    assert Events(store).recall("watchdog", EventKind.UNHEALTHY, AT) == [over]
    assert Events(store).last_look("watchdog") == AT + 1.5
    assert Events(store).last_look("somebody else") is None


def test_events_of_some_kinds_with_their_ids(store: DurableConnection) -> None:
    crash = Event(AT, "api:api_00", EventKind.CRASH, "x", "api:api_00")
    differs = Event(AT + 1, "watchdog", EventKind.SIGNIFICANT, "y", "kucoin", "mark_price")
    Events(store).add([replace(crash, at=AT - 1), crash, replace(crash, kind=EventKind.STOP)])
    Events(store).add([differs])
    kinds = [EventKind.CRASH, EventKind.SIGNIFICANT]
    assert Events(store).since(AT, kinds) == [(2, crash), (4, differs)]
