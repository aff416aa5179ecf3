"""Signals, events and comparisons in the order in which they are sent."""

from dataclasses import replace

from funding.model.event import Event, EventKind
from funding.store.comparisons import Comparisons
from funding.store.durable import DurableConnection
from funding.store.events import Events
from funding.store.signal_table import add_signals
from funding.store.trail_outbox import Mark, TrailOutbox, TrailTable
from tests.support.signals import signal
from tests.support.store import comparison

AT = 1_764_725_610.0
EVENT = Event(AT, "watchdog", EventKind.UNHEALTHY, "words", rule="data")


def test_rows_behind_a_mark_in_order(store: DurableConnection) -> None:
    outbox = TrailOutbox(store)
    pair = [signal(event_time=7), signal("ETHUSDT", symbols=3, target="webhook")]
    with store.transaction() as connection:
        add_signals(connection, pair)
    Events(store).add([EVENT])
    Comparisons(store).add([comparison(AT + 1)])
    found = outbox.after(TrailTable.SIGNAL, Mark(0, 0.0), 10)
    assert [(each.id, each.row) for each in found] == [(1, pair[0]), (2, pair[1])]
    assert [each.id for each in outbox.after(TrailTable.SIGNAL, Mark(1, 0.0), 10)] == [2]
    assert len(outbox.after(TrailTable.SIGNAL, Mark(0, 0.0), 1)) == 1
    (event,) = outbox.after(TrailTable.EVENT, Mark(0, 0.0), 10)
    assert (event.row, event.at, event.end) == (EVENT, AT, AT)
    (compared,) = outbox.after(TrailTable.COMPARISON, Mark(0, 0.0), 10)
    assert (compared.row, compared.at, compared.end) == (comparison(AT + 1), AT + 1, AT + 1)


def test_marks_are_kept_by_table(store: DurableConnection) -> None:
    outbox = TrailOutbox(store)
    assert (outbox.mark(TrailTable.EVENT), outbox.ends_until()) == (None, None)
    outbox.set_mark(TrailTable.EVENT, Mark(7, AT))
    outbox.set_mark(TrailTable.EVENT, Mark(8, AT + 1))
    outbox.set_ends_until(AT + 2.5)
    assert outbox.mark(TrailTable.EVENT) == Mark(8, AT + 1)
    assert outbox.mark(TrailTable.SIGNAL) is None
    assert outbox.ends_until() == AT + 2.5
    assert outbox.stream() is None
    outbox.set_mark(TrailTable.EVENT, Mark(9, AT + 2), Mark(70, AT - 1.25))
    assert (outbox.mark(TrailTable.EVENT), outbox.stream()) == (
        Mark(9, AT + 2),
        Mark(70, AT - 1.25),
    )


def test_begin_is_before_the_first_row_since_then(store: DurableConnection) -> None:
    outbox, table = TrailOutbox(store), TrailTable.EVENT
    assert outbox.begin(table, AT) == Mark(0, 0.0)
    Events(store).add([replace(EVENT, at=AT + n) for n in range(5)])
    assert outbox.begin(table, AT - 1) == Mark(0, 0.0)
    assert outbox.begin(table, AT + 3) == Mark(3, AT + 2)
    assert outbox.begin(table, AT + 99) == Mark(5, AT + 4)
    with store.transaction() as connection:
        connection.execute("DELETE FROM event WHERE id = 3")
    assert outbox.begin(table, AT + 3) == Mark(3, 0.0), "rows 1 and 2 are too old"


def test_mark_of_another_file_is_not_known(store: DurableConnection) -> None:
    outbox, table = TrailOutbox(store), TrailTable.EVENT
    assert outbox.is_known(table, Mark(9, AT)), "there is nothing to tell by"
    Events(store).add([replace(EVENT, at=AT + n) for n in range(5)])
    assert outbox.is_known(table, Mark(0, 0.0))
    assert outbox.is_known(table, Mark(3, AT + 2))
    assert not outbox.is_known(table, Mark(3, AT + 77)), "another row has its id"
    assert not outbox.is_known(table, Mark(6, AT)), "its id is yet to come"
    with store.transaction() as connection:
        connection.execute("DELETE FROM event WHERE id <= 3")
    assert outbox.is_known(table, Mark(3, AT + 2)), "it was removed"


def test_events_that_have_ended_by_their_ends(store: DurableConnection) -> None:
    outbox = TrailOutbox(store)
    lasting = [replace(EVENT, at=AT + n, rule=str(n)) for n in range(4)]
    Events(store).add(lasting)
    for number, seconds in ((0, 50.0), (1, 9.0), (2, 9.0)):
        Events(store).update(replace(lasting[number], duration_seconds=seconds))
    found = outbox.ended(Mark(4, AT), AT, 10)
    assert [(each.id, each.end) for each in found] == [(2, AT + 10), (3, AT + 11), (1, AT + 50)]
    assert [each.id for each in outbox.ended(Mark(4, AT), AT + 10, 1)] == [3]
    assert [each.id for each in outbox.ended(Mark(2, AT), AT, 10)] == [2, 1], "3 is not sent yet"


def test_kind_that_is_not_ours_is_a_row_like_others(store: DurableConnection) -> None:
    with store.transaction() as connection:
        connection.execute(
            "INSERT INTO event (at, source, kind, detail) VALUES (1, 'me', 'of my own', '')"
        )
    (found,) = TrailOutbox(store).after(TrailTable.EVENT, Mark(0, 0.0), 10)
    assert isinstance(found.row, Event)
    assert str(found.row.kind) == "of my own"
