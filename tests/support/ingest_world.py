"""An ingest loop on a real file, with real threads, scripted connections and a manual clock."""

import io
import json
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from funding.exchanges.binance import stream as binance
from funding.exchanges.frame import Frame
from funding.ingest.connection_policy import ConnectionPolicy
from funding.ingest.inbox import Inbox
from funding.ingest.interpreter import Interpreter
from funding.ingest.lag import LagMeter
from funding.ingest.loop import IngestLoop
from funding.ingest.receiver import Receiver
from funding.model.feed import Feed
from funding.statistics.thresholds import Threshold
from funding.store.reader import Reader
from funding.store.writer import Writer
from harness.processes import until
from tests.support.clock import ManualClock
from tests.support.fake_exchange import ScriptedConnection

START = 1_764_725_610.0
START_MS = 1_764_725_610_000


def row(symbol: str = "BTCUSDT", price: str = "100.5", **changes: object) -> dict[str, object]:
    """One row of the mark price stream."""
    return {
        "e": "markPriceUpdate",
        "E": START_MS,
        "s": symbol,
        "p": price,
        "i": "100.25",
        "r": "0.00010000",
        "T": START_MS + 3_600_000,
        "st": 1,
    } | changes


def message(*rows: object) -> bytes:
    """One message of the stream."""
    data = {"stream": "!markPrice@arr@1s", "data": rows}
    return json.dumps(data, ensure_ascii=False).encode()


@dataclass
class IngestWorld:
    """An ingest loop whose clock and connections the test controls."""

    path: Path
    connections_wanted: int = 1
    rotate_after: float = 82_800.0
    decode: Callable[[bytes], Frame] = binance.decode
    receiver_class: type[Receiver] = Receiver
    thresholds: Sequence[Threshold] = ()
    time: ManualClock = field(default_factory=lambda: ManualClock(wall=START, uptime=1_000.0))
    opened: list[ScriptedConnection] = field(default_factory=list)
    receivers: list[Receiver] = field(default_factory=list)
    refusals: deque[Exception] = field(default_factory=deque)

    def __post_init__(self) -> None:
        clock = self.time.clock()
        now = clock.wall(), clock.uptime()
        self.feed = Feed("binance", "fstream.example", 17, clock.boot, *now)
        self.writer = Writer(self.path, self.feed)
        meter = LagMeter(self.feed.least_delay, self.feed.started_uptime)
        last = self.feed.last_event_time or 0
        self.inbox = Inbox(self.writer.symbols("binance"), meter, last)
        self.reader = Reader(self.path, "binance", clock)
        self.interpreter = Interpreter(
            "binance",
            self.writer,
            now=clock.uptime(),
            last_event_time=self.feed.last_event_time,
            thresholds=self.thresholds,
        )
        policy = ConnectionPolicy(
            connections=self.connections_wanted,
            stall_after=5.0,
            rotate_after=self.rotate_after,
            backoff_max=5.0,
            uniform=lambda low, _high: low,
            now=clock.uptime(),
        )
        self.loop = IngestLoop(
            self.feed,
            writer=self.writer,
            policy=policy,
            inbox=self.inbox,
            interpreter=self.interpreter,
            connect=self.start_receiver,
            clock=clock,
            keep_seconds=14 * 86_400.0,
        )

    def start_receiver(self, number: int) -> Receiver:
        connection = ScriptedConnection(self.refusals.popleft() if self.refusals else None)
        receiver = self.receiver_class(
            number,
            connection=connection,
            decode=self.decode,
            inbox=self.inbox,
            clock=self.time.clock(),
        )
        self.opened.append(connection)
        self.receivers.append(receiver)
        receiver.start()
        return receiver

    def step(self) -> bool:
        return self.loop.step(0.0)

    def step_until(self, done: Callable[[], object], what: str) -> None:
        def step() -> bool:
            self.loop.step(0.01)
            return bool(done())

        until(step, what)

    def connect(self) -> ScriptedConnection:
        """Step until the newest connection is known to be open."""
        self.step_until(lambda: self.feed.connections, "a connection")
        return self.opened[-1]

    def deliver(self, *steps: bytes, by: int = -1) -> None:
        """Have a connection receive these, one step after all of them."""
        connection = self.opened[by]
        connection.say(*steps)
        connection.wait_until_taken()
        self.step()

    def prices(self) -> dict[str, float]:
        return {quote.symbol: quote.mark_price for quote in self.reader.all()}

    def stored(self) -> Feed:
        feed = self.reader.feed()
        assert feed is not None
        return feed

    def events(self) -> list[tuple[str, str]]:
        with closing(apsw.Connection(str(self.path))) as other:
            rows: list[Any] = other.execute("SELECT kind, detail FROM event ORDER BY id").fetchall()
        return rows

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.events()]


def lines(log: io.StringIO, words: str) -> list[str]:
    return [line for line in log.getvalue().splitlines() if words in line]
