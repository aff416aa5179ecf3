"""`python -m harness.durability.writers ROLE DATABASE FIRST`: acknowledges what it commits.

It prints a line before it opens the store, then the number of each commit that has returned. The
first commit has the number FIRST. With `ack-first` a commit is acknowledged before it is made, and
the judge must notice that.
"""

import itertools
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from funding import errors
from funding.comparison.difference import Field, Outcome
from funding.comparison.pair import Comparison
from funding.model.alert import Alert
from funding.model.event import Event, EventKind
from funding.model.feed import Feed
from funding.model.quote import Quote
from funding.runtime.clock import SYSTEM
from funding.store.comparisons import Comparisons
from funding.store.durable import DurableConnection
from funding.store.events import Events
from funding.store.outbox import OutboxStore
from funding.store.writer import Writer

SYMBOLS = [f"COIN{number}USDT" for number in range(60)]
COMPARED, ALERTS, TARGETS = 20, 3, ("backend", "telegram")
EVENT_EVERY = 3
FIRST_MS = 1_790_000_000_000
AT = 1_790_000_000.0

Commit = Callable[[int], object]


def ingest(path: Path) -> Commit:
    """A frame of all symbols; every few frames an event, and now and then a checkpoint."""
    feed = Feed("binance", "test.invalid", os.getpid(), SYSTEM.boot, AT, SYSTEM.uptime())
    writer = Writer(path, feed)

    def commit(number: int) -> None:
        at, uptime = SYSTEM.wall(), SYSTEM.uptime()
        feed.frames, feed.last_event_time = number, FIRST_MS + number
        quotes = [
            (Quote(symbol, float(number), 1.0, 1e-4, None, FIRST_MS + number), at, uptime)
            for symbol in SYMBOLS
        ]
        events = (
            [Event(at, "ingest", EventKind.NOTICE, str(number))]
            if number % EVENT_EVERY == 0
            else []
        )
        writer.write(feed, quotes, events, FIRST_MS + number + 1_000)
        if number % 7 == 0:
            writer.checkpoint()

    return commit


def watchdog(path: Path) -> Commit:
    """The comparisons of a round, with an event."""
    store = DurableConnection(path)
    comparisons, events = Comparisons(store), Events(store)

    def commit(number: int) -> None:
        rows = [
            Comparison(
                *(AT, "watchdog", "binance", symbol, Field.MARK_PRICE),
                ws_value=number,
                rest_value=1.0,
                difference_pct=0.0,
                skew_ms=number,
                outcome=Outcome.MATCH,
                rest_time=None,
                explained=None,
            )
            for symbol in SYMBOLS[:COMPARED]
        ]
        with store.transaction():
            comparisons.add(rows)
            events.add([Event(AT, "watchdog", EventKind.NOTICE, str(number))])

    return commit


def consumer(path: Path) -> Commit:
    """Alerts with their posts, and the end of the scan."""
    store, named = OutboxStore(DurableConnection(path)), ("volume_alert", "BTCUSDT", "SPIKE")

    def commit(number: int) -> None:
        made = [
            Alert(f"{number}/{each}", *named, AT, str(number), "/", {"text": str(number)})
            for each in range(ALERTS)
        ]
        store.complete("volume_alert", number, AT, made, TARGETS)

    return commit


ROLES: dict[str, Callable[[Path], Commit]] = {
    "ingest": ingest,
    "watchdog": watchdog,
    "consumer": consumer,
}


def acknowledge(text: object) -> None:
    """Print a line at once, whole or not at all."""
    os.write(1, f"{text}\n".encode())


def opened(role: str, path: Path) -> Commit:
    """The writer, once no other holds the lock."""
    while True:
        with suppress(errors.StoreLocked):
            return ROLES[role](path)


def main(role: str, database: str, first: str, *, ack_first: bool = False) -> None:
    """Commit until killed. Without a database all but ingest wait for one; where the disk is busy,
    one may hold the lock for longer than another waits, which commits nothing."""
    acknowledge("ready")
    commit = opened(role, Path(database))
    for number in itertools.count(int(first)):
        if ack_first:
            acknowledge(number)
        while True:
            try:
                commit(number)
                break
            except (errors.StoreMissing, errors.StoreLocked):
                continue
        if not ack_first:
            acknowledge(number)


if __name__ == "__main__":
    main(*sys.argv[1:4], ack_first="ack-first" in sys.argv[4:])
