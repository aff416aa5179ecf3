"""What becomes of claims, by the server's answers."""

import pytest

from funding.errors import NatsAway, NatsConflict, NatsDifferent, NatsRefused
from funding.model.event import EventKind
from funding.nats.connection import Put
from funding.nats.places import Bucket, Entry
from funding.publish.claims import Answer, Claim, Claims
from funding.publish.leadership import Leadership, Role
from funding.store.durable import DurableConnection
from funding.store.events import Events
from tests.support.clock import ManualClock
from tests.support.far_bucket import FarBucket

AWAY = NatsAway("NATS: no answer in 0.5 s")


def claims_of(store: DurableConnection, far: FarBucket) -> Claims:
    return Claims(far, Bucket("x"), store, taker="a", clock=ManualClock().clock())


def outcome(store: DurableConnection, far: FarBucket) -> Leadership:
    """What a leadership of the term 5 becomes, after a claim."""
    answers: list[Answer] = []
    claims = claims_of(store, far)
    claims.ask(Claim("binance", 5, answers.append))
    claims.turn(0.0)
    leadership = Leadership("a")
    leadership.term = 5
    (answer,) = answers
    answer(leadership, 100.0)
    return leadership


def test_won(store: DurableConnection) -> None:
    far = FarBucket([6])
    leadership = outcome(store, far)
    assert (leadership.role, leadership.term) == (Role.LEADER, 6)
    assert far.puts == [Put("binance", b'{"taker":"a"}', 5)]


@pytest.mark.parametrize(("there", "term"), [(Entry("binance", b"{}", 9), 9), (None, 0)])
def test_lost_to_what_is_there(store: DurableConnection, there: Entry | None, term: int) -> None:
    leadership = outcome(store, FarBucket([NatsConflict("another")], there))
    assert (leadership.role, leadership.term) == (Role.FOLLOWER, term)


@pytest.mark.parametrize(
    "far",
    [
        FarBucket([AWAY]),
        FarBucket([NatsRefused("no permission")]),
        FarBucket(AWAY),
        FarBucket([NatsConflict("another")], AWAY),
    ],
)
def test_unanswered(
    store: DurableConnection, far: FarBucket, caplog: pytest.LogCaptureFixture
) -> None:
    leadership = outcome(store, far)
    assert (leadership.role, leadership.term) == (Role.FOLLOWER, 5)
    assert leadership._claim_from == 101.0, "it is claimed again in a second"
    assert "binance: the claim was not answered" in caplog.text


def test_all_that_wait_are_claimed_at_once(store: DurableConnection) -> None:
    far, answers = FarBucket([6, AWAY]), list[Answer]()
    claims = claims_of(store, far)
    for exchange in ("binance", "kucoin"):
        claims.ask(Claim(exchange, 0, answers.append))
    claims.turn(0.0)
    assert [put.key for put in far.puts] == ["binance", "kucoin"]
    assert len(answers) == 2


def test_bucket_is_made_with_each_connection_and_after_no_answer(store: DurableConnection) -> None:
    far = FarBucket([AWAY])
    claims = claims_of(store, far)
    for _ in range(3):
        claims.turn(0.0)
    assert far.ensured == 1
    claims.ask(Claim("binance", 0, lambda _: None))
    claims.turn(0.0)
    assert far.ensured == 2
    far.connections = 2
    far.ensures = AWAY
    for _ in range(3):
        claims.turn(0.0)
    assert far.ensured == 5
    far.ensures = NatsDifferent("x", "it has other settings")
    for _ in range(3):
        claims.turn(0.0)
    assert far.ensured == 6, "it takes claims nevertheless"
    far.connected, far.connections = False, 3
    claims.turn(0.0)
    assert far.ensured == 6


def test_what_is_told_waits_for_a_store_that_is_locked(store: DurableConnection) -> None:
    claims = claims_of(store, FarBucket())
    store.end()
    claims.tell("binance: this machine publishes, term 6")
    claims.turn(0.0)
    store._ended = False
    claims.turn(0.0)
    claims.turn(0.0)
    found = Events(store).recall("publish", EventKind.LEADER, 0.0)
    assert [each.detail for each in found] == ["binance: this machine publishes, term 6"]
