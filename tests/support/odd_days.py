"""Made-up days, fair and sabotaged, for the report; apart from `report_world`, with other habits.

Prices have fat tails (Student t with three degrees of freedom, a part of it the whole market's),
half of all rates are pinned at their base, the others step at whole minutes, a fifth of the
contracts are metals and shares whose event times are 939 ms after the second, and readings are of
one tick or of neighbours.
"""

import math
import random
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.report_world import HOUR, Row, store, tamper
from validation.exchanges import BINANCE

MAJORS = BINANCE.majors

END = 1_789_993_420.0
SPAN = 24.5 * HOUR
MINUTE = 60
CLOSED = "METAL"
DATED = ("BTCUSDT_261225", "ETHUSDT_261225")
WATCHED = "BTCUSDT"


@dataclass
class Market:
    """All symbols at one instant, and how each of them moves."""

    draw: random.Random
    symbols: list[str]
    closed: bool = False  # metals and shares do not trade
    price: dict[str, float] = field(default_factory=dict)
    scale: dict[str, float] = field(default_factory=dict)  # of a second, as a fraction
    basis: dict[str, float] = field(default_factory=dict)
    hours: dict[str, int] = field(default_factory=dict)
    rate: dict[str, float] = field(default_factory=dict)
    pinned: set[str] = field(default_factory=set)
    seen: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        draw = self.draw
        for symbol in self.symbols:
            self.price[symbol] = 10 ** draw.uniform(-3, 4.8)
            # A daily move of 1 % for the largest, up to 15 % for the smallest.
            calm = symbol in MAJORS or symbol.startswith(CLOSED)
            self.scale[symbol] = draw.uniform(2e-5, 5e-5) if calm else draw.uniform(4e-5, 3e-4)
            self.basis[symbol] = 1 + 3e-4 * _student(draw)
            self.hours[symbol] = draw.choices((8, 4, 1), (40, 55, 5))[0]
            if symbol not in DATED:
                self.rate[symbol] = base = round(0.0001 * self.hours[symbol] / 8, 8)
                if draw.random() < 0.5:
                    self.pinned.add(symbol)
                else:
                    self.rate[symbol] = round(base + 1e-4 * _student(draw), 8)

    def move(self, symbol: str, at: float, market: float) -> None:
        """`market` is the move of all since the last round, in units of a symbol's own scale."""
        before = self.seen.get(symbol)
        self.seen[symbol] = at
        if before is None:
            return
        if not (self.closed and symbol.startswith(CLOSED)):
            walk = self.scale[symbol] * math.sqrt(max(0.0, at - before))
            self.price[symbol] *= math.exp(walk * (0.8 * _student(self.draw) + market))
        if symbol in self.rate and symbol not in self.pinned:
            self.rate[symbol] = self._stepped(symbol, before, at)

    def _stepped(self, symbol: str, before: float, at: float) -> float:
        """The rate at `at`: it steps at whole minutes, and starts again at a settlement."""
        settles = self.hours[symbol] * HOUR
        if before // settles != at // settles:
            return round(0.0001 * self.hours[symbol] / 8 + 1e-4 * _student(self.draw), 8)
        steps = at // MINUTE - before // MINUTE
        return round(self.rate[symbol] + 3e-6 * math.sqrt(max(0.0, steps)) * _student(self.draw), 8)

    def reading(self, symbol: str, time: int, skew: int) -> tuple[float, float | None]:
        """Price and rate of the reading that is `skew` ms from the one at `time`, epoch ms."""
        price, rate = self.price[symbol], self.rate.get(symbol)
        if not skew:
            return price, rate
        if not (self.closed and symbol.startswith(CLOSED)):
            walk = self.scale[symbol] * math.sqrt(abs(skew) / 1000)
            price *= math.exp(walk * _student(self.draw))
        if rate is not None and symbol not in self.pinned:
            first, last = sorted((time, time + skew))
            if first // 60_000 != last // 60_000:
                rate = self._stepped(symbol, first / 1000, last / 1000)
        return price, rate


def _student(draw: random.Random) -> float:
    """Of Student's t with three degrees of freedom, whose variance is 3: scaled to 1."""
    spread = draw.gauss(0, 1) ** 2 + draw.gauss(0, 1) ** 2 + draw.gauss(0, 1) ** 2
    return draw.gauss(0, 1) / math.sqrt(spread)


def _rows(market: Market, symbol: str, at: float, source: str) -> list[Row]:
    draw = market.draw
    second = int(at - 0.4) * 1000
    time = second - 61 if symbol.startswith(CLOSED) else second
    skew = draw.choices((0, 1, -1, 3, -2), (70, 14, 13, 1, 2))[0] * 1000
    price, rate = round(market.price[symbol], 8), market.rate.get(symbol)
    ours, our_rate = market.reading(symbol, time, skew)
    ours, basis = (round(ours, 8) if skew else price), market.basis[symbol]
    index, our_index = round(price * basis, 8), round(ours * basis, 8)
    if source == "control":
        price, index, rate = price * 1.02, index * 1.02, (rate or 0.0) + 5e-4
    head, tail = (at, source, "binance", symbol), (skew, time, int(skew != 0))
    return [
        (*head, "mark_price", ours, price, *tail),
        (*head, "funding_rate", our_rate, rate, *tail),
        (*head, "index_price", our_index, index, *tail),
    ]


def names(many: int) -> list[str]:
    """Majors, dated contracts, a fifth of metals and shares, a name in Chinese, and coins."""
    metals = [f"{CLOSED}{n}USDT" for n in range(many // 5)]
    found = [*sorted(MAJORS), *DATED, *metals, "币安人生USDT"]
    return found + [f"ODD{n}USDT" for n in range(many - len(found))]


def build(
    path: Path, seed: int, *, many: int = 520, every: float = 600.0, closed: bool = False
) -> None:
    """A fair day that ends at END."""
    draw = random.Random(seed)
    market = Market(draw, names(many), closed)
    begin, rows = END - SPAN, []
    jobs = [(begin + 2 + n * 60 + draw.random(), 0) for n in range(int(SPAN / 60))]
    jobs += [(begin + 5 + n * every + draw.random(), 1) for n in range(int(SPAN / every))]
    jobs += [(begin + 1_800 + n * HOUR, 2) for n in range(24)]
    for at, kind in sorted(jobs):
        at, together = round(at, 3), 0.6 * _student(draw)
        for symbol in market.symbols if kind == 1 else [WATCHED]:
            market.move(symbol, at, together)
            rows += _rows(market, symbol, at, "control" if kind == 2 else "watchdog")
    quotes: list[tuple[object, ...]] = []
    for symbol in market.symbols:
        market.move(symbol, END - 1, 0.6 * _student(draw))
        price, hours = round(market.price[symbol], 8), market.hours[symbol]
        settles: tuple[int | None, int | None] = (
            int((END // (hours * HOUR) + 1) * hours * HOUR * 1000), hours,
        )  # fmt: skip
        if symbol in DATED:
            settles = (None, None)
        index, event = round(price * market.basis[symbol], 8), int(END * 1000) - 1_000
        quotes.append((symbol, price, index, market.rate.get(symbol), *settles, event, END - 0.6))
    store(path, rows, quotes, begin, END)
    tamper(path, "INSERT INTO event (at, source, kind, detail) VALUES"
                 f" ({begin - 60}, 'ingest', 'start', 'pid 7');")  # fmt: skip
