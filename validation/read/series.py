"""What is remembered of one field of one symbol over all its comparisons."""

import dataclasses
import math
from dataclasses import dataclass

from validation.rules import RATE, SAME_RATE, SAME_TICK_MS, Field, identical

ENOUGH_PAIRS = 10
"""Comparisons of one symbol before their mean, or a share of them, says something."""


@dataclass(slots=True)
class Run:
    """Readings in a row of which something holds, and the longest run of them."""

    length: int = 0
    longest: int = 0

    def add(self, holds: bool) -> None:
        self.length = self.length + 1 if holds else 0
        self.longest = max(self.longest, self.length)


@dataclass(slots=True)
class Series:
    """One field of one symbol. Differences in percent, times in Unix seconds.

    `*_hours` have one bit for each hour of the period. `frozen_*` are runs of readings in which
    that side kept its value while the other one moved, `unequal_run` those of one tick that differ.
    """

    symbol: str
    field: Field
    last_at: float = -math.inf
    last_ws: float | None = None
    last_rest: float | None = None
    pairs: int = 0
    compared_hours: int = 0
    moves: int = 0
    moving_hours: int = 0  # in which either side took another value
    frozen_ws: Run = dataclasses.field(default_factory=Run)
    frozen_rest: Run = dataclasses.field(default_factory=Run)
    aligned: int = 0
    aligned_sum: float = 0.0
    aligned_signed: float = 0.0
    aligned_square: float = 0.0
    same_tick: int = 0
    unequal: int = 0
    unequal_run: Run = dataclasses.field(default_factory=Run)
    significant: int = 0
    claimed: int = 0
    missing_ws: int = 0
    missing_rest: int = 0
    missing_both: int = 0
    rest_ended_at: float = 0.0  # since when REST has no value
    pairs_before_end: int = -1  # and how many pairs there were before

    def add_pair(self, ours: float, theirs: float, hour: int) -> None:
        """Note which side moved since the reading before; `hour` is the bit of this one's."""
        self.pairs += 1
        self.compared_hours |= hour
        before_ws, before_rest = self.last_ws, self.last_rest
        self.last_ws, self.last_rest = ours, theirs
        if before_ws is None or before_rest is None:
            return
        if self.field == RATE:
            ws_moved = abs(ours - before_ws) >= SAME_RATE
            rest_moved = abs(theirs - before_rest) >= SAME_RATE
        else:
            ws_moved, rest_moved = ours != before_ws, theirs != before_rest
        if ws_moved or rest_moved:
            self.moving_hours |= hour
            self.moves += rest_moved
            self.frozen_ws.add(not ws_moved)
            self.frozen_rest.add(not rest_moved)

    def add_aligned(self, ours: float, theirs: float, difference: float, apart_ms: float) -> None:
        """Note an aligned pair; within one tick its values must be equal."""
        self.aligned += 1
        if difference:
            self.aligned_sum += difference
            self.aligned_signed += difference if ours > theirs else -difference
            self.aligned_square += difference * difference
        if apart_ms > SAME_TICK_MS:
            return
        self.same_tick += 1
        unequal = not identical(self.field, ours, theirs, difference)
        self.unequal += unequal
        self.unequal_run.add(unequal)

    def add_missing_rest(self, at: float) -> None:
        """Note that REST had no value at `at`."""
        self.missing_rest += 1
        if self.pairs_before_end != self.pairs:
            self.rest_ended_at, self.pairs_before_end = at, self.pairs

    @property
    def average(self) -> float:
        """Mean difference of the aligned pairs, 0 without any."""
        return self.aligned_sum / self.aligned if self.aligned else 0.0

    @property
    def bias(self) -> tuple[float, float]:
        """Mean signed difference of the aligned pairs and its standard error, in percent."""
        if self.aligned < 2:
            return 0.0, 0.0
        mean = self.aligned_signed / self.aligned
        variance = max(0.0, self.aligned_square / self.aligned - mean * mean)
        return mean, (variance / (self.aligned - 1)) ** 0.5

    @property
    def ended_at_rest(self) -> bool:
        """Whether REST has no value since `rest_ended_at`, while the stream always had one."""
        return self.pairs_before_end == self.pairs and not self.missing_ws

    @property
    def one_sided(self) -> int:
        """Comparisons in which one side had no value, or both sides no price."""
        return self.missing_ws + self.missing_rest + self.missing_both
