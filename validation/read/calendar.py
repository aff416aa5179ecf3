"""When comparisons were made: minutes, gaps, and the settlements that were witnessed."""

import math
from array import array

from validation.rules import HOUR_SECONDS

GAP_SECONDS = 300.0
GAPS_KEPT = 1_000
SETTLEMENT_SECONDS = 28_800
WITNESS_SECONDS = 5_400
"""A settlement has witnesses so long before and after it, at most."""
Witness = tuple[bool, float, dict[str, float]]
"""Whether an instant is after the settlement, how far from it, and who was compared so far."""


class Gaps:
    """Times without anything, longer than five minutes; instants come in their order."""

    def __init__(self, first: float) -> None:
        self._last = first
        self.longest = 0.0
        self.found: list[tuple[float, float]] = []  # (begin, end)

    def add(self, at: float) -> None:
        """Note that something was at `at`, or that the period ends there."""
        gap = at - self._last
        self.longest = max(self.longest, gap)
        if gap > GAP_SECONDS and len(self.found) < GAPS_KEPT:
            self.found.append((self._last, at))
        self._last = at


class Calendar:
    """Receives instants in their order. Unix seconds; hours and gaps count from `first`."""

    def __init__(self, first: float) -> None:
        self.first = first
        self.gaps = Gaps(first)  # without a pair
        self.watched = Gaps(first)  # without a row of the watchdog
        self._minutes = array("q")  # minute, first id, last id; and so on
        self.witnesses: dict[tuple[int, bool], dict[str, float]] = {}
        """(settlement, whether after it) → the symbols whose rates were compared near it, and how
        many seconds from it."""

    def add_row(self, at: float, number: int) -> None:
        """Note when the row with the id `number` was compared."""
        minutes, minute = self._minutes, int(at // 60)
        if not minutes or minute != minutes[-3]:
            minutes.extend((minute, number, number))
        minutes[-2], minutes[-1] = min(minutes[-2], number), max(minutes[-1], number)

    def begin_instant(self, at: float) -> tuple[int, Witness | None]:
        """The hour of an instant, and whether it is near a settlement."""
        settlement = round(at / SETTLEMENT_SECONDS)
        after = at - settlement * SETTLEMENT_SECONDS
        witness = None
        if abs(after) <= WITNESS_SECONDS:
            key = settlement, after >= 0
            witness = after >= 0, abs(after), self.witnesses.setdefault(key, {})
        return max(0, int((at - self.first) / HOUR_SECONDS)), witness

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
