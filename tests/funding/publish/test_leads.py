"""Leadership over a real server."""

import json
from pathlib import Path

import pytest
from nats.aio.client import Client

from funding.model.event import EventKind
from funding.nats import subjects
from funding.nats.connection import Connection
from funding.store.events import Events
from harness.processes import until
from tests.support.nats_server import NatsServer, connected
from tests.support.publishing_machines import (
    BUCKET,
    EXCHANGE,
    Machine,
    machines,
    one_publishes,
    ticking,
)

ENDED = "binance: this machine publishes no more"


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
        frozen.tick()
        assert not frozen.publishes, "not before its claim is confirmed"
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


def remove(person: Connection, stream: str) -> None:
    """Delete a stream, as an operator may."""

    async def delete(client: Client) -> bool:
        return bool(await client.jsm().delete_stream(stream))

    assert person._link.call(delete, 5.0)


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
