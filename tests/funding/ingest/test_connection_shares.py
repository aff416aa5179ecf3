"""Many shares, each with connections of its own: what binds one of them, and what binds all."""

from collections.abc import Callable

import pytest

from funding.ingest.connection_events import (
    Connect,
    ConnectionEvent,
    ConnectionEventKind,
    Disconnect,
    EndingKind,
)
from funding.ingest.connection_policy import ConnectionPolicy
from funding.ingest.connection_shares import ConnectionShares
from funding.runtime.backoff import Attempts


def made(count: int = 0, slow: float | None = None) -> ConnectionShares:
    attempts = Attempts(0.0, 7.0)

    def make(number: Callable[[], int], now: float) -> ConnectionPolicy:
        return ConnectionPolicy(
            connections=1,
            stall_after=5.0,
            rotate_after=10_000.0,
            backoff_max=5.0,
            uniform=lambda _low, high: high,
            now=now,
            attempts=attempts,
            number=number,
            slow={} if slow is None else {1: slow},
        )

    shares = ConnectionShares(make, attempts)
    shares.resize(count, 0.0)
    return shares


def opened(shares: ConnectionShares, *numbers: int, at: float = 0.0) -> None:
    for number in numbers:
        shares.handle(ConnectionEvent(number, ConnectionEventKind.OPENED, at))


def ended(
    shares: ConnectionShares, number: int, kind: EndingKind = EndingKind.LOST, at: float = 0.0
) -> None:
    shares.handle(ConnectionEvent(number, kind, at))


def test_without_a_share_nothing_is_wanted() -> None:
    shares = made()
    assert shares.step(0.0) == []
    assert (shares.attempts_left(0.0), shares.lag(), shares.is_good()) == (7.0, 0.0, False)
    assert not shares.all_classes_flow(0.0)


def test_each_share_has_a_connection() -> None:
    shares = made(3)
    assert shares.step(0.0) == [Connect(1), Connect(2), Connect(3)]
    assert [shares.take_share(number) for number in (1, 2, 3)] == [0, 1, 2]
    opened(shares, 1, 2)
    assert (shares.open_connections(), shares.attempts) == (2, 1)


def test_share_that_fails_takes_nothing_from_the_others() -> None:
    shares, now = made(2), 0.0
    shares.step(now)
    opened(shares, 1, 2)
    bad, orders = 2, 0
    for _ in range(400):
        now += 1.0
        shares.accepted(1, 0, now, 1)
        ended(shares, bad, at=now)
        for order in shares.step(now):
            assert isinstance(order, Connect)
            bad, orders = order.connection, orders + 1
    assert orders > 20
    ended(shares, 1, at=now)
    again = shares.step(now + 1.0)
    numbers = [order.connection for order in again if isinstance(order, Connect)]
    assert 0 in [shares.take_share(number) for number in numbers]
    assert shares.attempts == orders + len(again) + 1


def test_what_the_exchange_asks_of_this_address_binds_all() -> None:
    shares = made(2)
    shares.step(0.0)
    ended(shares, 1, EndingKind.RATE_LIMITED, at=1.0)
    ended(shares, 2, EndingKind.LOST, at=1.0)
    assert shares.step(30.9) == []
    assert len(shares.step(31.0)) == 2


def test_share_with_new_topics_is_replaced_without_a_gap() -> None:
    shares = made(2)
    shares.step(0.0)
    opened(shares, 1, 2)
    for number in (1, 2):
        shares.accepted(number, 0, 1.0, 5)
    shares.replace(1, 2.0)
    assert shares.step(2.0) == [Connect(3)]
    opened(shares, 3, at=2.5)
    shares.accepted(3, 0, 3.0, 1)
    (order,) = shares.step(3.0)
    assert isinstance(order, Disconnect)
    assert (order.connection, order.kind) == (2, EndingKind.ROTATED)


def test_share_that_is_not_wanted_any_more_ends() -> None:
    shares = made(2)
    shares.step(0.0)
    shares.resize(1, 1.0)
    (order,) = shares.step(1.0)
    assert isinstance(order, Disconnect)
    assert order.connection == 2
    assert not shares.handle(ConnectionEvent(2, EndingKind.LOST, 1.0))


def test_other_address_is_tried_at_once() -> None:
    shares = made(1)
    shares.step(0.0)
    ended(shares, 1, EndingKind.RESTRICTED, at=1.0)
    assert shares.step(2.0) == []
    shares.restart(2, 2.0)
    assert shares.step(2.0) == [Connect(2), Connect(3)]


def test_lag_is_that_of_the_latest_share_and_one_good_share_is_good() -> None:
    shares = made(2)
    shares.step(0.0)
    opened(shares, 1, 2)
    shares.note_lag(1, 3.0, 1.0)
    shares.note_lag(2, 8.0, 1.0)
    assert shares.lag() == 8.0
    shares.accepted(2, 16, 1.0, 1)
    assert shares.is_good()


@pytest.mark.parametrize(("slow", "silent"), [(180.0, False), (None, True)])
def test_slow_class_may_be_silent_for_longer(slow: float | None, silent: bool) -> None:
    shares, now = made(1, slow), 0.0
    shares.step(now)
    opened(shares, 1)
    shares.accepted(1, 1, 0.0, 3)
    orders = []
    while now < 60.0:
        now += 1.0
        shares.accepted(1, 0, now, 1)
        shares.note_unfinished(1, 0, now)
        orders += shares.step(now)
    assert bool(orders) == silent
    assert shares.all_classes_flow(now) != silent


def test_shares_take_turns_where_attempts_are_short() -> None:
    shares, found = made(4), list[int]()
    for now in range(200):
        for order in shares.step(float(now)):
            assert isinstance(order, Connect)
            found.append(shares.take_share(order.connection))
            ended(shares, order.connection, EndingKind.REFUSED, at=float(now))
    assert set(found[-4:]) == {0, 1, 2, 3}


def test_connections_are_counted() -> None:
    shares = made(3)
    shares.step(0.0)
    assert shares.count() == 3
    ended(shares, 2)
    assert shares.count() == 2
