"""Leadership over a real server."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from funding.model.event import EventKind
from funding.nats import messages, subjects
from funding.publish.claims import Claim, Claims
from funding.publish.leadership import Data, Duty
from funding.publish.leads import Leads
from funding.store.durable import DurableConnection
from funding.store.events import Events
from harness.processes import until
from tests.support.clock import ManualClock
from tests.support.far_bucket import FarBucket
from tests.support.nats_server import NatsServer, connected, remove
from tests.support.publishing_machines import (
    BUCKET,
    EXCHANGE,
    Machine,
    machines,
    one_publishes,
    ticking,
)
from tests.support.store import feed_of

ENDED = "binance: this machine publishes no more"


class Asked(Claims):
    """Claims that wait for the test to answer them."""

    def __init__(self, store: DurableConnection) -> None:
        super().__init__(FarBucket(), BUCKET, store, taker="m", clock=ManualClock().clock())
        self.claims: list[Claim] = []

    def ask(self, claim: Claim) -> None:
        self.claims.append(claim)


class Scene:
    """The leadership of a machine "m" whose far end is the test's."""

    def __init__(self, store: DurableConnection) -> None:
        self.now = 100.0
        claims = Asked(store)
        self.asked = claims.claims
        self.leads = Leads(EXCHANGE, self, claims, taker="m")

    def subscribe(self, subject: str, callback: Callable[[str, bytes], None]) -> Callable[[], None]:
        assert subject == "funding-feed.binance"
        self.callback = callback
        return lambda: None

    def hear(self, taker: str, term: int, *, age: float = 0.0) -> None:
        """A heartbeat of `taker`, whose newest frame is so old."""
        feed = feed_of()
        feed.connected, feed.last_frame_uptime = 1, 50.0 - age
        body = messages.encode_feed(feed, 50.0, taker=taker, term=term, sent_at=1.0)
        self.callback("funding-feed.binance", body)

    def tick(self, seconds: float = 0.1) -> Duty:
        self.now += seconds
        return self.leads.tick(self.now, connected=True, data=Data.LIVE)

    def lead(self, term: int) -> None:
        """Let it win `term`."""
        for _ in range(20):
            self.tick()
        self.asked.pop().answered(lambda leadership, _: leadership.won(term))
        assert self.tick().publish


@pytest.fixture
def scene(store: DurableConnection) -> Scene:
    return Scene(store)


def test_own_heartbeats_that_come_back_change_nothing(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.lead(7)
    scene.hear("m", 7)
    assert scene.tick().publish
    scene.hear("m", 7)
    assert not scene.tick(20.0).publish, "it was frozen"
    assert [each.revision for each in scene.asked] == [7], "it has not followed itself"
    assert "calls itself" not in caplog.text


@pytest.mark.parametrize(("age", "claims"), [(1.0, []), (2.0, [9])])
def test_leader_whose_stream_is_old_is_claimed_from(
    scene: Scene, age: float, claims: list[int]
) -> None:
    scene.tick()
    for _ in range(4):
        scene.hear("z", 9, age=age)
        scene.tick(0.25)
    assert [each.revision for each in scene.asked] == claims


def test_log_names_who_publishes_instead_and_nobody_who_is_behind(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    scene.lead(7)
    scene.hear("z", 6)
    scene.tick()
    assert "z publishes" not in caplog.text
    for _ in range(2):
        scene.hear("z", 8)
        scene.tick()
    assert caplog.text.count("binance: z publishes, term 8") == 1


def other(found: list[Machine], than: Machine) -> Machine:
    (only,) = [each for each in found if each is not than]
    return only


def told(machine: Machine) -> list[str]:
    found = Events(machine.store).recall("publish", EventKind.LEADER, 0.0)
    return [each.detail for each in found]


def test_one_of_two_leads_and_both_know_it(server: NatsServer, tmp_path: Path) -> None:
    with machines(server, tmp_path, "ab") as found, connected(server) as person:
        leader = one_publishes(found)
        follower = other(found, leader)
        ticking(found, lambda: follower.leads.term == leader.leads.term, "the term is heard")
        entry = person.get(BUCKET, EXCHANGE)
        assert entry is not None
        assert (entry.revision, entry.value) == (
            leader.leads.term,
            json.dumps({"taker": leader.name}, separators=(",", ":")).encode(),
        )
        text = f"binance: this machine publishes, term {leader.leads.term}"
        ticking(found, lambda: told(leader) == [text], "it is written down")
        assert told(follower) == []


def test_dead_one_is_followed_and_frozen_one_follows(server: NatsServer, tmp_path: Path) -> None:
    with machines(server, tmp_path, "ab") as found:
        frozen = one_publishes(found)
        successor = other(found, frozen)
        frozen.running = False
        assert one_publishes(found, [successor]) is successor
        frozen.running = True
        ticking(found, lambda: frozen.leads.term == successor.leads.term, "it hears the other")
        assert one_publishes(found) is successor
        ticking(found, lambda: told(frozen)[-1:] == [ENDED], "it is written down")


def test_bucket_that_is_gone_stops_nobody_and_is_made_again(
    server: NatsServer, tmp_path: Path
) -> None:
    with machines(server, tmp_path, "ab") as found, connected(server) as person:
        dead = one_publishes(found)
        ticking(found, lambda: len({each.leads.term for each in found}) == 1, "the term is heard")
        remove(person, BUCKET.stream)
        dead.running = False
        successor = other(found, dead)
        ticking(found, lambda: successor.publishes, "the other one acts")
        assert one_publishes(found, [successor]) is successor
        assert person.get(BUCKET, EXCHANGE) is not None


def test_two_of_one_name_are_told_so(
    server: NatsServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with machines(server, tmp_path, ["same", "same"]) as found:
        leader = one_publishes(found)
        ticking(found, lambda: "calls itself same, too" in caplog.text, "it is noticed")
        assert one_publishes(found) is leader


def test_garbled_heartbeat_costs_that_one(
    server: NatsServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with machines(server, tmp_path, "a") as found, connected(server) as person:
        (machine,) = found
        one_publishes(found)
        for body in (b"", b"\xff", b"[]", b'{"taker": "b", "term": 99}'):
            person.publish([(subjects.feed(EXCHANGE), body)])
        ticking(found, lambda: "message under 'binance'" in caplog.text, "it is named")
        assert machine.publishes
        until(lambda: machine.connection.connected, "the connection stays")
