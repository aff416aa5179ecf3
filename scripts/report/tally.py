"""Rows of `comparison` in time order in, sums and histograms out: no list of all rows.

Memory is bounded by symbols, hours and distinct skews, but for the differences other than zero:
8 bytes each, for exact quantiles.
"""

import heapq
import math
from array import array
from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any, NamedTuple

from scripts.report.pairs import (
    ALIGNED_MS,
    FIELDS,
    MARK,
    RATE,
    Outcome,
    difference_pct,
    excuse,
    outcome_of,
    stored_agrees,
)
from scripts.report.tracks import Track

CONTROL = "control"
WORST_KEPT = 20
GAP_SECONDS = 300.0
GAPS_KEPT = 1_000
CLOCKS_APART_SECONDS = 30.0
SETTLEMENT_SECONDS = 28_800
WITNESS_SECONDS = 1_800
LARGE_RATE = 0.002
"""A fraction per interval that few symbols exceed (the exchange caps at 0.02 to 0.04)."""
TINY_RATE = 1e-6
"""Below it on both sides, a difference of sign is one of the last decimals."""
MOST_PCT = 1e6
"""What an infinite difference counts as."""
SKEW_STEP_MS = 10
_SKEW_MOST_MS = 60_000
_HOUR = 3_600
_HUGE = 1e300
_MATCH: Outcome = "match"


class Row(NamedTuple):
    """One row of `comparison`, as the table has it; nothing is believed to be of its type."""

    id: int
    at: float
    source: Any
    symbol: Any
    field: Any
    ws: Any
    rest: Any
    stored_pct: Any
    skew_ms: Any
    stored: Any
    rest_time: Any
    claimed: Any


class Spread:
    """Differences in percent: how many, their sum, and all that are not zero."""

    __slots__ = ("many", "total", "values")

    def __init__(self) -> None:
        self.many, self.total, self.values = 0, 0.0, array("d")

    def add(self, difference: float) -> None:
        """Take in one difference that is not zero; `many` counts all and is the caller's."""
        self.total += difference
        self.values.append(difference)

    @property
    def average(self) -> float:
        """The mean, 0 of none."""
        return self.total / self.many if self.many else 0.0


class Worst(NamedTuple):
    """A pair that differs much."""

    difference: float
    order: int
    row: Row


class Tally:
    """Everything that one pass over the comparisons of one exchange finds."""

    def __init__(self, first: float) -> None:
        """Hours and gaps are counted from `first` (Unix seconds), when a pair was compared."""
        self._first = first
        self.last_at, self.longest_gap = first, 0.0
        self.gaps: list[tuple[float, float]] = []
        self._minutes = array("q")  # minute, first id, last id; and again
        self._at, self._bit = -math.inf, 0
        self._hour_of: dict[str, list[float]] = {}
        self._witness: set[str] | None = None
        self.rows = self.unreadable = self.duplicates = self.disagreements = 0
        self.tracks: dict[str, dict[str, Track]] = {field: {} for field in FIELDS}
        self.everything = {field: Spread() for field in FIELDS}
        self.aligned = {field: Spread() for field in FIELDS}
        self.hourly: dict[tuple[int, str], list[float]] = {}
        self.outcomes: Counter[tuple[str, str, Outcome]] = Counter()
        self.skews: Counter[int] = Counter()
        self.grid: Counter[tuple[int, int]] = Counter()
        self.skew_unknown = 0
        self.timed = self.clocks_apart = 0
        self.signs_differ = self.large_rates = 0
        self.unexplained: Counter[str] = Counter()
        self.lag = self.claimed = 0
        self.worst: list[Worst] = []
        self._order: Iterator[int] = count()
        self.controls = self.controls_missed = 0
        self.witnesses: dict[tuple[int, bool], set[str]] = {}

    def add(self, row: Row) -> None:
        """Take in one row; rows come in the order of their times."""
        number, at, source, symbol, field, ours, theirs, _, _, _, _, _ = row
        if source == CONTROL:
            self._control(row)
            return
        self.rows += 1
        if at != self._at:
            self._instant(at, number)
        elif number > self._minutes[-1]:
            self._minutes[-1] = number
        tracks = self.tracks.get(field)
        # The first two questions answer most rows; _readable asks them again, and politely.
        if tracks is None or not (
            (ours.__class__ is float and ours == theirs and -_HUGE < ours < _HUGE)
            or (_readable(ours) and _readable(theirs))
        ):
            self.unreadable += 1
            return
        track = tracks.get(symbol)
        if track is None:
            if not isinstance(symbol, str) or not symbol:
                self.unreadable += 1
                return
            track = tracks[symbol] = Track(symbol, field)
        elif at == track.last_at:
            self.duplicates += 1  # a second row of one instant proves nothing more
            return
        track.last_at = at
        if ours is None or theirs is None:
            self._incomplete(row, track)
        else:
            self._pair(row, track)

    def _instant(self, at: float, number: int) -> None:
        """What all rows of one instant share; `number` is the id of the first, the smallest.

        The first and last id of each minute are kept: see `backwards`.
        """
        self._at = at
        hour = max(0, int((at - self._first) / _HOUR))
        self._bit = 1 << hour
        for field in FIELDS:
            self._hour_of[field] = self.hourly.setdefault((hour, field), [0, 0.0, 0, 0.0, 0.0])
        settlement = round(at / SETTLEMENT_SECONDS)
        after = at - settlement * SETTLEMENT_SECONDS
        self._witness = None
        if -WITNESS_SECONDS <= after <= WITNESS_SECONDS:
            self._witness = self.witnesses.setdefault((settlement, after >= 0), set())
        minutes, minute = self._minutes, int(at // 60)
        if not minutes or minute != minutes[-3]:
            minutes.extend((minute, number, number))
        else:
            minutes[-2], minutes[-1] = min(minutes[-2], number), max(minutes[-1], number)

    def backwards(self) -> int:
        """Minutes that were written before others of three or more minutes earlier.

        Rows are written as they are compared, so such minutes mean that the clock went back, or
        that somebody added rows afterwards.
        """
        found, earliest, later = 0, math.inf, len(self._minutes)
        for at in range(len(self._minutes) - 3, -1, -3):
            while later - 3 > at and self._minutes[later - 3] >= self._minutes[at] + 3:
                later -= 3
                earliest = min(earliest, self._minutes[later + 1])
            found += self._minutes[at + 2] > earliest
        return found

    def close(self, until: float) -> None:
        """Count the time from the last pair to `until` as well."""
        self._gap(until)

    def _gap(self, at: float) -> None:
        gap = at - self.last_at
        if gap > self.longest_gap:
            self.longest_gap = gap
        if gap > GAP_SECONDS and len(self.gaps) < GAPS_KEPT:
            self.gaps.append((self.last_at, at))
        self.last_at = at

    def _control(self, row: Row) -> None:
        self.controls += 1
        ours, theirs = row.ws, row.rest
        if row.field not in FIELDS or ours is None or theirs is None:
            self.controls_missed += 1
            return
        if not (_readable(ours) and _readable(theirs)):
            self.controls_missed += 1
            return
        difference = difference_pct(row.field, ours, theirs)
        if outcome_of(difference) != "significant":
            self.controls_missed += 1
        elif not stored_agrees(difference, row.stored, row.stored_pct):
            # A planted pair is judged like any other: an edited outcome is no proof of sight.
            self.disagreements += 1
            self.controls_missed += row.stored != "significant"

    def _incomplete(self, row: Row, track: Track) -> None:
        """A value is missing: two missing rates agree, anything else is a finding."""
        both = row.ws is None and row.rest is None
        true: Outcome = "match" if both else "mismatch"
        self.outcomes[row.source, row.field, true] += 1
        if (row.stored == "match") != both or row.stored is None:
            self.disagreements += 1
        if not both:
            if row.ws is None:
                track.missing_ws += 1
            else:
                track.missing_rest += 1
        elif row.field == RATE:
            track.hours |= self._bit
        else:
            track.nothing += 1

    def _pair(self, row: Row, track: Track) -> None:
        _, at, source, symbol, field, ours, theirs, stored_pct, skew, stored, rest_time, _ = row
        difference, true = 0.0, _MATCH
        if ours != theirs:
            difference = difference_pct(field, ours, theirs)
            true = outcome_of(difference)
        self.outcomes[source, field, true] += 1
        if (true != stored or stored_pct != difference) and not stored_agrees(
            difference, stored, stored_pct
        ):
            self.disagreements += 1
        if at != self.last_at:
            self._gap(at)
        track.step(ours, theirs)
        track.hours |= self._bit
        apart = math.inf
        if skew.__class__ is int:
            apart = abs(skew)
            self.skews[_step(skew)] += 1
        else:
            self.skew_unknown += 1
        aligned = apart <= ALIGNED_MS
        self._spread(field, difference, aligned)
        if aligned:
            track.near(ours, theirs, min(difference, MOST_PCT), apart)
        if rest_time.__class__ is int:
            self.timed += 1
            if abs(at - rest_time / 1000) > CLOCKS_APART_SECONDS:
                self.clocks_apart += 1
        if field == RATE:
            self._rate(symbol, theirs)
        if difference:
            self._differs(row, track, difference)

    def _spread(self, field: str, difference: float, aligned: bool) -> None:
        """Count a difference: in all, among the aligned, and in its hour."""
        hour = self._hour_of[field]
        hour[0] += 1
        self.everything[field].many += 1
        if aligned:
            hour[2] += 1
            self.aligned[field].many += 1
        if not difference:
            return
        difference = min(difference, MOST_PCT)
        hour[1] += difference
        hour[4] = max(hour[4], difference)
        self.everything[field].add(difference)
        if aligned:
            hour[3] += difference
            self.aligned[field].add(difference)

    def _rate(self, symbol: str, theirs: float) -> None:
        if not -LARGE_RATE <= theirs <= LARGE_RATE:
            self.large_rates += 1
        if self._witness is not None:
            self._witness.add(symbol)

    def _differs(self, row: Row, track: Track, difference: float) -> None:
        skew = row.skew_ms if row.skew_ms.__class__ is int else None
        if skew is not None:
            self.grid[_step(skew) // 20, math.floor(math.log10(min(difference, MOST_PCT)) * 4)] += 1
            if row.field == RATE and abs(skew) <= ALIGNED_MS:
                opposite = row.ws * row.rest < 0 and min(abs(row.ws), abs(row.rest)) > TINY_RATE
                self.signs_differ += opposite
        entry = Worst(difference, next(self._order), row)
        if len(self.worst) < WORST_KEPT:
            heapq.heappush(self.worst, entry)
        elif difference > self.worst[0].difference:
            heapq.heapreplace(self.worst, entry)
        if outcome_of(difference) != "significant":
            return
        track.significant += 1
        reason = excuse(row.field, difference, skew, row.claimed)
        if reason == "lag":
            self.lag += 1
        elif reason == "claimed":
            self.claimed += 1
            track.claimed += 1
        else:
            self.unexplained[row.symbol] += 1

    def both(self) -> Iterator[Track]:
        """All tracks, prices first."""
        yield from self.tracks[MARK].values()
        yield from self.tracks[RATE].values()


def _step(skew_ms: int) -> int:
    """The histogram's step of a skew; its ends hold all beyond."""
    if -_SKEW_MOST_MS < skew_ms < _SKEW_MOST_MS:
        return skew_ms // SKEW_STEP_MS
    return _SKEW_MOST_MS // SKEW_STEP_MS * (1 if skew_ms > 0 else -1)


def _readable(value: object) -> bool:
    """Whether this is a missing value or a finite number: text and infinity are neither."""
    if value.__class__ is float or value.__class__ is int:
        return -_HUGE < value < _HUGE
    return value is None
