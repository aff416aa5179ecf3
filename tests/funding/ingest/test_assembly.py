"""A whole ingest of a made-up exchange: from its messages to rows in the database."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from funding.exchanges.binance.exchange import BINANCE
from funding.exchanges.exchange import Exchange, Plan, Reply, Request
from funding.ingest.assembly import Kept, assemble
from funding.ingest.loop import IngestLoop
from funding.model.feed import Feed
from funding.runtime.clock import SYSTEM
from funding.settings import service
from funding.store.writer import Writer
from harness.processes import until
from tests.support.clock import rows
from tests.support.fake_exchange import TEXT, FakeExchange, Peer, frame
from tests.support.streams import MadeUpStream


def answered(_request: Request) -> Reply:
    return Reply(b"", 0)


class World:
    """An ingest loop that a test moves, and the exchange at its far end."""

    def __init__(self, path: Path, far_end: FakeExchange, *plans: Plan) -> None:
        self.path, self.far_end = path, far_end
        self.stream = MadeUpStream(far_end.url, *plans)
        self.stream.asks = len(plans) > 1
        exchange: Exchange = dataclasses.replace(
            BINANCE,
            name="madeup",
            stream=lambda _options: self.stream,
            small_messages=True,
            unknown_topic_ends=True,
            stall_seconds=60.0,
        )
        settings, _ = service.read({"FUNDING_DB": str(path), "FUNDING_WS_URL": far_end.url})
        now = SYSTEM.wall(), SYSTEM.uptime()
        self.feed = Feed("madeup", "127.0.0.1", 17, SYSTEM.boot, *now)
        writer = Writer(path, self.feed)
        kept = Kept(exchange, self.feed, writer)
        self.loop: IngestLoop = assemble(settings, kept, ask=answered, thresholds=[])[0]

    def until(self, statement: str, found: object) -> None:
        """Step until the database says so."""

        def said() -> bool:
            self.loop.step(0.01)
            return rows(self.path, statement) == [(found,)]

        until(said, f"{statement}: {found}")

    def isolated(self) -> bool:
        """Whether a topic is left out."""
        assert self.loop._following is not None
        return bool(self.loop._following.missing())

    def peer(self) -> Peer:
        """The far end of the next connection."""
        before = self.far_end.connections

        def connected() -> bool:
            self.loop.step(0.01)
            return self.far_end.connections > before or not self.far_end._arrived.empty()

        until(connected, "a connection")
        return self.far_end.peer()


@contextmanager
def stopped(world: World) -> Iterator[None]:
    """Stop the loop at the end of the block."""
    try:
        yield
    finally:
        world.loop.stop()


@pytest.fixture
def far_end() -> Iterator[FakeExchange]:
    with FakeExchange() as made:
        yield made


def said(peer: Peer, *messages: Mapping[str, str]) -> None:
    peer.send(*(frame(TEXT, json.dumps(each).encode()) for each in messages))


def test_small_messages_become_rows_in_batches(tmp_path: Path, far_end: FakeExchange) -> None:
    world = World(tmp_path / "funding.db", far_end, Plan([["A", "B"]]))
    with stopped(world):
        peer = world.peer()
        said(peer, *({"quote": name} for name in "ABAB"))
        world.until("SELECT count(*) FROM quote WHERE exchange = 'madeup'", 2)
        assert {json.loads(peer.read()[1])["to"] for _ in range(2)} == {"A", "B"}
        world.until("SELECT connected FROM feed", 1)


def test_each_share_has_its_connection_and_missing_markets_are_named(
    tmp_path: Path, far_end: FakeExchange
) -> None:
    plan = Plan([["A"], ["B"]], {"xyz": "timed out"})
    world = World(tmp_path / "funding.db", far_end, plan)
    with stopped(world):
        peers = world.peer(), world.peer()
        for peer in peers:
            said(peer, {"quote": json.loads(peer.read()[1])["to"]})
        world.until("SELECT count(*) FROM quote", 2)
        world.until("SELECT connections FROM feed", 2)
        world.until("SELECT not_followed ->> 'xyz' FROM feed", "timed out")


def test_topic_that_ends_the_connection_is_isolated(tmp_path: Path, far_end: FakeExchange) -> None:
    """The far end closes whenever it is asked for BAD, as Hyperliquid does."""
    world = World(tmp_path / "funding.db", far_end, Plan([["A", "BAD", "C"]]))
    with stopped(world):
        last = [""]
        while last[-1] != "C":
            peer, last = world.peer(), []
            # The loss is known before the next connection begins.
            wanted = 2 if world.isolated() else 3
            while len(last) < wanted:
                last.append(json.loads(peer.read()[1])["to"])
                if last[-1] == "BAD":
                    peer.close()
                    break
                said(peer, {"quote": last[-1]})
        assert last == ["A", "C"]
        world.until("SELECT not_followed ->> 'BAD' FROM feed", "it ended the connection")


def test_new_contract_is_followed_without_a_gap(tmp_path: Path, far_end: FakeExchange) -> None:
    plans = Plan([["A"]], seconds=0.01), Plan([["A", "B"]])
    world = World(tmp_path / "funding.db", far_end, *plans)
    with stopped(world):
        first = world.peer()
        said(first, {"quote": "A"})
        second = world.peer()
        said(second, {"quote": "A"}, {"quote": "B"})
        world.until("SELECT count(*) FROM quote", 2)
        world.until("SELECT count(*) FROM event WHERE kind = 'rotation'", 1)
