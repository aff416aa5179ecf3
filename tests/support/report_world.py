"""Days of comparisons as a fair watchdog writes them, for the report to judge.

The table is filled row by row, without the service: what the report says of a day must not rest
on the program it judges. `rejudge` is a third hand at the sums, in SQL: a sabotaged value is
stored with the outcome that an honest comparer would have given it.
"""

import math
import random
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.conftest import ROOT

HOUR = 3_600.0
DAY = 24.2 * HOUR
SETTLES = 8 * HOUR
ALL_EVERY = 600.0
NAMED = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT", "DOGEUSDT")
TRADFI = ("XAUUSDT", "XAGUSDT", "TSLAUSDT", "NVDAUSDT")
DATED = "BTCUSDT_261225"


def end_of(seed: int) -> float:
    """When a world ends: anywhere between two settlements; of each third seed so that all symbols
    are compared within seconds of each settlement, some readings before it and some after."""
    draw = random.Random(f"end of {seed}")
    settlement = 1_789_977_600.0
    if seed % 3:
        return round(settlement + draw.uniform(0.0, SETTLES), 3)
    return settlement + DAY % ALL_EVERY + ALL_EVERY * draw.randint(0, 40) + draw.uniform(-2.0, 0.0)


END = end_of(1)
Row = tuple[float, str, str, str, str, float | None, float | None, int | None, int | None, int]


def symbols(many: int) -> list[str]:
    """Majors, metals and shares, a dated contract, a name in Chinese, and others."""
    named = [*NAMED, *TRADFI, DATED, "币安人生USDT"]
    return named + [f"COIN{index}USDT" for index in range(many - len(named))]


REJUDGE = """
UPDATE comparison SET difference_pct = CASE
    WHEN ws_value IS NULL OR rest_value IS NULL THEN NULL
    WHEN field <> 'funding_rate' THEN (ws_value - rest_value) / abs(rest_value) * 100
    ELSE (ws_value - rest_value) / max(abs(rest_value), 0.0001) * 100 END;
UPDATE comparison SET outcome = CASE
    WHEN ws_value IS NULL AND rest_value IS NULL THEN 'match'
    WHEN ws_value IS NULL OR rest_value IS NULL THEN 'mismatch'
    WHEN abs(difference_pct) <= 0.1 THEN 'match'
    WHEN abs(difference_pct) <= 1 THEN 'mismatch'
    ELSE 'significant' END;
"""


def tamper(path: Path, script: str, *, honest: bool = True) -> None:
    """Run SQL on a world; `honest` stores the outcomes that its values deserve."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY;" + script)
        if honest:
            connection.executescript(REJUDGE)


class World:
    """One exchange for a day: prices walk, rates drift and jump at settlements."""

    def __init__(self, seed: int, many: int) -> None:
        self.random = random.Random(seed)
        self.symbols = symbols(many)
        draw = self.random
        self.price = {s: 10 ** draw.uniform(-2, 4.9) for s in self.symbols}
        self.basis = {s: draw.gauss(1.0, 5e-4) for s in self.symbols}
        # Standard deviation of the logarithm over one second: 0.002 to 0.015 %.
        self.restless = {s: draw.uniform(2e-5, 1.5e-4) for s in self.symbols}
        self.rate = {s: draw.gauss(5e-5, 8e-5) for s in self.symbols if s != DATED}
        # As in a recorded reply, where most symbols without a name stand at one of three.
        self.still = {
            s: draw.choice((5e-5, 5e-5, 5e-5, 1e-4, 1e-4, 0.0))
            for s in self.symbols
            if s.startswith("COIN") and draw.random() < 0.6
        }
        self.rate |= self.still
        self.before: dict[str, float] = {}
        self.after: dict[str, float] = {}
        self.seen = dict.fromkeys(self.symbols, 0.0)

    def _walk(self, symbol: str, at: float) -> tuple[float, float | None]:
        """REST's price and rate at `at`."""
        before, draw = self.seen[symbol], self.random
        elapsed = at - before if before else 600.0
        self.seen[symbol] = at
        noise = draw.gauss(0.0, self.restless[symbol] * math.sqrt(elapsed))
        self.price[symbol] *= math.exp(noise)
        rate = self.rate.get(symbol)
        if rate is not None:
            if symbol in self.still:
                return round(self.price[symbol], 8), rate
            if before and at // SETTLES != before // SETTLES:
                self.before[symbol] = rate
                rate = self.after.pop(symbol, None) or draw.gauss(5e-5, 8e-5)
            self.rate[symbol] = rate = rate + draw.gauss(0.0, 3e-8 * math.sqrt(elapsed))
        return round(self.price[symbol], 8), None if rate is None else round(rate, 8)

    def _across(self, symbol: str, time: int, skew: int) -> float | None:
        """The rate of a reading on the other side of a settlement than REST's; None: of this."""
        side = (time + skew) // (SETTLES * 1000) - time // (SETTLES * 1000)
        if side > 0:
            return self.after.setdefault(symbol, self.random.gauss(5e-5, 8e-5))
        return self.before.get(symbol) if side < 0 else None

    def _skew(self) -> int:
        """How much newer the stream's reading is, in ms: mostly one tick, seldom seconds."""
        kind = self.random.random()
        if kind < 0.75:
            return 0
        if kind < 0.95:
            return self.random.choice((-1000, 1000))
        return self.random.choice((-1, 1)) * 1000 * self.random.randint(2, 6)

    def compared(self, symbol: str, at: float, source: str) -> list[Row]:
        """The three rows of one symbol; `source` control plants a difference."""
        time = int(at - 0.3) * 1000
        price, rate = self._walk(symbol, time / 1000)
        skew, draw = self._skew(), self.random
        ours, our_rate = price, rate
        if skew:
            lag = math.sqrt(abs(skew) / 1000)
            ours = round(price * math.exp(draw.gauss(0.0, self.restless[symbol] * lag)), 8)
            if abs(skew) > 1000 and draw.random() < 0.002:
                ours = round(price * 1.013, 8)  # a burst, while the reading was old
            if rate is not None and symbol not in self.still:
                our_rate = self._across(symbol, time, skew) or rate
                our_rate = round(our_rate + draw.gauss(0.0, 3e-8 * lag), 8)
        index, our_index = (round(each * self.basis[symbol], 8) for each in (price, ours))
        if source == "control":
            price, rate, index = price * 1.02, (rate or 0.0) + 0.0005, index * 1.02
        late = int(abs(skew) > 1000)
        head, tail = (at, source, "binance", symbol), (skew, time, late)
        return [
            (*head, "mark_price", ours, price, *tail),
            (*head, "funding_rate", our_rate, rate, *tail),
            (*head, "index_price", our_index, index, *tail),
        ]

    def _due(self, kind: str, begin: float, end: float, every: float) -> list[tuple[float, str]]:
        """When there is a comparison of a kind: each a little late, as REST answers."""
        draw, times = self.random, int((end - begin) / every)
        late = draw.uniform(0.0, min(2.0, every / 2))
        times_at = [begin + late + turn * every + draw.random() * 0.4 for turn in range(times + 1)]
        return [(round(at, 3), kind) for at in times_at if at <= end]

    def rows(self, begin: float, end: float, every: float, all_every: float) -> list[Row]:
        """All comparisons between two times, in their order."""
        jobs = [
            *self._due("one", begin, end, every),
            *self._due("all", begin, end, all_every),
            *self._due("control", begin + HOUR / 2, end, HOUR),
        ]
        rows = []
        for at, kind in sorted(jobs):
            source = "control" if kind == "control" else "watchdog"
            for symbol in self.symbols if kind == "all" else ("BTCUSDT",):
                rows += self.compared(symbol, at, source)
        return rows


def build(
    path: Path, seed: int = 1, *, many: int = 30, seconds: float = DAY,
    all_every: float = ALL_EVERY, every: float = 60.0,
) -> None:  # fmt: skip
    """A fair world of `many` symbols that ends at `end_of(seed)`."""
    world, end = World(seed, many), end_of(seed)
    begin = end - seconds
    store(path, world.rows(begin, end, every, all_every), _quotes(world, end), begin, end)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT INTO event (at, source, kind, detail, program) VALUES (?, ?, ?, ?, ?)",
            _events(world, begin),
        )


def store(
    path: Path, rows: list[Row], quotes: list[tuple[object, ...]], begin: float, end: float
) -> None:
    """A new database with these comparisons and quotes, a feed, and the contracts of the quotes."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY;")
        connection.executescript((ROOT / "schema.sql").read_text("utf-8"))
        connection.executemany(
            "INSERT INTO comparison (compared_at, source, exchange, symbol, field, ws_value,"
            " rest_value, skew_ms, rest_time, explained, outcome)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'match')",
            rows,
        )
        connection.executescript(REJUDGE)
        connection.executemany(
            "INSERT INTO quote (exchange, symbol, mark_price, index_price, funding_rate,"
            " next_funding_time, funding_interval_hours, event_time, updated_at, received_uptime)"
            " VALUES ('binance', ?, ?, ?, ?, ?, ?, ?, ?, 1.0)",
            quotes,
        )
        connection.executemany(
            "INSERT INTO contract (exchange, symbol, status, contract_type, base_asset,"
            " quote_asset, multiplier, checked_at)"
            " VALUES ('binance', ?, 'TRADING', ?, '', 'USDT', 1, ?)",
            [(str(quote[0]), type_of(str(quote[0])), end - 60) for quote in quotes],
        )
        seconds = end - begin
        connection.execute(
            "INSERT INTO feed (exchange, address, pid, boot_id, started_at, started_uptime,"
            " heartbeat_at, heartbeat_uptime, connected, frames, accepted)"
            " VALUES ('binance', 'fstream.binance.com', 1, 'b', ?, 1, ?, 2, 1, ?, ?)",
            (begin, end, int(seconds) * 2, int(seconds) * len(quotes)),
        )
        connection.executemany(
            "INSERT INTO rest_usage VALUES (?, 'watchdog', 'premiumIndex', 1, 1, 'binance')",
            [(minute,) for minute in range(int(begin // 60), int(end // 60))],
        )
        connection.commit()


def type_of(symbol: str) -> str:
    """The type of a contract, as the exchange calls it."""
    if symbol[-6:].isdigit():
        return "CURRENT_QUARTER"
    shares = symbol in TRADFI or symbol.startswith("METAL")
    return "TRADIFI_PERPETUAL" if shares else "PERPETUAL"


def _quotes(world: World, end: float) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for place, symbol in enumerate(world.symbols):
        hours = None if symbol == DATED else (8, 4, 1, 2)[place % 4]
        interval = int((hours or 8) * HOUR * 1000)
        now = int(end * 1000)
        settlement = None if symbol == DATED else (now // interval + 1) * interval
        price = world.price[symbol]
        rows.append(
            (
                symbol, price, price * world.basis[symbol], world.rate.get(symbol), settlement,
                hours, now - 1000, end - 0.5,
            )
        )  # fmt: skip
    return rows


def _events(world: World, begin: float) -> list[tuple[float, str, str, str, str | None]]:
    draw, ingest = world.random, "funding:ingest"
    events: list[tuple[float, str, str, str, str | None]] = [
        (begin - 5_001.0, ingest, "start", "pid 7", ingest),
        (begin - 5_000.0, "ingest", "start", "pid 7", None),
        (begin - 4_999.0, "ingest", "connect", "connection 1", None),
    ]
    rotated = begin + draw.uniform(0.2, 0.9) * DAY
    events += [(rotated, "ingest", "connect", "connection 2", None)]
    events += [(rotated + 2, "ingest", "rotation", "connection 1: by its successor", None)]
    if draw.random() < 0.5:
        again = begin + draw.uniform(0.1, 0.9) * DAY
        back = again + draw.uniform(1, 9)
        events += [(again, "ingest", "stop", "after 9 frames", None)]
        events += [(again + 0.1, ingest, "stop", "by an operator", ingest)]
        events += [(back, ingest, "start", "pid 8", ingest)]
        events += [(back + 0.5, "ingest", "start", "pid 8", None)]
    if draw.random() < 0.5:
        lost = begin + draw.uniform(0.1, 0.9) * DAY
        events += [(lost, "ingest", "disconnect", "connection 2: the exchange closed it", None)]
        events += [(lost + 3, "ingest", "connect", "connection 3", None)]
    return sorted(events, key=lambda event: event[0])
