"""The connection policy against a simulated exchange: connecting, rotation, and any mishap."""

import random
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funding.ingest.connection_events import (
    ENDINGS,
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
    DAY,
    MOST_ATTEMPTS,
    STALL,
    STEP,
    SimulatedExchange,
    longest,
    most_in_a_window,
)


def test_first_step_connects() -> None:
    exchange = SimulatedExchange(connections=2).run(STEP)
    assert len(exchange.attempts) == 2
    assert exchange.policy.attempts == 2
    assert exchange.policy.open_connections() == 0
    exchange.run(1.0)
    assert exchange.policy.open_connections() == 2


def test_first_attempt_waits_for_as_long_as_the_exchange_has_asked() -> None:
    policy = ConnectionPolicy(
        connections=2, stall_after=5.0, rotate_after=600.0, backoff_max=5.0,
        uniform=lambda _low, high: high, now=1_000.0, wait=120.0,
    )  # fmt: skip
    assert policy.step(1_000.0) == policy.step(1_119.9) == []
    assert policy.step(1_120.0) == [Connect(1), Connect(2)]


def test_healthy_connection_is_replaced_only_by_rotation() -> None:
    exchange = SimulatedExchange()
    exchange.pace = (0.2, 3.9)
    exchange.run(3 * DAY, step=1.0)
    assert exchange.ending_kinds() == ["rotated"] * 3
    assert len(exchange.attempts) == 4
    assert exchange.reports == []
    assert exchange.gap <= STALL


@pytest.mark.parametrize("connections", [1, 2, 3, 4])
def test_rotation_leaves_no_gap(connections: int) -> None:
    exchange = SimulatedExchange(connections=connections, rotate_after=600.0).run(7_200.0)
    assert set(exchange.ending_kinds()) == {"rotated"}
    assert len(exchange.disconnects) >= 11 * connections
    assert exchange.gap <= 2.0
    assert exchange.policy.open_connections() >= connections


def test_connection_is_rotated_in_time() -> None:
    exchange = SimulatedExchange(rotate_after=600.0).run(7_200.0)
    ages = [
        close_at - open_at
        for open_at, (close_at, _) in zip(exchange.attempts, exchange.disconnects, strict=False)
    ]
    assert all(500.0 <= age <= 605.0 for age in ages)
    assert len(set(ages)) > 3, "rotations are jittered"


def test_two_connections_rotate_half_a_span_apart() -> None:
    exchange = SimulatedExchange(connections=2, rotate_after=3_600.0).run(10 * 3_600.0, step=0.5)
    times = [at for at, _ in exchange.disconnects]
    assert len(times) >= 18
    for one, two in pairwise(times):
        assert two - one > 900.0


def test_announced_end_brings_a_successor_at_once() -> None:
    exchange = SimulatedExchange().run(60.0)
    assert exchange.policy.handle(
        ConnectionEvent(1, ConnectionEventKind.ENDING, exchange.now, "shutdown")
    )
    exchange.run(STEP)
    assert len(exchange.attempts) == 2
    exchange.run(3.0)
    assert exchange.ending_kinds() == ["rotated"]
    assert exchange.gap <= 2.0


def test_event_of_an_ended_connection_is_ignored() -> None:
    exchange = SimulatedExchange().run(10.0)
    exchange.end(1, EndingKind.LOST)
    assert not exchange.report(1, EndingKind.LOST)
    assert not exchange.report(99, ConnectionEventKind.OPENED)
    exchange.policy.accepted(1, 0, exchange.now, 1)
    assert exchange.policy.open_connections() == 0
    exchange.run(2.0)
    assert exchange.policy.attempts == len(exchange.attempts) == 2


def waits(connections: int, *, newer: bool | None) -> list[float]:
    """The wait after each of three connections that deliver a frame and are lost at once."""
    policy = ConnectionPolicy(
        connections=connections, stall_after=5.0, rotate_after=600.0, backoff_max=60.0,
        uniform=lambda _low, high: high, now=0.0,
    )  # fmt: skip
    now, found = 0.0, []
    (first, *_) = policy.step(now)
    for _ in range(3):
        assert isinstance(first, Connect)
        number, lost_at = first.connection, now
        policy.handle(ConnectionEvent(number, ConnectionEventKind.OPENED, now))
        policy.accepted(number, 0, now, 1, **({} if newer is None else {"newer": newer}))
        policy.handle(ConnectionEvent(number, EndingKind.LOST, now))
        orders: list[Order] = []
        while not orders:
            now += STEP
            orders = [order for order in policy.step(now) if isinstance(order, Connect)]
        first = orders[0]
        found.append(now - lost_at)
    return found


def test_frame_that_others_had_is_a_recovery_only_beside_a_spare() -> None:
    assert waits(1, newer=True) == pytest.approx([waits(1, newer=True)[0]] * 3)
    assert waits(1, newer=None) == waits(1, newer=True)
    assert waits(1, newer=False)[0] < waits(1, newer=False)[2]
    assert waits(2, newer=False)[2] < waits(1, newer=False)[2]


def test_notice_changes_nothing() -> None:
    exchange = SimulatedExchange().run(10.0)
    assert exchange.policy.handle(
        ConnectionEvent(1, ConnectionEventKind.NOTICE, exchange.now, "too many subscriptions")
    )
    exchange.run(10.0)
    assert (exchange.disconnects, len(exchange.attempts)) == ([], 1)


def disturb(exchange: SimulatedExchange, what: str) -> None:
    """One thing that may happen; "well" ends all others."""
    exchange.refuses, exchange.retry_after, exchange.hangs = None, 0.0, False
    exchange.rows_before_close, exchange.classes = 0, {0, 1}
    if what in ENDINGS:
        exchange.refuses = EndingKind(what)
    elif what == "hang":
        exchange.hangs = True
    elif what == "lose":
        for connection in list(exchange.peers):
            exchange.end(connection, EndingKind.LOST)
    elif what == "freeze":
        exchange.frozen |= set(exchange.peers)
    elif what == "silence":
        exchange.classes = set()
    elif what == "half":
        exchange.classes = {0}
    elif what == "flap":
        exchange.rows_before_close = 1
    elif what == "announce":
        for connection in exchange.peers:
            exchange.policy.handle(
                ConnectionEvent(connection, ConnectionEventKind.ENDING, exchange.now)
            )


EVENTS = ["refused", "tls", "hang", "lose", "freeze", "silence", "half", "flap", "announce", "well"]


def recovered(exchange: SimulatedExchange, connections: int) -> Iterator[bool]:
    """What must be true once the exchange has been well for a while."""
    yield exchange.last > exchange.now - 3.0
    yield exchange.policy.open_connections() >= connections
    yield most_in_a_window(exchange.attempts) <= MOST_ATTEMPTS
    yield exchange.policy.attempts == len(exchange.attempts)


@given(
    st.integers(1, 3),
    st.floats(0.1, 10.0),
    st.lists(st.tuples(st.sampled_from(EVENTS), st.floats(0.5, 120.0)), max_size=12),
)
@settings(max_examples=40)
def test_policy_recovers_from_any_sequence_without_a_storm(
    connections: int, backoff_max: float, events: list[tuple[str, float]]
) -> None:
    exchange = SimulatedExchange(
        connections=connections, backoff_max=backoff_max, rotate_after=300.0
    )
    for what, seconds in events:
        disturb(exchange, what)
        exchange.run(seconds, step=0.5)
    disturb(exchange, "well")
    exchange.run(40.0, step=0.5)
    assert all(recovered(exchange, connections))


@pytest.mark.parametrize("seed", range(4))
def test_long_random_walk_makes_no_storm(seed: int) -> None:
    draw = random.Random(seed)
    exchange = SimulatedExchange(connections=1 + seed % 2, rotate_after=600.0, seed=seed)
    for _ in range(120):
        disturb(exchange, draw.choice(EVENTS))
        exchange.run(draw.expovariate(1 / 30.0), step=0.5)
    disturb(exchange, "well")
    exchange.run(40.0, step=0.5)
    assert all(recovered(exchange, exchange.connections))


# Driven by hand: what one event or one moment decides


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
