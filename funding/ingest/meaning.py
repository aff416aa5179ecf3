"""Quotes → what they mean: a score for each row, signals, and bars of minutes. Does no I/O.

# Facts
(CPU on one core of the machine of docs/performance.md)
- Of a frame of 745 rows about half have the rate of a second before, pinned to its base: the score
  of before stands.
"""

from collections.abc import Iterable, Mapping, Sequence

from funding.ingest.track import MINUTE_MS, NO_MINUTE, Remembered, Track
from funding.model.bar import Bar
from funding.model.quote import Quote, fold
from funding.model.signal import Signal
from funding.statistics.moves import SLOT_MS, RateWindow
from funding.statistics.score import HIGH_Z, NOTHING_KNOWN, Normal, Score, Scorer
from funding.statistics.signals import Caused, Moment, crossed, gather, moved, zone_entered
from funding.statistics.thresholds import Threshold, of_symbol
from funding.statistics.zones import level

MAX_SIGNALS = 1_000
"""That wait for a locked store; those that come then are not kept."""

Held = tuple[Quote, float, float]


class Meaning:
    """Of the quotes of one exchange. `take` each batch, then `written` when it is stored: until
    then what it set off waits, so that a locked store loses none of it."""

    def __init__(
        self,
        exchange: str,
        thresholds: Sequence[Threshold] = (),
        remembered: Iterable[Remembered] = (),
    ) -> None:
        self._exchange = exchange
        self._thresholds = list(thresholds)
        self.tracks: dict[str, Track] = {}
        self.finished: list[Bar] = []
        self._minute = NO_MINUTE
        self._caused: list[Caused] = []
        self._levels: dict[str, int] = {}
        for row in remembered:
            self._track(fold(row.symbol), row.symbol).remember(row)

    @property
    def signals(self) -> list[Signal]:
        """What is to be stored with the batch."""
        return gather(self._caused) if self._caused else []

    @property
    def levels(self) -> Mapping[str, int]:
        """The levels of signals that have changed, by symbol; to be stored with the batch."""
        return self._levels

    def written(self) -> None:
        """Signals and levels are stored."""
        self._caused.clear()
        self._levels.clear()

    def set_normal(self, symbol: str, normal: Normal, *, trades: bool) -> None:
        """What is normal for `symbol` from now on, and whether its contract trades."""
        track = self._track(fold(symbol), symbol)
        track.normal, track.trades, track.stale = Scorer(normal), trades, True

    def forget(self, symbols: Iterable[str]) -> None:
        """They are not kept any more."""
        for symbol in symbols:
            self.tracks.pop(fold(symbol), None)

    def take(self, quotes: Mapping[str, Held], ceiling: int) -> list[Score]:
        """A score for each of `quotes` by folded symbol. What is not newer than the stored quote
        (see `quote.supersedes`) sets off nothing."""
        scores = []
        tracks = self.tracks
        for name, (quote, wall, _) in quotes.items():
            track = tracks.get(name) or self._track(name, quote.symbol)
            last, event_time = track.quote, quote.event_time
            # `supersedes`, without a call.
            if event_time > last.event_time or last.event_time > ceiling:
                minute, mark = event_time // MINUTE_MS, quote.mark_price
                if minute != track.minute:
                    self._begin_bar(track, minute, mark)
                elif mark > track.high:
                    track.high = mark
                elif mark < track.low:
                    track.low = mark
                track.quotes += 1
                before = track.thresholds and track.values()
                track.quote = quote
                if (
                    quote.funding_rate != last.funding_rate
                    or track.stale
                    or quote.next_funding_time != last.next_funding_time
                ):
                    self._judge(track, last, wall)
                if before:
                    self._check_thresholds(track, before, wall)
            scores.append(track.score)
        return scores

    def _track(self, name: str, symbol: str) -> Track:
        track = self.tracks.get(name)
        if track is None:
            found = of_symbol(self._thresholds, self._exchange, symbol)
            track = self.tracks[name] = Track(symbol, found)
        return track

    def _begin_bar(self, track: Track, minute: int, mark: float) -> None:
        if track.minute != NO_MINUTE:
            self.finished.append(track.end_bar(self._exchange))
        if minute != self._minute:
            self._minute = minute
        track.minute, track.quotes = self._minute, 0  # one number in memory for all
        track.open = track.high = track.low = mark

    def _judge(self, track: Track, last: Quote, wall: float) -> None:
        """Work out the score of its quote, which came after `last`, and what it sets off."""
        quote, normal = track.quote, track.normal
        rate = quote.funding_rate
        track.stale = False
        found = track.score = NOTHING_KNOWN if normal is None else normal.score(rate)
        if quote.next_funding_time != last.next_funding_time:
            track.rates = None
        if rate is None or normal is None or not track.trades:
            return
        rates, slot = track.rates, quote.event_time // SLOT_MS
        calm = rates is not None and rates.slot == slot and rates.low <= rate <= rates.high
        if not calm and rate != last.funding_rate:
            self._check_move(track, last, slot, wall)
        z_score = found[0]
        # Nearly all stay normal.
        if z_score is not None and (track.level != 0 or not -HIGH_Z <= z_score <= HIGH_Z):
            self._check_zone(track, rate, z_score, normal, wall)

    def _check_zone(
        self, track: Track, rate: float, z_score: float, normal: Scorer, wall: float
    ) -> None:
        before = track.level
        now = level(before or 0, z_score, rate / normal.interval - normal.mean)
        if now == before:
            return
        track.level = self._levels[track.symbol] = now
        # Nobody has seen from where the first one came.
        if before is not None:
            self._add(zone_entered(self._moment(track, rate, wall), before, now, normal))

    def _check_move(self, track: Track, last: Quote, slot: int, wall: float) -> None:
        rate, before = track.quote.funding_rate, last.funding_rate
        interval = track.normal.interval if track.normal else 0
        if rate is None or not interval:
            return
        if before is None or track.quote.next_funding_time != last.next_funding_time:
            # The rate of another settlement has not moved.
            track.rates = RateWindow(slot, rate, interval)
            return
        held_until = last.event_time // SLOT_MS
        if track.rates is None:
            track.rates = RateWindow(held_until, before, interval)
        start = track.rates.moved_from(slot, rate, interval, before, held_until)
        if start is not None:
            moment = self._moment(track, rate, wall)
            self._add(moved(moment, start, interval, track.score.zone))

    def _check_thresholds(self, track: Track, before: Sequence[float | None], wall: float) -> None:
        if not track.trades:
            return
        for threshold, value in zip(track.thresholds, before, strict=True):
            now = track.value(threshold.field)
            if now is not None and threshold.is_crossed(value, now):
                moment = self._moment(track, track.quote.funding_rate, wall)
                self._add(crossed(moment, threshold, now, track.score.zone))

    def _moment(self, track: Track, rate: float | None, wall: float) -> Moment:
        event_time = track.quote.event_time
        return Moment(wall, self._exchange, track.symbol, rate, track.score.z_score, event_time)

    def _add(self, caused: Caused) -> None:
        if len(self._caused) < MAX_SIGNALS:
            self._caused.append(caused)
