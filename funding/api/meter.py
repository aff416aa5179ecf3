"""How long this process takes to answer: counts of answers by their duration."""

from bisect import bisect_left

BOUNDS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0)
"""Seconds."""


class Meter:
    """Counts durations; one thread at a time."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """One answer took `seconds`."""
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    def cumulative(self) -> list[tuple[float, int]]:
        """(bound, how many took at most so long); the last bound is infinite."""
        found, below = [], 0
        for bound, count in zip((*BOUNDS, float("inf")), self._counts, strict=True):
            below += count
            found.append((bound, below))
        return found
