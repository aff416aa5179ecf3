"""The connection policy against a simulated exchange: connecting, rotation, and any mishap."""

import random
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funding.ingest.connection_events import (
    ENDINGS,
    Connect,
    ConnectionEvent,
    ConnectionEventKind,
    EndingKind,
    Order,
)
from funding.ingest.connection_policy import ConnectionPolicy
from tests.support.simulated_exchange import (
    DAY,
    MOST_ATTEMPTS,
    STALL,
    STEP,
    SimulatedExchange,
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
