"""The connection policy driven by hand: what one event or one moment decides."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import pytest

from funding.ingest.connection_events import (
    Connect,
    ConnectionEvent,
    ConnectionEventKind,
    Disconnect,
    EndingKind,
    Order,
    Report,
)
from funding.ingest.connection_policy import ConnectionPolicy
from funding.runtime.backoff import Attempts
from tests.support.simulated_exchange import (
    STALL,
    longest,
)


class Driven:
    """A policy without an exchange: each test says what happens, and when."""

    def __init__(
        self,
        connections: int = 1,
        rotate_after: float = 10_000.0,
        uniform: Callable[[float, float], float] = longest,
        **more: Any,
    ) -> None:
        self.policy = ConnectionPolicy(
            connections=connections,
            stall_after=STALL,
            rotate_after=rotate_after,
            backoff_max=5.0,
            uniform=uniform,
            now=0.0,
            **more,
        )

    def step(self, now: float) -> list[Order]:
        return self.policy.step(now)

    def deliver(self, connection: int, *classes: int, at: float, newer: bool = True) -> None:
        """The connection delivers three frames of each class, which proves the class."""
        self.policy.handle(ConnectionEvent(connection, ConnectionEventKind.OPENED, at))
        for symbol_class in classes:
            self.policy.accepted(connection, symbol_class, at, 3, newer=newer)


def test_all_classes_flow_while_each_that_is_known_comes_by_some_connection() -> None:
    driven = Driven(connections=2)
    driven.step(0.0)
    assert not driven.policy.all_classes_flow(0.0), "nothing has come yet"
    driven.deliver(1, 0, at=1.0)
    assert driven.policy.all_classes_flow(1.0 + STALL)
    assert not driven.policy.all_classes_flow(1.1 + STALL)
    driven.deliver(2, 1, at=3.0)
    assert driven.policy.all_classes_flow(1.0 + STALL)
    assert not driven.policy.all_classes_flow(1.1 + STALL), "class 0 is missing"
    driven.deliver(2, 0, at=4.0)
    assert driven.policy.all_classes_flow(3.0 + STALL)


def test_class_that_came_twice_is_not_waited_for() -> None:
    driven = Driven()
    driven.step(0.0)
    driven.deliver(1, 0, at=1.0)
    driven.policy.accepted(1, 1, 1.0, 2)
    driven.deliver(1, 0, at=9.0)
    assert driven.policy.all_classes_flow(9.0)


@pytest.mark.parametrize(
    ("kind", "asked", "seconds"),
    [
        (EndingKind.RATE_LIMITED, 0.0, 30.0),
        (EndingKind.RATE_LIMITED, 120.0, 120.0),
        (EndingKind.HANDSHAKE, 20.0, 20.0),
        (EndingKind.HANDSHAKE, 0.0, 0.375),
    ],
)
def test_wait_after_a_refusal_holds_for_all_connections(
    kind: EndingKind, asked: float, seconds: float
) -> None:
    driven = Driven(connections=2)
    driven.step(0.0)
    assert driven.policy.handle(ConnectionEvent(1, kind, 10.0, "", asked))
    assert driven.policy.handle(ConnectionEvent(2, EndingKind.LOST, 10.0))
    assert not driven.policy.handle(ConnectionEvent(2, EndingKind.LOST, 10.0)), "it has ended"
    assert driven.step(10.0 + seconds - 0.01) == []
    assert driven.step(10.0 + seconds) == [Connect(3), Connect(4)]


def test_successor_that_has_the_missing_class_before_the_others_is_reported_once() -> None:
    driven = Driven()
    driven.step(0.0)
    driven.deliver(1, 0, 1, at=1.0)
    driven.deliver(1, 0, at=6.5)
    report, begun = driven.step(6.5)
    assert isinstance(report, Report)
    assert begun == Connect(2)
    driven.deliver(2, 1, at=7.0)
    assert driven.step(7.0) == []
    driven.deliver(2, 0, at=7.25)
    (replaced,) = driven.step(7.25)
    assert isinstance(replaced, Disconnect)
    assert (replaced.connection, replaced.kind) == (1, EndingKind.ROTATED)
    assert replaced.detail == "replaced after 7 s by connection 2"


def test_class_that_came_back_is_reported_again_when_it_stops() -> None:
    driven = Driven()
    driven.step(0.0)
    driven.deliver(1, 0, 1, at=1.0)
    for at in (6.5, 16.5):
        driven.deliver(1, 0, at=at)
        found = driven.step(at)
        assert [type(order) for order in found if not isinstance(order, Connect)] == [Report]
        driven.deliver(1, 0, 1, at=at + 1)


def test_no_connection_begins_without_room() -> None:
    room = [False]
    driven = Driven(has_room=lambda: room[0])
    assert driven.step(0.0) == []
    room[0] = True
    assert driven.step(1.0) == [Connect(1)]
    assert (driven.policy.count(), driven.policy.attempts) == (1, 1)


@pytest.mark.parametrize(("left", "begun"), [(0.0, 0), (0.9, 0), (1.0, 1), (3.0, 2)])
def test_attempts_that_another_process_has_left_bound_the_first_ones(
    left: float, begun: int
) -> None:
    driven = Driven(connections=2, attempts=Attempts(0.0, left))
    assert len(driven.step(0.0)) == begun
    assert driven.policy.attempts == begun
    assert driven.policy.attempts_left(0.0) == pytest.approx(left - begun)


def rotations(
    policy: ConnectionPolicy, seconds: int, lost: Mapping[int, int] = MappingProxyType({})
) -> list[tuple[int, int]]:
    """The second and the number of each new connection, while all goes well but what is `lost`."""
    begun: list[tuple[int, int]] = []
    alive: set[int] = set()
    for now in range(seconds):
        if now in lost:
            policy.handle(ConnectionEvent(lost[now], EndingKind.LOST, float(now)))
            alive.discard(lost[now])
        for order in policy.step(float(now)):
            if isinstance(order, Connect):
                begun.append((now, order.connection))
                policy.handle(
                    ConnectionEvent(order.connection, ConnectionEventKind.OPENED, float(now))
                )
                alive.add(order.connection)
            elif isinstance(order, Disconnect):
                alive.discard(order.connection)
        for connection in alive:
            policy.accepted(connection, 0, float(now), 1)
    return begun


@pytest.mark.parametrize(
    ("rotate_after", "first"),
    [(1_000.0, 900), (2_000.0, 1_800), (3_000.0, 2_700), (9_000.0, 8_700)],
)
def test_rotation_comes_earlier_by_a_tenth_and_by_five_minutes_at_most(
    rotate_after: float, first: int
) -> None:
    begun = rotations(Driven(rotate_after=rotate_after).policy, first + 10)
    assert begun == [(0, 1), (first, 2)]


def test_rotation_comes_no_later_than_the_setting_says() -> None:
    latest = Driven(rotate_after=1_000.0, uniform=lambda low, _: low).policy
    assert rotations(latest, 1_010) == [(0, 1), (1_000, 2)]


def test_second_connection_is_rotated_after_half_a_span() -> None:
    begun = rotations(Driven(connections=2, rotate_after=1_000.0).policy, 910)
    assert begun == [(0, 1), (0, 2), (450, 3), (900, 4)]


@pytest.mark.parametrize(("lost_at", "rotated_at"), [(148, 149 + 450), (149, 150 + 900)])
def test_spans_end_at_least_a_quarter_apart(lost_at: int, rotated_at: int) -> None:
    """The first connection is to end at 900; the one that follows the second, 1,000 after it began
    or, where that is nearer than 250, after half of that."""
    driven = Driven(connections=2, rotate_after=1_000.0)
    begun = rotations(driven.policy, rotated_at + 1, lost={lost_at: 2})
    assert begun[:3] == [(0, 1), (0, 2), (lost_at + 1, 3)]
    assert begun[-1][0] == rotated_at
    assert [at for at, _ in begun[3:-1]] == [900] * (rotated_at > 900)


def test_quarter_of_a_span_is_no_whole_number() -> None:
    """The first is to end at 901.8; 150 + 1,002 is 250.2 later, nearer than 250.5."""
    driven = Driven(connections=2, rotate_after=1_002.0)
    assert rotations(driven.policy, 602, lost={149: 2})[2:] == [(150, 3), (601, 4)]


def test_connection_is_good_that_has_what_nobody_had_or_what_just_came() -> None:
    driven = Driven(connections=2)
    driven.step(0.0)
    assert not driven.policy.is_good()
    driven.deliver(1, 0, at=1.0, newer=False)
    assert not driven.policy.is_good(), "the last frame of a frozen exchange"
    driven.deliver(2, 0, at=2.0, newer=True)
    assert driven.policy.is_good()
    driven.policy.handle(ConnectionEvent(2, EndingKind.LOST, 3.0))
    assert not driven.policy.is_good()
    driven.deliver(1, 0, at=2.0 + STALL + 0.1, newer=False)
    assert not driven.policy.is_good(), "what came was long ago"
    driven.deliver(1, 0, at=2.0 + STALL, newer=False)
    assert driven.policy.is_good(), "a spare is often the second to deliver"
    driven.deliver(1, 0, at=99.0, newer=False)
    assert driven.policy.is_good(), "it stays so for the connection's life"


def test_lag_is_the_least_of_all_connections() -> None:
    driven = Driven(connections=2)
    driven.step(0.0)
    assert driven.policy.lag() == 0.0
    driven.policy.note_lag(1, 7.0, 1.0)
    assert driven.policy.lag() == 7.0
    driven.policy.note_lag(2, 3.0, 1.0)
    assert driven.policy.lag() == 3.0
    driven.policy.note_lag(99, 1.0, 1.0)
    driven.policy.note_unfinished(99, 1, 1.0)
    assert driven.policy.lag() == 3.0
    driven.policy.handle(ConnectionEvent(2, EndingKind.LOST, 3.0))
    assert driven.policy.lag() == 7.0


def test_message_that_does_not_come_whole_is_noted_for_its_connection() -> None:
    driven = Driven()
    driven.step(0.0)
    driven.deliver(1, 0, at=1.0)
    for now, size in ((2.0, 100), (5.0, 200), (6.0, 300)):
        driven.policy.note_unfinished(1, size, now)
    (ended,) = (order for order in driven.step(6.5) if isinstance(order, Disconnect))
    assert ended.kind is EndingKind.SLOW
