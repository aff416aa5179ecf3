"""A clock that a test moves, and a store as ingest leaves it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from funding.model.feed import Feed
from funding.model.quote import Quote
from funding.runtime.clock import Clock
from funding.store.writer import Writer


@dataclass
class ManualClock:
    """A clock that stands still until it is moved."""

    wall: float = 1_764_725_610.0
    uptime: float = 5_000.0
    boot: str = "this boot"

    def clock(self) -> Clock:
        """As the programs take it."""
        return Clock(wall=lambda: self.wall, uptime=lambda: self.uptime, boot=self.boot)

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self.wall += seconds
        self.uptime += seconds


def feed_at(clock: Clock, pid: int = 17) -> Feed:
    """The feed row of an ingest that began just now and is connected."""
    wall, uptime = clock.wall(), clock.uptime()
    feed = Feed("binance", "127.0.0.1", pid, clock.boot, wall - 100, uptime - 100, wall, uptime)
    feed.connected = feed.connections = 1
    feed.good_since = wall - 60
    return feed


def write(path: Path, clock: Clock, quotes: Iterable[Quote] = (), feed: Feed | None = None) -> None:
    """What ingest would store at this moment: `feed` and `quotes`."""
    now = clock.wall(), clock.uptime()
    feed = feed or feed_at(clock)
    feed.heartbeat_at, feed.heartbeat_uptime = now
    writer = Writer(path, feed)
    writer.write(feed, [(quote, *now) for quote in quotes])
    writer.close()


def rows(path: Path, statement: str, *bindings: Any) -> list[Any]:
    """What the file answers, without our code between."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        connection.set_busy_timeout(5_000)
        return connection.execute(statement, bindings).fetchall()
    finally:
        connection.close()
