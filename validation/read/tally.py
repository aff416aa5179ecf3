"""Rows of `comparison` in time order in, sums and histograms out: no list of all rows.

Memory is bounded by symbols, hours and distinct skews, but for what `spreads` keeps.
"""

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

from validation.read.calendar import Calendar
from validation.read.differences import Hour, Spread, Worst
from validation.read.planted import Controls
from validation.read.rows import CONTROL, Row, readable
from validation.read.series import Track
from validation.rules import (
    ALIGNED_MS,
    FIELDS,
    MARK,
    MOST_PCT,
    RATE,
    SIGNIFICANT_PCT,
    Outcome,
    difference_pct,
    excuse,
    outcome_of,
    settling,
    stored_agrees,
)

CLOCKS_APART_MS = 30_000
TURNING_SECONDS = 120
"""Around a whole hour: further away, no reading worth comparing is of the other interval."""
LARGE_RATE = 0.002
"""A fraction per interval that few symbols exceed (the exchange caps at 0.02 to 0.04)."""
SMALL_RATE = 1e-5
"""And one that most reach: of a year's settlements of 36 symbols at least 78 % each day."""
TINY_RATE = 1e-6
"""Below it on both sides, a difference of sign is one of the last decimals."""
SKEW_STEP_MS = 10
_SKEW_MOST_MS = 60_000
_HUGE = 1e300
_MATCH: Outcome = "match"


class Tally:
    """Everything that one pass over the comparisons of one exchange finds."""

    def __init__(self, first: float) -> None:
        """Hours and gaps are counted from `first` (Unix seconds), when a pair was compared."""
        self.calendar, self.controls, self.worst = Calendar(first), Controls(), Worst()
        self._at, self._paired_at, self._bit = -math.inf, first, 0
        self._number = 0  # the largest id of this instant
        self._hours: dict[str, Hour] = {}
        self._turning = False
        self._witness: set[str] | None = None
        self.rows = self.unreadable = self.duplicates = self.disagreements = 0
        self.tracks: dict[str, dict[str, Track]] = {field: {} for field in FIELDS}
        self.everything = {field: Spread() for field in FIELDS}
        self.aligned = {field: Spread() for field in FIELDS}
        self.hourly: dict[tuple[int, str], Hour] = {}
        self.outcomes: Counter[tuple[str, str, Outcome]] = Counter()
        self.skews: Counter[int] = Counter()
        self.grid: Counter[tuple[int, int]] = Counter()
        self.skew_unknown = self.untimed = self.clocks_apart = 0
        self.signs_differ = self.large_rates = self.small_rates = self.no_prices = 0
        self.unexplained: Counter[str] = Counter()
        self.lag = self.claimed = self.settling = 0

    def add(self, row: tuple[Any, ...]) -> None:
        """Take in one row, as `Row` has it; rows come in the order of their times."""
        number, at, source, symbol, field, ours, theirs, _, _, _, _, _ = row
        if source == CONTROL:
            self.controls.add(Row._make(row))
            return
        self.rows += 1
        if at != self._at:
            self._instant(at, number)
        elif number > self._number:
            self._number = number
        tracks = self.tracks.get(field)
        # The first questions answer most rows; `readable` asks them again, and politely.
        if tracks is None or not (
            (
                ours.__class__ is theirs.__class__ is float
                and -_HUGE < ours < _HUGE
                and -_HUGE < theirs < _HUGE
            )
            or (readable(ours) and readable(theirs))
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
            self._incomplete(Row._make(row), track)
        else:
            self._pair(row, track)

    def _instant(self, at: float, number: int) -> None:
        self.calendar.number(self._number)
        self._at, self._number = at, number
        hour, self._witness = self.calendar.instant(at, number)
        self._bit = 1 << hour
        past = at % 3_600
        self._turning = past < TURNING_SECONDS or past > 3_600 - TURNING_SECONDS
        for field in FIELDS:
            self._hours[field] = self.hourly.setdefault((hour, field), Hour())

    def close(self, until: float) -> None:
        """Count the time from the last pair to `until` as well, and sum up."""
        self.calendar.number(self._number)
        self.calendar.pair(until)
        for field in FIELDS:
            hours = [hour for (_, name), hour in self.hourly.items() if name == field]
            near, apart = [hour.aligned for hour in hours], [hour.apart for hour in hours]
            self.aligned[field] = Spread(sum(hour.aligned_many for hour in hours), near)
            self.everything[field] = Spread(sum(hour.many for hour in hours), near + apart)

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
                track.silent(row.at)
        elif row.field == RATE:
            track.hours |= self._bit
        else:
            track.nothing += 1

    def _pair(self, row: tuple[Any, ...], track: Track) -> None:
        _, at, source, symbol, field, ours, theirs, stored_pct, skew, stored, rest_time, _ = row
        difference, true = 0.0, _MATCH
        if ours != theirs:
            difference = difference_pct(field, ours, theirs)
            true = outcome_of(difference)
        self.outcomes[source, field, true] += 1
        if (
            true != stored or (stored_pct != difference and stored_pct != -difference)
        ) and not stored_agrees(difference, stored, stored_pct):
            self.disagreements += 1
        if at != self._paired_at:
            self._paired_at = at
            self.calendar.pair(at)
        track.step(ours, theirs, self._bit)
        if rest_time.__class__ is not int:
            self.untimed += 1
        elif not -CLOCKS_APART_MS <= at * 1000 - rest_time <= CLOCKS_APART_MS:
            self.clocks_apart += 1
        apart = math.inf
        if skew.__class__ is int:
            apart = abs(skew)
            self.skews[skew // SKEW_STEP_MS if apart < _SKEW_MOST_MS else _end(skew)] += 1
        else:
            self.skew_unknown += 1
        if field == RATE:
            self._rate(symbol, theirs)
        elif ours <= 0 or theirs <= 0:
            self.no_prices += 1
        hour = self._hours[field]
        hour.many += 1
        settled = difference and self._turning and field == RATE and settling(rest_time, skew)
        aligned = apart <= ALIGNED_MS and not settled
        if difference:
            difference = min(difference, MOST_PCT)
            (hour.aligned if aligned else hour.apart).append(difference)
            self._differs(row, track, difference, bool(settled))
        if aligned:
            hour.aligned_many += 1
            track.near(ours, theirs, difference, apart)

    def _rate(self, symbol: str, theirs: float) -> None:
        size = abs(theirs)
        if size > LARGE_RATE:
            self.large_rates += 1
        elif size < SMALL_RATE:
            self.small_rates += 1
        if self._witness is not None:
            self._witness.add(symbol)

    def _differs(
        self, row: tuple[Any, ...], track: Track, difference: float, settled: bool
    ) -> None:
        """Note a pair whose values are not the same; `settled`: of two funding intervals."""
        _, _, _, symbol, field, ours, theirs, _, skew, _, _, claimed = row
        apart = None
        if skew.__class__ is int:
            apart, step = skew, skew // SKEW_STEP_MS if abs(skew) < _SKEW_MOST_MS else _end(skew)
            self.grid[step // 20, math.floor(math.log10(difference) * 4)] += 1
        if field == RATE and ours * theirs < 0 and apart is not None and not settled:
            visible = min(abs(ours), abs(theirs)) > TINY_RATE
            self.signs_differ += visible and abs(apart) <= ALIGNED_MS
        if difference > self.worst.least:
            self.worst.put(difference, row)
        if difference <= SIGNIFICANT_PCT:
            return
        if settled:
            self.settling += 1
            return
        track.significant += 1
        reason = excuse(field, difference, apart, claimed)
        if reason == "lag":
            self.lag += 1
        elif reason == "claimed":
            self.claimed += 1
            track.claimed += 1
        else:
            self.unexplained[symbol] += 1

    def both(self) -> Iterator[Track]:
        """All tracks, prices first."""
        yield from self.tracks[MARK].values()
        yield from self.tracks[RATE].values()


def _end(skew_ms: int) -> int:
    """The last steps of the histogram hold all beyond."""
    return _SKEW_MOST_MS // SKEW_STEP_MS * (1 if skew_ms > 0 else -1)
