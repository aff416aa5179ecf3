"""Where connection threads leave what they received, and the one writer takes it.

A mark price is a state, not a log: while the writer is slow, a newer quote of a symbol takes the
place of the one that waits, so what waits is bounded by the number of symbols.
"""

import functools
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import repeat

from funding.exchanges.frame import Frame
from funding.ingest.connection_events import ConnectionEvent
from funding.model.quote import MAX_SYMBOLS, Quote, ceiling_ms, fold, supersedes

MAX_REASONS = 40
_MAX_CLASSES = 8


_folded = functools.lru_cache(maxsize=2 * MAX_SYMBOLS)(fold)


class SymbolClasses:
    """Which symbols arrive together: the exchange sends each class in frames of its own.

    The classes are learned, not listed: a frame belongs to the class that most of its known
    symbols belong to, or begins a new one.
    """

    def __init__(self) -> None:
        self._class_of: dict[str, int] = {}
        self._count = 0

    def of(self, symbols: Sequence[str]) -> int:
        """The class of a frame with `symbols`, 0 for the first, and learn them."""
        votes = Counter(map(self._class_of.get, symbols))
        unknown = votes.pop(None, 0)
        if votes:
            symbol_class = votes.most_common(1)[0][0] or 0
        else:
            symbol_class = min(self._count, _MAX_CLASSES - 1)
            self._count = symbol_class + 1
        if unknown and len(self._class_of) < 2 * MAX_SYMBOLS:
            self._class_of.update(dict.fromkeys(symbols, symbol_class))
        return symbol_class


@dataclass(slots=True)
class Batch:
    """What came in since the last turn.

    `quotes` maps the folded symbol to (quote, wall, uptime of receipt); `ceiling` is the lowest
    of their frames, so that one frame from the future cannot vouch for another's.
    `progress` says when (uptime) each (link, symbol class) last delivered newer quotes, and how
    many frames of them; `newer` has those whose quotes no other connection had delivered before.
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
    notes: list[ConnectionEvent] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.frames or self.notes)


def tally(counter: Counter[str], reasons: Counter[str]) -> None:
    """Add `reasons` to `counter`. Names of events and streams come from outside: no more than
    `MAX_REASONS` of them are kept apart, so that a flood of new ones fills no memory."""
    for reason, count in reasons.items():
        foreign = reason.startswith(("event ", "stream "))
        known = not foreign or reason in counter or len(counter) < MAX_REASONS
        counter[reason if known else "other"] += count


class Inbox:
    """The meeting point, for any number of connection threads and one writer."""

    def __init__(self, symbols: Iterable[str] = ()) -> None:
        self._changed = threading.Condition()
        self._batch = Batch()
        self._symbols = {fold(symbol) for symbol in symbols}
        self._classes = SymbolClasses()
        self._event_times: dict[tuple[int, int], int] = {}
        self._latest: dict[int, int] = {}
        self._failure: BaseException | None = None

    def offer(self, link: int, frame: Frame, wall: float, uptime: float) -> None:
        """Leave one decoded frame that `link` received at `wall` and `uptime`."""
        with self._changed:
            batch = self._batch
            batch.frames += 1
            tally(batch.rejected, frame.rejected)
            tally(batch.ignored, frame.ignored)
            for reason, sample in frame.samples.items():
                if len(batch.samples) < MAX_REASONS:
                    batch.samples.setdefault(reason, sample)
            if frame.quotes:
                self._keep(link, frame, wall, uptime)
            if frame.notice:
                kind = "ending" if frame.ending else "notice"
                self._append(ConnectionEvent(link, kind, uptime, frame.notice))
            self._changed.notify()

    def _keep(self, link: int, frame: Frame, wall: float, uptime: float) -> None:
        batch = self._batch
        ceiling = ceiling_ms(frame.event_time, wall)
        names = [quote.symbol for quote in frame.quotes]
        self._progress((link, self._classes.of(names)), frame, uptime, ceiling)
        batch.event_time = max(batch.event_time, frame.event_time)
        batch.ceiling = min(batch.ceiling or ceiling, ceiling)
        quotes, symbols = batch.quotes, self._symbols
        folded = list(map(_folded, names))
        if not quotes:
            fresh = dict(zip(folded, zip(frame.quotes, repeat(wall), repeat(uptime)), strict=False))
            if len(fresh) == len(folded) and symbols.issuperset(fresh):
                batch.quotes = fresh  # the ordinary case, in a third of the time
                return
        for symbol, quote in zip(folded, frame.quotes, strict=True):
            if symbol not in symbols:
                if len(symbols) >= MAX_SYMBOLS:
                    tally(batch.rejected, Counter({f"more than {MAX_SYMBOLS} symbols": 1}))
                    continue
                symbols.add(symbol)
            held = quotes.get(symbol)
            if held is None or supersedes(quote.event_time, held[0].event_time, ceiling):
                quotes[symbol] = (quote, wall, uptime)
            else:
                batch.repeated += 1

    def _progress(self, key: tuple[int, int], frame: Frame, uptime: float, ceiling: int) -> None:
        # The same frame again, as a frozen exchange sends it, is no progress.
        if supersedes(frame.event_time, self._event_times.get(key, 0), ceiling):
            self._event_times[key] = frame.event_time
            if supersedes(frame.event_time, self._latest.get(key[1], 0), ceiling):
                self._latest[key[1]] = frame.event_time
                self._batch.newer.add(key)
            frames = self._batch.progress.get(key, (0.0, 0))[1]
            self._batch.progress[key] = (uptime, frames + 1)

    def malformed(self, reason: str) -> None:
        """Count a message that could not be decoded."""
        with self._changed:
            self._batch.frames += 1
            self._batch.malformed += 1
            self._batch.samples.setdefault("malformed", f"malformed: {reason}")
            self._changed.notify()

    def note(self, note: ConnectionEvent) -> None:
        """Tell the writer what happened to a connection."""
        with self._changed:
            self._append(note)
            self._changed.notify()

    def _append(self, note: ConnectionEvent) -> None:
        if len(self._batch.notes) < 1_000:
            self._batch.notes.append(note)

    def forget(self, link: int) -> None:
        """`link` is over: nothing of it needs to be remembered."""
        with self._changed:
            for key in [key for key in self._event_times if key[0] == link]:
                del self._event_times[key]

    def retire(self, symbols: Iterable[str]) -> None:
        """`symbols` are no longer kept: they make room for others."""
        with self._changed:
            self._symbols.difference_update(map(fold, symbols))

    def fail(self, error: BaseException) -> None:
        """A connection thread met a defect: `take` raises it in the writer's thread."""
        with self._changed:
            self._failure = error
            self._changed.notify()

    def take(self, timeout: float) -> Batch:
        """What came in, after at most `timeout` seconds; an empty batch when nothing did."""
        with self._changed:
            if not self._batch and self._failure is None:
                self._changed.wait(timeout)
            if self._failure is not None:
                raise self._failure
            batch, self._batch = self._batch, Batch()
            return batch
