"""The exchange's plan → shares and topics; other streams, and topics that end connections."""

from collections.abc import Callable
from typing import Any

from funding.exchanges.exchange import Plan
from funding.ingest.connection_events import Connect, EndingKind
from funding.ingest.connection_policy import ConnectionPolicy
from funding.ingest.connection_shares import ConnectionShares
from funding.ingest.following import MOST_REFUSALS, SILENCE, SILENT_SECONDS, Following
from funding.runtime.backoff import Attempts
from tests.support.clock import ManualClock
from tests.support.streams import MadeUpStream


class Plans:
    """Plans that the test sets."""

    def __init__(self) -> None:
        self.latest: Plan | None = None
        self.asked = 0
        self.stopped = False

    def replan(self) -> None:
        self.asked += 1

    def check(self) -> None: ...

    def stop(self, seconds: float | None = None) -> None:
        assert seconds is None
        self.stopped = True


class World:
    """What stands around a `Following`."""

    def __init__(self, *, refuses: bool = False) -> None:
        def make(number: Callable[[], int], now: float) -> ConnectionPolicy:
            return ConnectionPolicy(
                connections=1,
                stall_after=5.0,
                rotate_after=1e4,
                backoff_max=5.0,
                **self.more,
                number=number,
                now=now,
            )

        self.more: dict[str, Any] = {"uniform": lambda low, _high: low}
        self.plans, self.shares = Plans(), ConnectionShares(make, Attempts(0.0))
        self.stream = MadeUpStream("ws://unused", Plan(()), refuses=refuses)
        self.hand = ManualClock(uptime=0.0)
        self.quoted: set[str] = set()
        self.following = Following(
            self.stream,
            plans=self.plans,
            shares=self.shares,
            clock=self.hand.clock(),
            knows=self.quoted.__contains__,
        )

    def plan(self, *connections: str, **missing: str) -> list[str]:
        self.plans.latest = Plan([list(each) for each in connections], missing)
        return self.following.step(0.0)


def test_connections_begin_with_the_first_plan() -> None:
    world = World()
    assert world.following.step(0.0) == []
    assert world.shares.step(0.0) == []
    assert world.plan("AB", "C") == []
    assert world.shares.step(0.0) == [Connect(1), Connect(2)]
    assert world.following.topics(0).topics == ["A", "B"]
    assert world.following.step(0.0) == []


def test_new_contract_replaces_its_connection() -> None:
    world = World()
    world.plan("AB")
    assert world.plan("ABC") == ["there are new contracts: the connections are replaced"]
    assert world.plan("AB") == []
    assert world.following.topics(0).topics == ["A", "B"]


def test_market_that_is_missing_is_named_once_and_again_when_it_is_back() -> None:
    world = World()
    assert world.plan("A", xyz="timed out") == ["xyz is not followed: timed out"]
    assert world.plan("A", xyz="timed out") == []
    assert world.following.missing() == {"xyz": "timed out"}
    assert world.plan("A") == ["xyz is followed again"]


def test_topic_that_ends_connections_is_named_and_left_out() -> None:
    world = World()
    world.plan("AB")
    for words in ([], ["B ends the connection: it is left out for an hour"]):
        world.following.lost(("B",))
        assert world.following.step(0.0) == words
    assert world.following.topics(0).topics == ["A"]
    assert world.following.missing() == {"B": "it ended the connection"}
    assert world.plans.asked == 1


def test_stream_that_refuses_is_left_for_another_one() -> None:
    world = World(refuses=True)
    world.plan("A")
    for _ in range(MOST_REFUSALS - 1):
        assert world.following.ended(EndingKind.HANDSHAKE, delivered=False) == []
    assert world.following.ended(EndingKind.SILENT, delivered=False) == [
        "the exchange refuses this stream: another one is tried"
    ]
    assert world.plans.asked == 1
    assert world.plan("A", "B") == [], "they are no new contracts"
    assert world.shares.step(0.0) == [Connect(1), Connect(2)]


def test_refused_address_is_left_at_once() -> None:
    world = World(refuses=True)
    world.plan("A")
    assert world.following.ended(EndingKind.RESTRICTED, delivered=True) == []
    assert len(world.following.ended(EndingKind.RESTRICTED, delivered=False)) == 1


def test_other_endings_and_streams_that_deliver_are_not_left() -> None:
    world = World(refuses=True)
    world.plan("A")
    for kind, delivered in [
        (EndingKind.HANDSHAKE, False),
        (EndingKind.HANDSHAKE, False),
        (EndingKind.UNREACHABLE, False),
        (EndingKind.HANDSHAKE, False),
        (EndingKind.HANDSHAKE, False),
        (EndingKind.HANDSHAKE, True),
    ]:
        assert world.following.ended(kind, delivered=delivered) == []
    assert world.stream.refusals == 0


def test_exchange_without_another_stream_goes_on() -> None:
    world = World()
    world.plan("A")
    for _ in range(10):
        assert world.following.ended(EndingKind.HANDSHAKE, delivered=False) == []
    assert world.plans.asked == 0
    world.following.stop()
    assert world.plans.stopped


def test_topics_that_never_have_a_quote_are_named_once() -> None:
    world = World()
    world.plan("ABCDE")
    world.quoted |= set("ABC")
    assert world.following.step(SILENT_SECONDS - 1) == []
    assert world.following.step(SILENT_SECONDS) == ["2 topics without a quote: D, E"]
    assert world.following.step(2 * SILENT_SECONDS) == []
    assert world.following.missing() == dict.fromkeys("DE", SILENCE)
    world.quoted.add("E")
    assert world.following.step(3 * SILENT_SECONDS) == ["not silent any more: E"]
    assert world.following.missing() == {"D": SILENCE}


def test_stream_that_is_silent_names_no_topics() -> None:
    world = World()
    world.plan("ABC")
    world.quoted.add("A")
    assert world.following.step(SILENT_SECONDS) == []
    assert world.following.missing() == {}
