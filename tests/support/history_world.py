"""An exchange whose past a test writes, a real store, and the parts of history.py between them."""

from collections.abc import Iterable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from funding import errors
from funding.exchanges.binance.exchange import BINANCE
from funding.exchanges.exchange import Conversation, Exchange, Options, RestLimits
from funding.history.backfill import Backfill, Job
from funding.history.fetcher import Fetcher
from funding.history.gap_search import GapSearch
from funding.history.statistics import Statistics
from funding.history.worker import World as Parts
from funding.model.bar import MINUTE, Bar
from funding.model.contract import Contract
from funding.model.quote import Quote, is_symbol
from funding.model.settlement import Settlement
from funding.rest.exchange_client import ExchangeClient
from funding.store.contracts import Contracts
from funding.store.durable import DurableConnection
from funding.store.reader import Reader
from funding.store.rest_usage import RestUsage
from funding.store.settlements import Settlements
from tests.support.clock import ManualClock, rows, write
from tests.support.store import contract

HOUR_MS = 3_600_000
NOW_HOUR = 490_000
NOW = NOW_HOUR * 3_600.0 + 60


def hour(number: float, jitter: int = 3) -> int:
    """So many hours after the present one, in epoch ms."""
    return round((NOW_HOUR + number) * HOUR_MS) + jitter


@dataclass
class Far:
    """The exchange. `calls` are the questions that were asked; the next ones fail with `problems`,
    and what settles later than `published` (epoch ms) is not answered yet."""

    past: dict[str, list[Settlement]] = field(default_factory=dict)
    listed: list[Contract] = field(default_factory=list)
    problems: list[errors.RestError | None] = field(default_factory=list)
    published: float = float("inf")
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    def settle(self, symbol: str, *times: int, rate: float | None = None) -> None:
        """`symbol` settles at these times; where no `rate` is given, at rates that differ."""
        self.past.setdefault(symbol, []).extend(
            Settlement(symbol, at, 1e-5 * (at // HOUR_MS % 7) if rate is None else rate)
            for at in times
        )

    def answer(self, since_ms: int, until_ms: int, names: Iterable[str]) -> list[Settlement]:
        if self.problems:
            problem = self.problems.pop(0)
            if problem is not None:
                raise problem
        until = min(until_ms, self.published)
        found = [row for name in names for row in self.past.get(name, ())]
        return sorted(
            (row for row in found if since_ms <= row.funding_time <= until),
            key=lambda row: row.funding_time,
        )


class FarRest:
    """REST of an exchange that answers about one contract alone."""

    def __init__(self, far: Far) -> None:
        self.far = far

    def contracts(self, _now: float) -> Conversation[list[Contract]]:
        yield from ()
        self.far.calls.append(("contracts",))
        self.far.answer(0, 0, ())
        return list(self.far.listed)

    def history(self, symbol: str, since_ms: int, until_ms: int) -> Conversation[list[Settlement]]:
        yield from ()
        self.far.calls.append((symbol, since_ms, until_ms))
        return self.far.answer(since_ms, until_ms, [symbol])

    def snapshot(self) -> Conversation[list[Quote]]:
        yield from ()
        return []

    def one(self, symbol: str) -> Conversation[Quote]:
        raise NotImplementedError(symbol)


class FarRestOfAll(FarRest):
    """One that answers about all contracts at once, too."""

    def mark_bars(self, symbol: str, since: int, until: int) -> Conversation[list[Bar]]:
        yield from ()
        self.far.calls.append((f"bars {symbol}", since, until))
        self.far.answer(0, 0, ())
        return [
            Bar("binance", symbol, MINUTE, at, 2.0, 4.0, 1.0, 3.0, None, None, 0)
            for at in range(since, until + 1, MINUTE)
        ]

    def history_of_all(self, since_ms: int, until_ms: int) -> Conversation[list[Settlement]]:
        yield from ()
        self.far.calls.append(("*", since_ms, until_ms))
        return self.far.answer(since_ms, until_ms, list(self.far.past))


def exchange_of(rest: FarRest) -> Exchange:
    return Exchange(
        name="binance",
        title="the far end",
        min_symbols=1,
        control_symbol="BTCUSDT",
        stream=BINANCE.stream,
        rest=lambda _options: rest,
        limits=RestLimits(2_400, 1_200),
        is_symbol=is_symbol,
    )


@dataclass
class HistoryWorld:
    """Everything around the moving parts, over the database at `path`."""

    path: Path
    at_once: bool = True
    days: float = 30.0
    hand: ManualClock = field(default_factory=lambda: ManualClock(wall=NOW))
    far: Far = field(default_factory=Far)
    missed: list[str] = field(default_factory=list)

    def __enter__(self) -> "HistoryWorld":
        write(self.path, self.hand.clock())
        self._stack = ExitStack()
        clock = self.hand.clock()
        self.store = self._stack.enter_context(closing(DurableConnection(self.path)))
        self.reader = self._stack.enter_context(closing(Reader(self.path, "binance", clock)))
        self.table = Settlements(self.store, "binance")
        rest = FarRestOfAll(self.far) if self.at_once else FarRest(self.far)
        self.client = ExchangeClient(
            exchange_of(rest),
            Options("ws://none", "http://none"),
            "history",
            usage=RestUsage(self.store),
            clock=clock,
        )
        self.fetcher = Fetcher(self.client, self.table, clock)
        self.statistics = Statistics(
            self.store,
            "binance",
            days=self.days,
            contracts=lambda: Contracts(self.store).of("binance"),
            clock=clock,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def parts(self) -> Parts:
        return Parts(self.reader, self.store, self.client, self.client)

    def backfill(self) -> Backfill:
        return Backfill(
            self.fetcher,
            self.table,
            days=self.days,
            settled=self.statistics.update,
            clock=self.hand.clock(),
        )

    def search(self) -> GapSearch:
        clock = self.hand.clock()
        return GapSearch(self.store, self.table, self.fetcher, self.statistics, clock)

    def set_contracts(self, *contracts: Contract) -> None:
        """The exchange lists these, and the store knows it."""
        self.far.listed = list(contracts)
        Contracts(self.store).replace("binance", contracts)

    def quote(self, next_hour: float, *symbols: str, rate: float = 0.0001) -> None:
        """Ingest writes quotes whose next settlement is so many hours ahead of `NOW_HOUR`."""
        at = int(self.hand.wall * 1_000)
        quotes = [Quote(name, 1.0, 1.0, rate, hour(next_hour, 0), at) for name in symbols]
        write(self.path, self.hand.clock(), quotes)

    def trade(self, *symbols: str, hours: int | None = 8, next_hour: float = 8) -> None:
        """These contracts trade, and have quotes."""
        made = [contract(name, hours=hours) for name in symbols]
        self.set_contracts(
            *(each._replace(base_asset=each.symbol, delivery_time=None) for each in made)
        )
        self.quote(next_hour, *symbols)

    def run(self, job: Job, most: int = 10_000) -> list[float]:
        """Turn by turn to its end, at times that are as it asks; the pauses that it asked for."""
        pauses = []
        for pause in job:
            if pause:
                pauses.append(pause)
                self.hand.advance(pause)
            if len(pauses) >= most:
                break
        return pauses

    def times(self, symbol: str = "BTCUSDT") -> list[int]:
        """The settlements that are stored, in hours from `NOW_HOUR`."""
        return [
            round(each.funding_time / HOUR_MS) - NOW_HOUR for each in self.table.since(symbol, 0)
        ]

    def rows(self, statement: str) -> list[Any]:
        return rows(self.path, statement)
