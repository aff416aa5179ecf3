"""How far apart in time the two readings of the pairs are."""

import math
from collections import Counter

STEP_MS = 10
COARSE_STEPS = 20
COARSE_MS = STEP_MS * COARSE_STEPS
_MOST_MS = 60_000


class Skews:
    """Histograms of skew: the event time of the stream less that of REST, in ms.

    `different` counts pairs that are not equal by (coarse step, quarter decade of the difference
    in percent).
    """

    def __init__(self) -> None:
        self._steps: Counter[int] = Counter()
        self.different: Counter[tuple[int, int]] = Counter()
        self.unknown = 0

    def add(self, skew_ms: object) -> float:
        """Count a pair; returns how far apart its readings are, infinite when unknown."""
        if not isinstance(skew_ms, int):
            self.unknown += 1
            return math.inf
        self._steps[_step(skew_ms)] += 1
        return abs(skew_ms)

    def add_different(self, skew_ms: int, difference: float) -> None:
        size = math.floor(math.log10(difference) * 4)
        self.different[_step(skew_ms) // COARSE_STEPS, size] += 1

    def median_ms(self) -> float:
        """The median, 0 when no skew is known."""
        half, seen = self._steps.total() / 2, 0
        for step in sorted(self._steps):
            seen += self._steps[step]
            if seen >= half:
                return step * STEP_MS
        return 0.0

    def count_beyond(self, limit_ms: int) -> int:
        """How many pairs are at least so far apart."""
        return sum(many for step, many in self._steps.items() if abs(step) * STEP_MS >= limit_ms)

    def equal(self) -> list[tuple[int, int]]:
        """(coarse step, how many pairs are equal), in order."""
        found: Counter[int] = Counter()
        for step, many in self._steps.items():
            found[step // COARSE_STEPS] += many
        for (step, _), many in self.different.items():
            found[step] -= many
        return sorted(found.items())


def _step(skew_ms: int) -> int:
    """The first and the last step hold everything beyond."""
    return max(-_MOST_MS, min(skew_ms, _MOST_MS)) // STEP_MS
