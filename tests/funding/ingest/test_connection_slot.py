"""One connection and its successor: handing over, and symbol classes that stop."""

from funding.ingest.connection_events import EndingKind
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
