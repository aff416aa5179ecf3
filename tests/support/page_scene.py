"""What a browser looks at: the API as a process over a store that a thread goes on writing."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

import apsw

from funding import errors
from funding.model.bar import Bar
from funding.model.feed import Feed
from funding.model.quote import Quote
from funding.model.signal import Zone
from funding.runtime.clock import SYSTEM
from funding.statistics.score import Score
from funding.store.signal_table import Findings
from funding.store.writer import Writer
from harness.processes import free_port, until
from tests.support.api_process import serving

HOUR = 3600
FILLER = {"binance": 1_200, "backpack": 60}
"""How many symbols there are beside the named ones: as many as one sees, and enough for health."""
STEP_SECONDS = 0.3

NAMED: dict[str, dict[str, tuple[float, float | None, int | None]]] = {
    "binance": {
        "BTCUSDT": (91_897.5, 0.0001, 8),
        "ETHUSDT": (2_999.25, -0.0000000123, 8),  # a small rate
        "TINYUSDT": (0.00004466, 0.002, 1),
        "NORATEUSDT": (12.5, None, None),
        "DATEDUSDT_261225": (92_500.0, None, None),
    },
    "backpack": {"XBT_USDC_PERP": (91_910.0, 0.0004, 8)},
}
"""Mark price, rate and interval by symbol."""
CONTRACT = """
INSERT INTO contract (exchange, symbol, status, contract_type, base_asset, quote_asset, multiplier,
    funding_interval_hours, interval_source, checked_at) VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?, 0)
"""
SETTLED = """
INSERT INTO funding_rate (exchange, symbol, funding_time, rate_type, rate, mark_price,
    interval_hours, source) VALUES ('binance', 'BTCUSDT', ?, 'Regular', ?, 91000, 8, 'rest')
"""
COMPARED = """
INSERT INTO comparison (compared_at, source, exchange, symbol, field, ws_value, rest_value,
    difference_pct, skew_ms, outcome) VALUES
    (?, 'watchdog', 'binance', 'BTCUSDT', 'mark_price', 91000, 91000, 0, 12, 'match')
"""
SIGNAL = """
INSERT INTO signal (at, exchange, symbol, kind, zone, direction, rate, z_score, detail)
VALUES (?, 'binance', ?, 'zone', 'extreme', 'up', 0.0009, 3.4, 'far above its past')
"""
EVENT = "INSERT INTO event (at, source, kind, detail) VALUES (?, ?, ?, ?)"


@dataclass
class Scene:
    """Two exchanges. `marks` are written with the next frame; a feed in `silent` sends nothing."""

    path: Path
    port: int = 0
    marks: dict[str, float] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    _over: threading.Event = field(default_factory=threading.Event)
    _begun: threading.Event = field(default_factory=threading.Event)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def execute(self, statement: str, *rows: tuple[object, ...]) -> None:
        """What another program writes."""
        with closing(apsw.Connection(str(self.path))) as connection:
            connection.set_busy_timeout(30_000)
            with connection:
                connection.executemany(statement, rows)

    def signal(self, symbol: str) -> None:
        self.execute(SIGNAL, (time.time(), symbol))

    def event(self, source: str, kind: str, detail: str) -> None:
        self.execute(EVENT, (time.time(), source, kind, detail))

    def write(self) -> None:
        """Write a frame of each exchange again and again, in a thread of its own."""
        feeds = {name: _feed(name) for name in NAMED}
        writers = {name: Writer(self.path, feed) for name, feed in feeds.items()}
        try:
            while not self._over.wait(STEP_SECONDS if self._begun.is_set() else 0):
                for name, feed in feeds.items():
                    self._write_one(writers[name], feed)
                self._begun.set()
        finally:
            for writer in writers.values():
                writer.close()

    def _write_one(self, writer: Writer, feed: Feed) -> None:
        wall, uptime = SYSTEM.wall(), SYSTEM.uptime()
        feed.heartbeat_at, feed.heartbeat_uptime = wall, uptime
        feed.good_since = feed.good_since or wall - 60
        quotes = [] if feed.exchange in self.silent else self._quotes(feed.exchange, wall)
        feed.frames += bool(quotes)
        scores = [_score(quote) for quote in quotes]
        held = [(quote, wall, uptime) for quote in quotes]
        with suppress(errors.StoreLocked):  # another program writes: the next frame follows
            writer.write(feed, held, findings=Findings(scores, (), {}))

    def _quotes(self, exchange: str, wall: float) -> list[Quote]:
        at, settles = int(wall * 1000), int(wall // HOUR + 1) * HOUR * 1000
        found = []
        for symbol, (mark, rate, _) in NAMED[exchange].items():
            price = self.marks.get(symbol, mark)
            found.append(Quote(symbol, price, mark, rate, None if rate is None else settles, at))
        return found + [
            Quote(f"F{number:04}USDT", 10.0 + number, 10.0, number * 1e-8, settles, at)
            for number in range(FILLER[exchange])
        ]

    def describe(self) -> None:
        """Contracts, settled rates, bars, comparisons: what other programs know."""
        until(self._begun.is_set, "the first frame is written")
        rows: list[tuple[object, ...]] = []
        for exchange, symbols in NAMED.items():
            for symbol, (_, _rate, hours) in symbols.items():
                asset = "BTC" if symbol[:3] in ("BTC", "XBT") else symbol[:3]
                kind = "CURRENT_QUARTER" if symbol.startswith("DATED") else "PERPETUAL"
                who = "exchange" if hours else None
                rows.append((exchange, symbol, "TRADING", kind, asset, "USDT", hours, who))
            for number in range(FILLER[exchange]):
                name = f"F{number:04}"
                row = (exchange, f"{name}USDT", "TRADING", "PERPETUAL", name, "USDC", 4, "exchange")
                rows.append(row)
        self.execute(CONTRACT, *rows)
        now = int(time.time())
        settled = [((now // HOUR - 8 * n) * HOUR * 1000, 0.0001) for n in range(90)]
        self.execute(SETTLED, *settled)
        self.execute(
            "INSERT INTO backfill VALUES ('binance', 'BTCUSDT', ?, ?, ?)",
            ((now - 31 * 86_400) * 1000, now * 1000, now),
        )
        self.execute(COMPARED, *((now - 60 * n,) for n in range(5)))
        names = ", ".join(Bar._fields)
        marks = ", ".join("?" * len(Bar._fields))
        bars = [
            Bar("binance", "BTCUSDT", 60, (now // 60 - n) * 60, 1, 3 + n, 1, 2, 2, 0.0001, 60)
            for n in range(1, 30)
        ]
        self.execute(f"INSERT INTO bar ({names}) VALUES ({marks})", *bars)

    def end(self) -> None:
        self._over.set()


def _feed(exchange: str) -> Feed:
    wall, uptime = SYSTEM.wall(), SYSTEM.uptime()
    feed = Feed(exchange, "test.invalid", 1, SYSTEM.boot, wall, uptime, wall, uptime)
    feed.connected, feed.connections, feed.last_connected_at = 1, 1, wall
    return feed


def _score(quote: Quote) -> Score:
    if quote.funding_rate is None:
        return Score(None, "no funding rate", None, None)
    if quote.symbol == "TINYUSDT":
        return Score(3.4, None, 99.0, Zone.EXTREME)
    return Score(0.5, None, 60.0, Zone.NORMAL)


@contextmanager
def written(path: Path) -> Iterator[Scene]:
    """A scene whose store is written while the block runs."""
    scene = Scene(path)
    thread = threading.Thread(target=scene.write, name="frames")
    thread.start()
    try:
        scene.describe()
        yield scene
    finally:
        scene.end()
        thread.join(60)


@contextmanager
def served(scene: Scene) -> Iterator[Popen[bytes]]:
    """The API over the scene's store, always at the same port."""
    scene.port = scene.port or free_port()
    with serving(scene.path, port=scene.port, FUNDING_EXCHANGES="binance,backpack") as (process, _):
        yield process
