"""Where connection threads leave what they received, and the one writer takes it.

A mark price is a state, not a log: while the writer is slow, a newer quote of a symbol replaces the
one that waits, so what waits is bounded by the number of symbols.
"""

import functools
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from funding.exchanges.frame import Frame
from funding.ingest.connection_events import ConnectionEvent, ConnectionEventKind
from funding.ingest.lag import LagMeter
from funding.ingest.symbol_classes import SymbolClasses
from funding.model.quote import MAX_SYMBOLS, Quote, ceiling_ms, fold, supersedes

MAX_REASONS = 40
CLOCK_SECONDS = 60.0  # our clock is wrong by more than this, or good enough
_MAX_EVENTS = 1_000

_folded = functools.lru_cache(maxsize=2 * MAX_SYMBOLS)(fold)


@dataclass(slots=True)
class Batch:
    """What came in since the last `take`.

    `quotes` maps the folded symbol to (quote, wall, uptime of receipt without the lag of its
    connection): a quote keeps its own lag, also where that connection ends with it. `ceiling` is
    the lowest of their frames, so that one frame from the future cannot vouch for another's quotes.
    `progress` says when (uptime) each (connection, symbol class) last delivered newer quotes, and
    in how many frames; `newer` has those whose quotes no other connection had delivered before.
    `lags` has the lag in seconds of each connection that delivered, and the uptime of its frame;
    `least_delay` is what lag is measured from (see `LagMeter.to_keep`).
    """

    quotes: dict[str, tuple[Quote, float, float]] = field(default_factory=dict)
    ceiling: int = 0
    event_time: int = 0
    frames: int = 0
    malformed: int = 0
    repeated: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    samples: dict[str, str] = field(default_factory=dict)
    progress: dict[tuple[int, int], tuple[float, int]] = field(default_factory=dict)
    newer: set[tuple[int, int]] = field(default_factory=set)
    lags: dict[int, tuple[float, float]] = field(default_factory=dict)
    least_delay: float | None = None
    events: list[ConnectionEvent] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.frames or self.events)


def tally(counter: Counter[str], reasons: Counter[str]) -> None:
    """Add `reasons` to `counter`.

    Names of events and streams come from outside: at most `MAX_REASONS` of them are counted apart,
    so that a flood of new ones fills no memory.
    """
    for reason, count in reasons.items():
        foreign = reason.startswith(("event ", "stream "))
        known = not foreign or reason in counter or len(counter) < MAX_REASONS
        counter[reason if known else "other"] += count


class Inbox:
    """The meeting point of any number of connection threads and one writer.

    What is not newer than `last_event_time`, which an earlier process stored, is no news. Batches
    are at least `gather` seconds apart: where each message has one symbol, a transaction for each
    would be a thousand a second.
    """

    def __init__(
        self,
        symbols: Iterable[str] = (),
        meter: LagMeter | None = None,
        last_event_time: int = 0,
        gather: float = 0.0,
    ) -> None:
        self._changed = threading.Condition()
        self._batch = Batch()
        self._woken = False
        self._symbols = {fold(symbol) for symbol in symbols}
        self._gather = gather
        self._taken = 0.0
        self._classes = SymbolClasses()
        self._event_times: dict[tuple[int, int], int] = {}
        self._latest: dict[int, int] = {}
        self._meter = meter or LagMeter()
        self._stored = last_event_time

    def offer(self, connection: int, frame: Frame, wall: float, uptime: float) -> None:
        """Leave a decoded frame that the connection received at `wall` and `uptime`."""
        with self._changed:
            batch = self._batch
            waiting = bool(batch)
            batch.frames += 1
            tally(batch.rejected, frame.rejected)
            tally(batch.ignored, frame.ignored)
            for reason, sample in frame.samples.items():
                if len(batch.samples) < MAX_REASONS:
                    batch.samples.setdefault(reason, sample)
            if frame.quotes:
                self._add_quotes(connection, frame, wall, uptime)
            elif frame.event_time and frame.symbol_class is not None:
                key = connection, frame.symbol_class
                self._note_progress(key, frame, uptime, ceiling_ms(frame.event_time, wall))
            if frame.notice:
                kind = ConnectionEventKind.ENDING if frame.ending else ConnectionEventKind.NOTICE
                self._append(ConnectionEvent(connection, kind, uptime, frame.notice))
            if not waiting or batch.events:
                self._changed.notify()

    def _add_quotes(self, connection: int, frame: Frame, wall: float, uptime: float) -> None:
        batch = self._batch
        lag = self._meter.add(connection, frame.event_time, uptime)
        batch.lags[connection] = lag, uptime
        batch.least_delay = self._meter.to_keep(uptime)
        ceiling = ceiling_ms(frame.event_time, self._now(wall, uptime))
        names = [quote.symbol for quote in frame.quotes]
        symbol_class = frame.symbol_class
        if symbol_class is None:
            symbol_class = self._classes.learn(names)
        self._note_progress((connection, symbol_class), frame, uptime, ceiling)
        batch.event_time = max(batch.event_time, frame.event_time)
        batch.ceiling = min(batch.ceiling or ceiling, ceiling)
        quotes, symbols = batch.quotes, self._symbols
        for symbol, quote in zip(map(_folded, names), frame.quotes, strict=True):
            if symbol not in symbols:
                if len(symbols) >= MAX_SYMBOLS:
                    tally(batch.rejected, Counter({f"more than {MAX_SYMBOLS} symbols": 1}))
                    continue
                symbols.add(symbol)
            waiting = quotes.get(symbol)
            if waiting is None or supersedes(quote.event_time, waiting[0].event_time, ceiling):
                quotes[symbol] = (quote, wall, uptime - lag)
            else:
                batch.repeated += 1

    def _now(self, wall: float, uptime: float) -> float:
        """Our clock; the exchange's where ours is ahead, and would vouch for future rows."""
        exchange = self._meter.exchange_time(uptime)
        return wall if exchange is None or wall - exchange < CLOCK_SECONDS else exchange

    def _note_progress(
        self, key: tuple[int, int], frame: Frame, uptime: float, ceiling: int
    ) -> None:
        # The same frame again, as a frozen exchange sends it, is not progress.
        if supersedes(frame.event_time, self._event_times.get(key, 0), ceiling):
            self._event_times[key] = frame.event_time
            if supersedes(frame.event_time, self._latest.get(key[1], self._stored), ceiling):
                self._latest[key[1]] = frame.event_time
                self._batch.newer.add(key)
            frames = self._batch.progress.get(key, (0.0, 0))[1]
            self._batch.progress[key] = (uptime, frames + 1)

    def give_back(self, batch: Batch) -> None:
        """The quotes of `batch` could not be written: they wait on, except for newer ones."""
        with self._changed:
            mine = self._batch
            if batch.ceiling:
                mine.ceiling = min(mine.ceiling or batch.ceiling, batch.ceiling)
            for symbol, held in batch.quotes.items():
                newer = mine.quotes.get(symbol)
                if newer is None or not supersedes(
                    newer[0].event_time, held[0].event_time, mine.ceiling
                ):
                    mine.quotes[symbol] = held

    def count_malformed(self, reason: str) -> None:
        """Count a message that could not be decoded."""
        with self._changed:
            self._batch.frames += 1
            self._batch.malformed += 1
            self._batch.samples.setdefault("malformed", f"malformed: {reason}")
            self._changed.notify()

    def put(self, event: ConnectionEvent) -> None:
        """Leave what happened to a connection."""
        with self._changed:
            self._append(event)
            self._changed.notify()

    def _append(self, event: ConnectionEvent) -> None:
        if len(self._batch.events) < _MAX_EVENTS:
            self._batch.events.append(event)

    def note_exchange_clock(self, offset: float, uptime: float) -> bool:
        """See `LagMeter`."""
        with self._changed:
            return self._meter.note_exchange_clock(offset, uptime)

    def knows(self, symbol: str) -> bool:
        """Whether it has had a quote, in this process or an earlier one."""
        with self._changed:
            return fold(symbol) in self._symbols

    def forget(self, connection: int) -> None:
        """The connection's thread has ended: nothing of it needs to be remembered."""
        with self._changed:
            self._meter.forget(connection)
            for key in [key for key in self._event_times if key[0] == connection]:
                del self._event_times[key]

    def retire(self, symbols: Iterable[str]) -> None:
        """`symbols` are no longer kept: they make room for others."""
        with self._changed:
            self._symbols.difference_update(map(fold, symbols))

    def wake(self) -> None:
        """Let `take` return at once, though nothing may have come in."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def take(self, timeout: float) -> Batch:
        """What came in, after at most `timeout` seconds; an empty batch when nothing did."""
        with self._changed:
            if not self._batch and not self._woken:
                self._changed.wait(timeout)
            early = self._taken + self._gather - time.monotonic()
            if self._batch and early > 0:
                self._changed.wait_for(lambda: self._woken or self._batch.events, early)
            self._taken = time.monotonic()
            self._woken = False
            batch, self._batch = self._batch, Batch()
            return batch
