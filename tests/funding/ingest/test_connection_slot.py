"""One connection and its successor: handing over, and symbol classes that stop."""

from funding.ingest.connection_events import Disconnect, EndingKind, Report
from funding.ingest.connection_slot import Slot, _Gap
from funding.ingest.liveness import ConnectionState
from tests.support.simulated_exchange import (
    MOST_ATTEMPTS,
    STALL,
    STEP,
    SimulatedExchange,
    most_in_a_window,
)


def test_old_connection_stays_until_the_successor_has_every_class() -> None:
    exchange = SimulatedExchange(rotate_after=600.0)
    exchange.run(500.0)
    exchange.pace = (3.0, 4.0)
    exchange.run(120.0)
    ((at, close),) = exchange.disconnects
    assert close.connection == 1
    assert set(exchange.peers[2].delivered) == {0, 1}
    assert exchange.now - at < 100.0


def test_successor_that_lacks_a_class_is_dropped_and_tried_again_later() -> None:
    exchange = SimulatedExchange(rotate_after=600.0)
    exchange.run(10.0)
    exchange.new_classes = {0}
    exchange.run(1_200.0)
    assert set(exchange.ending_kinds()) == {"class-silent"}
    assert 1 in exchange.peers, "the old connection has both classes"
    assert exchange.gap <= 2.0
    assert len(exchange.disconnects) <= 12, "about one a minute"
    assert len(exchange.reports) == 0
    exchange.new_classes = None
    exchange.run(120.0)
    assert exchange.ending_kinds()[-1] == "rotated"
    assert 1 not in exchange.peers


def test_silent_successor_does_not_end_the_old_connection() -> None:
    exchange = SimulatedExchange(rotate_after=600.0)
    exchange.run(10.0)
    exchange.new_classes = set()
    exchange.run(1_200.0)
    assert set(exchange.ending_kinds()) == {"silent"}
    assert 1 in exchange.peers
    assert exchange.gap <= 2.0
    assert most_in_a_window(exchange.attempts) <= MOST_ATTEMPTS


def test_refused_successor_does_not_end_the_old_connection() -> None:
    exchange = SimulatedExchange(rotate_after=600.0)
    exchange.run(10.0)
    exchange.refuses = EndingKind.HANDSHAKE
    exchange.run(1_200.0)
    assert exchange.disconnects == []
    assert 1 in exchange.peers
    assert exchange.gap <= 2.0
    exchange.refuses = None
    exchange.run(10.0)
    assert exchange.ending_kinds() == ["rotated"]


def test_successor_takes_over_when_the_old_connection_is_lost() -> None:
    exchange = SimulatedExchange(rotate_after=600.0)
    exchange.run(10.0)
    exchange.new_classes = {0}
    while len(exchange.peers) < 2:
        exchange.run(STEP)
    exchange.run(1.0)
    exchange.end(1, EndingKind.LOST)
    exchange.run(2.0)
    assert list(exchange.peers) == [2]
    assert len(exchange.attempts) == 2
    # It is the slot's connection now: what it lacks brings a successor of its own.
    exchange.new_classes = None
    exchange.run(30.0)
    assert exchange.ending_kinds() == ["rotated"]
    assert list(exchange.peers) == [3]


def test_silent_class_brings_one_successor_only() -> None:
    exchange = SimulatedExchange().run(60.0)
    exchange.classes = {0}
    exchange.run(3_600.0)
    assert len(exchange.attempts) == 2, "one replacement"
    assert exchange.ending_kinds() == ["rotated"], "by a successor, before the old one ends"
    assert [report.kind for _, report in exchange.reports] == ["class-silent"] * 2
    first, second = (report.detail for _, report in exchange.reports)
    assert first == "symbol class 1 silent for 5 s: trying another connection"
    assert second.endswith("on another connection too: not replaced again")
    assert exchange.gap <= 2.0
    assert exchange.reports[0][0] - 1_060.0 < STALL + 1.0


def test_class_that_came_back_is_missed_again() -> None:
    exchange = SimulatedExchange().run(60.0)
    for _ in range(2):
        exchange.classes = {0}
        exchange.run(60.0)
        exchange.classes = {0, 1}
        exchange.run(60.0)
    assert len(exchange.attempts) == 3
    assert exchange.ending_kinds() == ["rotated"] * 2


def test_class_that_one_connection_lacks_is_back_after_its_replacement() -> None:
    exchange = SimulatedExchange().run(60.0)
    exchange.limits[1] = {0}
    exchange.run(60.0)
    assert exchange.ending_kinds() == ["rotated"]
    assert [report.kind for _, report in exchange.reports] == ["class-silent"]
    assert set(exchange.peers[2].delivered) == {0, 1}


def test_class_seen_once_or_twice_is_not_missed() -> None:
    exchange = SimulatedExchange().run(60.0)
    for _ in range(2):
        exchange.policy.accepted(1, 5, exchange.now, 1)
    exchange.run(3_600.0)
    assert exchange.reports == []
    exchange.policy.accepted(1, 5, exchange.now, 1)
    exchange.run(60.0)
    assert len(exchange.reports) == 2


# A slot by itself, with connections as they may be


def connection(number: int, **classes: float) -> ConnectionState:
    """A connection that was begun at 0, and when each class came by it last (`c0=9.0`)."""
    last = {int(name[1:]): (at, 9) for name, at in classes.items()}
    return ConnectionState(
        number, 0.0, 900.0, opened=0.0, accepted=max(classes.values()), classes=last
    )


def slot(*connections: ConnectionState) -> Slot:
    made = Slot(STALL, iter([2.0, 4.0, 8.0]), 0.0)
    for each in connections:
        made.begin(each)
    return made


def test_next_attempt_comes_after_the_next_delay() -> None:
    first, second = connection(1, c0=9.0), connection(2, c0=9.0)
    made = slot(first)
    made.end(first, 10.0)
    assert not made.wants_connection(11.9)
    assert made.wants_connection(12.0)
    made.begin(second)
    made.end(second, 13.0)
    assert not made.wants_connection(16.9)
    assert made.wants_connection(17.0)


def test_delay_does_not_shorten_a_wait_that_is_longer() -> None:
    first = connection(1, c0=9.0)
    made = slot(first)
    made.next_attempt = 100.0
    made.end(first, 10.0)
    assert not made.wants_connection(99.9)
    assert made.wants_connection(100.0)


def test_successor_is_wanted_from_the_time_of_rotation_by_a_connection_that_delivers() -> None:
    made = slot(connection(1, c0=900.0))
    assert not made.wants_connection(899.9)
    assert made.wants_connection(900.0)
    made.begin(connection(2, c0=900.0))
    assert not made.wants_connection(900.0), "there is one"
    silent = slot(ConnectionState(1, 0.0, 900.0, opened=0.0))
    assert not silent.wants_connection(900.0), "a connection that never delivered is not rotated"


def test_successor_takes_the_place_of_one_that_ended_and_the_place_beside_it_is_free() -> None:
    first, second = connection(1, c0=9.0), connection(2, c0=9.0)
    made = slot(first, second)
    assert made.connections() == [first, second]
    made.end(first, 10.0)
    assert made.check({0}, 10.0) == []
    assert (made.current, made.successor) == (second, None)
    made.end(second, 11.0)
    assert made.connections() == []


def test_successor_is_dropped_only_for_what_the_other_has() -> None:
    """Class 1 has stopped on both: it is not the successor's fault."""
    alone = slot(connection(1, c0=19.0, c1=2.0, c2=19.0), connection(2, c0=19.0, c1=2.0))
    alone.gaps = {1: _Gap(1, confirmed=False)}
    assert alone.check({0, 1}, 20.0) == []
    assert alone.successor is not None
    worse = slot(connection(1, c0=19.0, c1=19.0), connection(2, c0=19.0, c1=2.0))
    (dropped,) = worse.check({0, 1}, 20.0)
    assert isinstance(dropped, Disconnect)
    assert (dropped.connection, dropped.kind) == (2, EndingKind.CLASS_SILENT)
    assert dropped.detail == (
        "symbol class 1 silent for 5 s: not as good as the connection it was to replace"
    )
    assert worse.current is not None
    assert worse.current.rotate_at == 20.0 + 60.0, "another is tried after a minute"


def test_class_that_is_given_up_hides_no_other() -> None:
    made = slot(connection(3, c0=19.0, c1=2.0, c2=3.0))
    made.gaps = {1: _Gap(2, confirmed=True)}
    (report,) = made.check({0, 1, 2}, 20.0)
    assert isinstance(report, Report)
    assert report.detail == "symbol class 2 silent for 5 s: trying another connection"
    assert made.wants_connection(20.0), "another one at once"


def test_class_that_two_connections_lacked_is_not_reported_for_the_third() -> None:
    made = slot(connection(1, c0=19.0, c1=2.0))
    assert len(made.check({0, 1}, 20.0)) == 1
    assert made.check({0, 1}, 20.1) == []
    for number, reports in ((2, 1), (3, 0), (4, 0)):
        made.current = connection(number, c0=19.0, c1=2.0)
        assert len(made.check({0, 1}, 20.2)) == reports
        assert made.current.rotate_at == 900.0, "not replaced again"


def test_successor_takes_over_once_it_has_what_flows_on_the_other() -> None:
    old, new = connection(1, c0=19.0, c1=15.0, c2=14.9), connection(2, c0=19.0)
    made = slot(old, new)
    assert made.check(set(), 20.0) == [], "class 1 still flows on the other alone"
    made = slot(old, new)
    (ended,) = made.check(set(), 20.1)
    assert ended == Disconnect(1, EndingKind.ROTATED, "replaced after 20 s by connection 2")
    assert (made.current, made.successor) == (new, None)
