"""The policy of an exchange that has no connections of its own."""

from collections.abc import Callable

from funding.ingest.carried import CarriedPolicy
from funding.ingest.connection_events import ConnectionEvent, ConnectionEventKind, EndingKind
from funding.ingest.connection_policy import ConnectionPolicy
from funding.ingest.connection_shares import ConnectionShares
from funding.ingest.inbox import Batch
from funding.ingest.rejections import Rejections
from funding.ingest.stream_state import StreamState
from funding.model.feed import Feed
from funding.runtime.backoff import Attempts
from funding.runtime.logs import Throttle


def carrier() -> ConnectionShares:
    attempts = Attempts(0.0)

    def make(number: Callable[[], int], now: float) -> ConnectionPolicy:
        return ConnectionPolicy(
            connections=1,
            stall_after=5.0,
            rotate_after=10_000.0,
            backoff_max=5.0,
            uniform=lambda low, _high: low,
            now=now,
            attempts=attempts,
            number=number,
        )

    shares = ConnectionShares(make, attempts)
    shares.resize(1, 0.0)
    shares.step(0.0)
    shares.handle(ConnectionEvent(1, ConnectionEventKind.OPENED, 0.0))
    return shares


def test_it_is_good_while_the_carrier_is_and_its_own_quotes_come() -> None:
    shares = carrier()
    policy = CarriedPolicy(shares, 10.0)
    assert policy.step(1.0) == []
    assert (policy.open_connections(), policy.is_good()) == (1, False)
    policy.accepted(0, 0, 1.0, 1)
    assert not policy.is_good(), "the carrier has not delivered"
    shares.accepted(1, 0, 1.0, 1)
    shares.note_lag(1, 3.0, 1.0)
    assert policy.is_good()
    assert policy.all_classes_flow(11.0)
    assert (policy.lag(), policy.attempts, policy.attempts_left(1.0)) == (3.0, 1, 14.2)
    policy.step(11.1)
    assert not policy.is_good()


def test_it_orders_nothing_and_ends_nothing() -> None:
    policy = CarriedPolicy(carrier(), 10.0)
    assert not policy.handle(ConnectionEvent(1, EndingKind.LOST, 1.0))
    policy.note_lag(1, 99.0, 1.0)
    policy.note_unfinished(1, 99, 1.0)
    assert policy.step(1_000.0) == []
    assert policy.lag() == 0.0


def test_its_feed_was_connected_when_the_carrier_was() -> None:
    shares, feed = carrier(), Feed("binance-coinm", "wss://test", 1, "boot", 0.0, 0.0)
    policy, state = CarriedPolicy(shares, 10.0), StreamState(feed, Rejections(Throttle(60.0)))
    found = []
    for second, ends in enumerate([False, False, True, False, False], 1):
        if ends:
            shares.handle(ConnectionEvent(1, EndingKind.LOST, second))
        elif second == 5:
            shares.handle(ConnectionEvent(2, ConnectionEventKind.OPENED, second))
        state.update(Batch(), policy, 100.0 + second, second)
        shares.step(second)
        found.append((feed.connections, feed.last_connected_at))
    assert found == [(1, 101.0), (1, 101.0), (0, 101.0), (0, 101.0), (1, 105.0)]
