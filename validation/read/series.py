"""What is remembered of one field of one symbol over all its comparisons."""

import math
from dataclasses import dataclass

from validation.rules import (
    HOUR_SECONDS,
    JUMP,
    LATE_MS,
    LEAP,
    RATE,
    SAME_RATE,
    STALE_MS,
    Field,
    beyond_lag,
    identical,
)

ENOUGH_PAIRS = 10
"""Comparisons of one symbol before a share of them says something."""


@dataclass(slots=True)
class Series:
    """One field of one symbol. Differences in percent, times in Unix seconds.

    `*_hours` have one bit for each hour of the period. `same_time` counts pairs of equal event
    times, `unequal` those of them whose values are not one. A move is that of REST's value since
    the pair before: a fraction for a price, a difference for a rate. The largest move of a rate is
    one within a whole hour, since a settlement may bring any.
    """

    symbol: str
    field: Field
    first_at: float = math.inf  # of any row, complete or not
    last_at: float = -math.inf
    paired_at: float = 0.0  # of the last pair
    last_ws: float | None = None
    last_rest: float | None = None
    rest_value: float | None = None  # REST's last value, with ours or without
    rest_moved_at: float = 0.0
    pairs: int = 0
    compared_hours: int = 0
    moves: int = 0
    moving_hours: int = 0  # in which either side took another value
    moved_at: float = 0.0
    moved: float = 0.0  # the sum of all moves
    largest_move: float = 0.0
    leaps: int = 0
    jumps: int = 0
    same_time: int = 0
    unequal: int = 0
    unequal_sum: float = 0.0
    late: int = 0  # pairs whose readings are far apart in time
    stale: int = 0  # those of them in which the stream's is too old to be used
    beyond_lag: int = 0
    off: int = 0  # pairs that no tick ties together, and that differ by more than a match
    off_run: int = 0  # the most of them in a row, by which ours is above, or below
    _off_now: int = 0  # of the run that goes on, above zero where ours is above
    missing_ws: int = 0
    missing_rest: int = 0
    missing_both: int = 0
    same_time_at: float = 0.0  # of the last pair of equal event times
    unequal_at: float = 0.0  # and of the last finding of each kind
    late_at: float = 0.0
    beyond_at: float = 0.0
    one_sided_at: float = 0.0
    rest_ended_at: float = 0.0  # since when REST has no value
    pairs_before_end: int = -1  # and how many pairs there were before

    def add_pair(self, at: float, ours: float, theirs: float, hour: int) -> float | None:
        """Note a pair, and what moved since the one before; `hour` is the bit of this one's.

        Returns REST's move in units of the average so far, with its sign; None for a rate, and as
        long as there are few pairs.
        """
        self.pairs += 1
        self.compared_hours |= hour
        before_ws, before_rest, before_at = self.last_ws, self.last_rest, self.paired_at
        self.last_ws, self.last_rest, self.paired_at = ours, theirs, at
        self.note_rest(at, theirs)
        if before_ws is None or before_rest is None:
            return None
        if self.field == RATE:
            move = abs(theirs - before_rest)
            moved = abs(ours - before_ws) >= SAME_RATE or move >= SAME_RATE
            self._note_move(move, moved, move >= SAME_RATE, at, hour)
            if before_at // HOUR_SECONDS == at // HOUR_SECONDS:
                self.largest_move = max(self.largest_move, move)
            return None
        move = theirs / before_rest - 1 if before_rest else 0.0
        usual = self.average_move if self.pairs > ENOUGH_PAIRS else 0.0
        rest_moved = theirs != before_rest
        if rest_moved and before_rest:
            self.leaps += not before_rest / LEAP <= theirs <= before_rest * LEAP
            self.jumps += not before_rest / JUMP <= theirs <= before_rest * JUMP
        self._note_move(abs(move), rest_moved or ours != before_ws, rest_moved, at, hour)
        self.largest_move = max(self.largest_move, abs(move))
        return move / usual if usual else None

    def _note_move(self, move: float, moved: bool, rest_moved: bool, at: float, hour: int) -> None:
        if moved:
            self.moving_hours |= hour
            self.moved_at = at
            self.moves += rest_moved
            self.moved += move

    def add_same_time(self, ours: float, theirs: float, difference: float) -> bool:
        """Note a pair of equal event times; whether its values are one value, as they must be."""
        self.same_time += 1
        self.same_time_at = self.paired_at
        equal = not difference or identical(self.field, ours, theirs, difference)
        if not equal:
            self.unequal += 1
            self.unequal_at = self.paired_at
            self.unequal_sum += difference
        return equal

    def add_apart(self, difference: float, skew_ms: int) -> None:
        """Note a pair of unequal event times."""
        if abs(skew_ms) > LATE_MS:
            self.late += 1
            self.late_at = self.paired_at
        self.stale += skew_ms < -STALE_MS
        if difference > 0 and beyond_lag(self.field, difference, skew_ms):
            self.beyond_lag += 1
            self.beyond_at = self.paired_at

    def note_off(self, above: bool, *, off: bool) -> None:
        """Note whether a pair is `off`, and with ours `above`: what the market does meanwhile goes
        either way, and an error one way."""
        step = (1 if above else -1) if off else 0
        self.off += off
        self._off_now = step and (self._off_now + step if self._off_now * step > 0 else step)
        self.off_run = max(self.off_run, abs(self._off_now))

    def note_rest(self, at: float, theirs: float) -> None:
        """Note REST's value at `at`, whether or not we have one."""
        if theirs != self.rest_value:
            self.rest_value, self.rest_moved_at = theirs, at

    def add_missing_rest(self, at: float) -> None:
        """Note that REST had no value at `at`."""
        self.missing_rest += 1
        if self.pairs_before_end != self.pairs:
            self.rest_ended_at, self.pairs_before_end = at, self.pairs

    @property
    def average(self) -> float:
        """Mean difference of the pairs of equal event times, 0 without any."""
        return self.unequal_sum / self.same_time if self.same_time else 0.0

    @property
    def average_move(self) -> float:
        return self.moved / (self.pairs - 1) if self.pairs > 1 else 0.0

    @property
    def interval(self) -> float:
        """Seconds between its pairs, on average; infinite for fewer than two."""
        return (self.paired_at - self.first_at) / (self.pairs - 1) if self.pairs > 1 else math.inf

    @property
    def ended_at_rest(self) -> bool:
        """Whether REST has no value since `rest_ended_at`, while the stream always had one."""
        return self.pairs_before_end == self.pairs and not self.missing_ws

    @property
    def one_sided(self) -> int:
        """Comparisons in which one side had no value, or both sides no price."""
        return self.missing_ws + self.missing_rest + self.missing_both
