"""Whether a funding rate has moved far within minutes."""

import math
from array import array

WINDOW_SECONDS = 300
LEAST_SHARE = 0.1
"""Of the rate that it has moved from."""
LEAST_MOVE = 1e-4 / 8
"""1 bp per 8 h, as a fraction per hour: a tenth of a tiny rate is nothing."""
_SLOT_SECONDS = 15
"""Extremes are kept per slot, and a slot is forgotten as a whole when its beginning is too old: a
move that took more than 285 s may not be seen, and one that took more than 300 s never is."""
_SLOTS = WINDOW_SECONDS // _SLOT_SECONDS
_NOTHING = (math.inf, -math.inf)  # the extremes of a slot in which no rate was known
_ROUNDING = 1e-6  # of single precision, which takes half the memory


class RateWindow:
    """The lowest and highest rates of one symbol in the last `WINDOW_SECONDS`, from `rate` of `at`
    (Unix seconds) on. Times do not go back."""

    __slots__ = ("_extremes", "_rate", "_slot")

    def __init__(self, at: float, rate: float) -> None:
        self._extremes: array[float] = array("f")
        self._restart(int(at) // _SLOT_SECONDS, rate)

    def moved_from(self, at: float, rate: float, interval: int, held_until: float) -> float | None:
        """The rate from which it has moved to `rate` at `at`; None where it has not moved far.

        The rate before it was true up to `held_until`. After a move the window starts again, so
        that one move is told once.
        """
        slot = int(at) // _SLOT_SECONDS
        self._advance(slot, int(held_until) // _SLOT_SECONDS)
        extremes = self._extremes
        for start in (min(extremes[::2]), max(extremes[1::2])):
            moved = abs(rate - start)
            share, least = LEAST_SHARE * abs(start), LEAST_MOVE * interval
            if share * (1 + _ROUNDING) < moved < math.inf and moved >= least * (1 - _ROUNDING):
                self._restart(slot, rate)
                return start
        self._rate = rate
        extremes[-2] = min(extremes[-2], rate)
        extremes[-1] = max(extremes[-1], rate)
        return None

    def _restart(self, slot: int, rate: float) -> None:
        self._slot, self._rate = slot, rate
        self._extremes = array("f", (rate, rate))

    def _advance(self, slot: int, held: int) -> None:
        for each in range(max(self._slot, slot - _SLOTS) + 1, slot + 1):
            self._extremes.extend((self._rate, self._rate) if each <= held else _NOTHING)
        del self._extremes[: -2 * _SLOTS]
        self._slot = max(self._slot, slot)
