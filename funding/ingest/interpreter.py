"""What quotes mean, and the store: reads what is normal for each symbol, and writes bars."""

from collections.abc import Iterable, Sequence
from math import inf
from typing import NamedTuple

from funding.ingest.bars import Bars
from funding.ingest.inbox import Batch
from funding.ingest.meaning import Meaning
from funding.ingest.track import Remembered
from funding.model.event import Event, EventKind
from funding.runtime.schedule import Every
from funding.statistics.thresholds import Threshold
from funding.store.normals import Normals
from funding.store.signal_table import Findings
from funding.store.writer import Writer

LOOK_SECONDS = 2.0
"""Between two looks whether statistics or contracts may have changed."""
READ_SECONDS = 60.0
"""So often they are read in any case, which takes 4 ms: a witnessed interval changes no mark."""
RATES_SECONDS = 30.0
"""Between two looks for rates beyond the cap: some 0.1 ms for 700 symbols."""
SOON_SECONDS = 0.5
READ_SYMBOLS = 100
"""Statistics read at most at once, 3 ms: after the hourly ones all symbols have changed."""
_KEPT = (
    f"iif(kept.symbol IS NULL, quote.{name}, kept.{name})" for name in Remembered._fields[1:-1]
)
_REMEMBERED = f"""
SELECT quote.symbol, {", ".join(_KEPT)}, signal_level
FROM quote LEFT JOIN before_standby AS kept ON quote.source = 'rest'
    AND kept.exchange = quote.exchange AND kept.symbol = quote.symbol
WHERE quote.exchange = ?
"""
"""What the stream said last: of what came from REST meanwhile nobody was told."""


class BarDays(NamedTuple):
    """For how many days bars are kept."""

    minutes: float = 2.0
    hours: float = 400.0


BAR_DAYS = BarDays()


class Interpreter:
    """The `Meaning` of the quotes of one exchange, and its `Bars`. For the writer's thread.

    Raises `StoreError`s; after `StoreLocked` the next call does what was left.
    """

    def __init__(
        self,
        exchange: str,
        writer: Writer,
        *,
        now: float,
        last_event_time: int | None = None,
        thresholds: Sequence[Threshold] = (),
        bar_days: BarDays = BAR_DAYS,
        rate_cap_hourly: float = inf,
    ) -> None:
        self._cap = rate_cap_hourly
        self._beyond_cap: set[str] = set()
        self._look_at_rates = Every(RATES_SECONDS)
        self._exchange = exchange
        self._writer = writer
        self._days = bar_days
        rows = (Remembered(*row) for row in writer.rows(_REMEMBERED, (exchange,)))
        self._meaning = Meaning(exchange, thresholds, rows)
        self._bars = Bars(now, writer.last_minute(exchange), last_event_time)
        self._normals = Normals(exchange, writer.rows)
        self._look = Every(LOOK_SECONDS)
        self._read = Every(READ_SECONDS, first=now + READ_SECONDS)
        self._event_time = last_event_time or 0
        self._more_to_read = True
        while self._more_to_read:
            self._read_normals(now)

    def interpret(self, batch: Batch) -> Findings:
        """What is to be stored with the quotes of `batch`."""
        self._event_time = max(self._event_time, batch.event_time)
        scores = self._meaning.take(batch.quotes, batch.ceiling)
        return Findings(scores, self._meaning.signals, self._meaning.levels)

    def written(self) -> None:
        """What `interpret` returned last is stored."""
        self._meaning.written()

    def step(self, wall: float, now: float) -> list[Event]:
        """Do what is due; what the audit trail should say."""
        if self._look.due(now) and self._must_read(now):
            self._read_normals(now)
        events = self._check_rates(wall) if self._look_at_rates.due(now) else []
        if self._bars.due(self._event_time, now):
            events += self._write_bars(wall, now)
        return events

    def _check_rates(self, wall: float) -> list[Event]:
        """An event for each rate that is more per hour than the exchange charges, when it begins:
        such a rate is shown, and is not ranked."""
        events = []
        for track in self._meaning.tracks.values():
            interval = track.normal.interval if track.normal is not None else 0
            rate = track.quote.funding_rate
            if rate is None or not interval:
                continue
            hourly = abs(rate) / interval
            if hourly <= 0.9 * self._cap:
                self._beyond_cap.discard(track.symbol)
            elif hourly > self._cap and track.symbol not in self._beyond_cap:
                self._beyond_cap.add(track.symbol)
                words = (
                    f"{track.symbol}: {rate:.4%} in {interval} h is {rate / interval:.4%} an hour,"
                    f" more than {self._cap:.4%}: it is not ranked"
                )
                events.append(Event(wall, "ingest", EventKind.RATE_BEYOND_CAP, words))
        return events

    def stop(self, wall: float, now: float) -> None:
        """Write the bars under way."""
        self._event_time = 0  # whatever minute they are of
        self._write_bars(wall, now)

    def forget(self, symbols: Iterable[str]) -> None:
        """They are not kept any more."""
        self._meaning.forget(symbols)

    def _must_read(self, now: float) -> bool:
        changed = self._writer.others_wrote() and self._normals.may_have_changed()
        return changed or self._more_to_read or self._read.due(now)

    def _read_normals(self, now: float) -> None:
        count = 0
        for symbol, normal, trades in self._normals.changed(READ_SYMBOLS):
            self._meaning.set_normal(symbol, normal, trades=trades)
            count += 1
        self._more_to_read = count == READ_SYMBOLS
        if self._more_to_read:
            self._look.hasten(now + SOON_SECONDS)

    def _write_bars(self, wall: float, now: float) -> list[Event]:
        bars, meaning = self._bars, self._meaning
        bars.collect(
            self._exchange, meaning.finished, meaning.tracks.values(), self._event_time, now
        )
        if not bars.waiting:
            return []
        # The earlier clock counts: a wrong one must not delete what is to be kept.
        clock = min(wall, self._event_time / 1000 or wall)
        minutes, hours = (clock - days * 86_400 for days in self._days)
        self._writer.write_bars(self._exchange, bars.waiting, minutes, hours)
        notes = bars.notes
        bars.written()
        return [Event(wall, "ingest", EventKind.MISSING_BAR, note) for note in notes]
