"""Days of every feed, on a clock that the test moves: the policy as ingest makes it, the inbox, and
each exchange's own decoder. 24 h of a connection's life, and a channel that is silent while its
pings are answered."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from funding.exchanges.exchange import Options
from funding.exchanges.table import EXCHANGES
from funding.ingest import assembly
from funding.ingest.connection_events import (
    Connect,
    ConnectionEvent,
    ConnectionEventKind,
    Disconnect,
    EndingKind,
)
from funding.ingest.inbox import Inbox
from funding.model.feed import Feed
from funding.settings import service
from harness.fuzz.venues import FRAMES
from tests.support.clock import ManualClock
from tests.support.conversations import encoded

DAY = 86_400.0
STEP, LONG_STEP = 5.0, 120.0
"""Quotes come before each look, so that a longer step is no stall."""
OPTIONS = Options("wss://unused", "https://unused")


@dataclass(frozen=True)
class Kind:
    """One feed: how many shares it may have, its quotes at an instant (ms), and what it sends all
    the same while it is silent."""

    exchange: str
    shares: int
    quotes: Callable[[int], list[object]]
    pongs: Sequence[object]


def push(at: int) -> list[object]:
    mark, fees = FRAMES["kucoin"][:2]
    return [{**mark, "d": {**mark["d"], "ts": at}}, {**fees, "P": at * 1_000_000}]  # type: ignore[dict-item, index]


def classic(at: int) -> list[object]:
    price, rate = FRAMES["kucoin"][3:5]
    return [{**each, "data": {**each["data"], "timestamp": at}} for each in (price, rate)]  # type: ignore[dict-item, index]


def context(_at: int) -> list[object]:
    return FRAMES["hyperliquid"][:1]


def mark_price(at: int) -> list[object]:
    (row, *_) = FRAMES["backpack"]
    return [{**row, "data": {**row["data"], "E": at * 1_000, "n": at + 5}}]  # type: ignore[dict-item, index]


PONG = {"type": "pong", "id": "p1"}
KINDS = {
    "KuCoin push": Kind("kucoin", 2, push, [PONG]),
    "KuCoin classic": Kind("kucoin", 3, classic, [PONG]),
    "Hyperliquid": Kind("hyperliquid", 8, context, [{"channel": "pong"}]),
    "Backpack": Kind("backpack", 1, mark_price, []),
}


class Days:
    """A feed over days; each connection opens at once, and gets what `run` says."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.exchange = EXCHANGES[kind.exchange]
        self.hand = ManualClock(wall=1_790_000_000.0, uptime=0.0)
        clock = self.hand.clock()
        feed = Feed(kind.exchange, "x", 1, clock.boot, clock.wall(), clock.uptime())
        settings, _ = service.read({})
        self.policy = assembly.policies(
            settings, self.exchange, feed, lambda: 0.0, random.Random(5).uniform
        )
        self.policy.resize(kind.shares, 0.0)
        self.inbox = Inbox()
        self.streams = self.exchange.stream(OPTIONS)
        self.began: dict[int, float] = {}
        self.shares: dict[int, int] = {}
        self.endings: Counter[EndingKind] = Counter()
        self.oldest = self.longest_without = 0.0
        self.most = 0
        self._fresh = [0.0] * kind.shares

    def run(self, seconds: float, *, quotes: bool, step: float = STEP) -> None:
        end = self.hand.uptime + seconds
        while self.hand.uptime < end:
            self.hand.advance(step)
            self._receive(quotes)
            self._decide()

    def _receive(self, quotes: bool) -> None:
        now, wall = self.hand.uptime, self.hand.wall
        at = int(wall * 1_000)
        payloads = [*self.kind.pongs, *(self.kind.quotes(at) if quotes else [])]
        for number, share in self.shares.items():
            for payload in payloads:
                frame = self.streams.decode(encoded(payload), at)
                if frame.symbol_class is not None:
                    frame.symbol_class += share * 16
                self.inbox.offer(number, frame, wall, now)
            if quotes:
                gap = now - self._fresh[share]
                self.longest_without, self._fresh[share] = max(self.longest_without, gap), now

    def _decide(self) -> None:
        now = self.hand.uptime
        batch = self.inbox.take(0.0)
        for (connection, symbol_class), (at, frames) in batch.progress.items():
            newer = (connection, symbol_class) in batch.newer
            self.policy.accepted(connection, symbol_class, at, frames, newer=newer)
        for order in self.policy.step(now):
            if isinstance(order, Connect):
                self.began[order.connection] = now
                self.shares[order.connection] = self.policy.take_share(order.connection)
                opened = ConnectionEventKind.OPENED
                self.policy.handle(ConnectionEvent(order.connection, opened, now))
            elif isinstance(order, Disconnect):
                self.endings[order.kind] += 1
                self.oldest = max(self.oldest, now - self.began.pop(order.connection))
                del self.shares[order.connection]
                self.inbox.forget(order.connection)
        self.most = max(self.most, len(self.shares))


@pytest.mark.parametrize("name", KINDS)
def test_three_days_are_rotations_before_the_exchange_ends_a_connection(name: str) -> None:
    days = Days(KINDS[name])
    days.run(3 * DAY, quotes=True, step=LONG_STEP)
    assert set(days.endings) == {EndingKind.ROTATED}
    assert 3 * days.kind.shares <= days.endings[EndingKind.ROTATED] <= 4 * days.kind.shares
    assert days.oldest < DAY
    assert days.longest_without <= 2 * LONG_STEP
    assert days.most <= (days.exchange.connections_at_most or 2 * days.kind.shares)


@pytest.mark.parametrize("name", KINDS)
def test_48_hours_of_a_silent_channel_with_pongs(name: str) -> None:
    days = Days(KINDS[name])
    days.run(60.0, quotes=True)
    assert days.policy.is_good()
    days.run(2 * DAY, quotes=False)
    assert set(days.endings) == {EndingKind.STALL, EndingKind.SILENT}
    assert days.endings[EndingKind.STALL] == days.kind.shares
    assert not days.policy.is_good()
    assert days.oldest <= 60.0 + days.exchange.stall_seconds + 2 * STEP
    # One attempt each 5 s, of all shares together.
    assert 2 * DAY / 60 < sum(days.endings.values()) <= 2 * DAY / 5 + 30
    days.run(60.0, quotes=True)
    assert days.policy.all_classes_flow(days.hand.uptime), "it recovers with the first quotes"
