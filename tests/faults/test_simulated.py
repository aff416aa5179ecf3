"""Months in minutes: the parts that decide, with a clock set by hand."""

import random
import tracemalloc
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from funding.exchanges.frame import Frame
from funding.health.facts import API_GROUP, INGEST, Facts, Probe, Process, ProcessState
from funding.health.verdict import Limits
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
from funding.ingest.inbox import Inbox
from funding.ingest.interpreter import Interpreter
from funding.ingest.loop import IngestLoop
from funding.model.feed import Feed
from funding.model.quote import Quote
from funding.store.writer import Writer
from funding.watchdog.restart_decision import decide
from tests.faults.conftest import Record
from tests.support.clock import ManualClock, feed_at, rows

DAY = 86_400.0
STEP = 0.25
DEFAULTS: dict[str, Any] = {"stall_after": 5.0, "rotate_after": 82_800.0, "backoff_max": 5.0}


class Feeds:
    """A healthy exchange in simulated time: two classes, each tick late by some jitter, every
    connection alive for at most a day."""

    def __init__(self, policy: ConnectionPolicy, seed: int) -> None:
        self.policy = policy
        self.chance = random.Random(seed)
        self.open: dict[int, float] = {}
        self.due = {0: 0.0, 1: 0.0}
        self.orders: Counter[str] = Counter()
        self.last = {0: 0.0, 1: 0.0}
        self.longest = 0.0

    def turn(self, now: float) -> None:
        for symbol_class in (0, 1):
            if now >= self.due[symbol_class] and self.open:
                late = self.chance.expovariate(5.0)
                self.due[symbol_class] = now + 1.0 + min(late, 3.5) - 0.2
                for connection in self.open:
                    self.policy.accepted(connection, symbol_class, now, 1)
                self.longest = max(self.longest, now - (self.last[symbol_class] or now))
                self.last[symbol_class] = now
        for order in self.policy.step(now):
            self.obey(order, now)
        for connection, opened in list(self.open.items()):
            if now - opened >= DAY:
                del self.open[connection]
                self.policy.handle(ConnectionEvent(connection, EndingKind.CLOSED, now))
                self.orders["ended by the exchange"] += 1

    def obey(self, order: Order, now: float) -> None:
        if isinstance(order, Connect):
            self.orders["open"] += 1
            self.open[order.connection] = now
            self.policy.handle(ConnectionEvent(order.connection, ConnectionEventKind.OPENED, now))
        elif isinstance(order, Disconnect):
            self.orders[order.kind] += 1
            del self.open[order.connection]
        else:
            assert isinstance(order, Report)
            self.orders[f"reported {order.kind}"] += 1


def healthy(facts: Facts, feeds: Feeds, now: float) -> Facts:
    """What the watchdog sees of it."""
    newest = min(now - at for at in feeds.last.values())
    oldest = max(now - at for at in feeds.last.values())
    return replace(
        facts, heartbeat_age=0.3, last_frame_age=newest, quote_ages={"A": newest, "B": oldest}
    )


def simulate(hours: float, connections: int) -> Feeds:
    """So many healthy hours of the policy and the watchdog's rules; neither may act."""
    feeds = Feeds(
        ConnectionPolicy(
            connections=connections, uniform=random.Random(3).uniform, now=0.0, **DEFAULTS
        ),
        11,
    )
    feed = Feed("binance", "a", 1, "boot", 0.0, 0.0, connected=1)
    names = (INGEST, f"{API_GROUP}api_00", f"{API_GROUP}api_01")
    processes = [Process(name, ProcessState.RUNNING, 1, "", 1e6, 1) for name in names]
    probe = Probe(True, "status 200")
    probes = dict.fromkeys(names[1:], probe)
    facts = Facts(Limits(180, 2), feed, processes=processes, process_probes=probes)
    for number in range(int(hours * 3_600 / STEP)):
        now = number * STEP
        feeds.turn(now)
        if number % 20 == 19:
            actions, waiting = decide(healthy(facts, feeds, now), {}, [], now)
            assert (actions, waiting) == ([], {})
    return feeds


def rotations_alone(feeds: Feeds, hours: float, connections: int) -> None:
    """All that was done is what a life of 23 h asks for."""
    assert set(feeds.orders) <= {"open", "rotated"}
    assert feeds.orders["open"] == connections + feeds.orders["rotated"]
    lives = hours / 23 * connections
    assert lives - connections <= feeds.orders["rotated"] <= lives + 2 * connections
    assert feeds.longest < 5.0


def test_two_simulated_hours_of_a_healthy_feed() -> None:
    feeds = simulate(2, 1)
    assert feeds.orders == {"open": 1}


@pytest.mark.faults
@pytest.mark.parametrize("connections", [1, 2])
def test_72_simulated_hours_of_a_healthy_feed(record: Record, connections: int) -> None:
    feeds = simulate(72, connections)
    rotations_alone(feeds, 72, connections)
    result = f"{feeds.orders['rotated']} rotations, longest gap {feeds.longest:.1f} s"
    record(f"72 simulated hours, {connections} connections", "0 restarts, only rotations", result)


class Still:
    """In place of the thread of connection `number`."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.stopped = False

    def stop(self) -> None:
        self.stopped = True

    def join(self, timeout: float | None = None) -> None: ...

    def is_alive(self) -> bool:
        return not self.stopped

    def check(self) -> None: ...

    def unfinished(self) -> int:
        return 0


class Rotating:
    """Ingest's own loop over a real store, with connections that the test feeds."""

    def __init__(self, path: Path) -> None:
        self.hand = ManualClock()
        clock = self.hand.clock()
        self.feed = feed_at(clock)
        self.inbox = Inbox()
        self.threads: list[Still] = []
        policy = ConnectionPolicy(
            connections=1, uniform=random.Random(5).uniform, now=self.hand.uptime, **DEFAULTS
        )
        writer = Writer(path, self.feed)
        self.loop = IngestLoop(
            self.feed,
            writer=writer,
            policy=policy,
            inbox=self.inbox,
            interpreter=Interpreter("binance", writer, now=self.hand.uptime),
            connect=self.start,
            clock=clock,
            keep_seconds=14 * 86_400.0,
        )
        self.sent = 0
        self.loop.step(0.0)

    def start(self, number: int) -> Still:
        self.threads = [*self.threads[-1:], Still(number)]
        self.inbox.put(ConnectionEvent(number, ConnectionEventKind.OPENED, self.hand.uptime))
        return self.threads[-1]

    def second(self) -> None:
        """One tick of both classes over every connection that may be open."""
        self.hand.advance(1.0)
        event_time = int(self.hand.wall * 1_000)
        for name in ("A", "B"):
            quotes = [Quote(f"{name}{n}USDT", 1.0, 1.0, 0.0001, None, event_time) for n in range(3)]
            for thread in [thread for thread in self.threads if not thread.stopped]:
                frame = Frame(list(quotes), event_time=event_time)
                self.inbox.offer(thread.number, frame, self.hand.wall, self.hand.uptime)
        self.loop.step(0.0)
        self.sent += 6

    def rotate(self) -> None:
        """A connection of 23 hours without its middle, then the rotation."""
        for _ in range(5):
            self.second()
        self.hand.advance(82_800.0)
        for _ in range(5):
            self.second()


def rotate(path: Path, count: int) -> tuple[Rotating, int]:
    """`count` rotations; what was done, and by how many bytes the second half grew."""
    world = Rotating(path)
    tracemalloc.start()
    try:
        for _ in range(count // 2):
            world.rotate()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(count - count // 2):
            world.rotate()
        return world, tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def no_second_is_missed(world: Rotating, path: Path, count: int) -> None:
    """Every row that was sent is stored, and every life ended by rotation."""
    assert world.feed.accepted == world.sent
    assert world.threads[-1].number == count + 1
    kinds = Counter(kind for (kind,) in rows(path, "SELECT kind FROM event"))
    assert set(kinds) <= {"start", "connect", "rotation", "retired"}


def test_20_rotations_accelerated(tmp_path: Path) -> None:
    world, _ = rotate(tmp_path / "funding.db", 20)
    no_second_is_missed(world, tmp_path / "funding.db", 20)


@pytest.mark.faults
def test_1000_rotations_accelerated(tmp_path: Path, record: Record) -> None:
    world, grown = rotate(tmp_path / "funding.db", 1_000)
    no_second_is_missed(world, tmp_path / "funding.db", 1_000)
    rotations = world.threads[-1].number - 1
    result = f"{rotations} rotations, 0 of {world.sent} rows missed, {grown >> 10} KiB"
    record("rotation, 1,000 times accelerated", "0 missed, memory flat", result)
    assert grown < 64 * 1024
