"""Differences in percent as they are remembered: 8 bytes each, for exact quantiles, and none for
those that are zero. Sums and maxima are taken at the end, which is many times faster."""

import heapq
import math
from array import array
from collections.abc import Iterable
from itertools import chain, count
from typing import Any, NamedTuple

from validation.read.rows import Row

WORST_KEPT = 20


class Spread:
    """Differences: `many` counts all, `values` has those that are not zero, in order."""

    def __init__(self, many: int = 0, parts: "Iterable[array[float]]" = ()) -> None:
        self.many = many
        self.values = array("d", sorted(chain.from_iterable(parts)))
        self.total = math.fsum(self.values)

    @classmethod
    def of(cls, spreads: Iterable["Spread"]) -> "Spread":
        """All of them in one."""
        found = list(spreads)
        return cls(sum(each.many for each in found), [each.values for each in found])

    @property
    def average(self) -> float:
        """The mean, 0 of none."""
        return self.total / self.many if self.many else 0.0


class Hour:
    """The differences of one field in one hour: of aligned pairs, and of all others."""

    __slots__ = ("aligned", "aligned_many", "apart", "many")

    def __init__(self) -> None:
        self.many = self.aligned_many = 0
        self.aligned, self.apart = array("d"), array("d")

    @property
    def average(self) -> float:
        """The mean of the aligned pairs, 0 of none."""
        return sum(self.aligned) / self.aligned_many if self.aligned_many else 0.0

    @property
    def maximum(self) -> float:
        """The largest of all."""
        return max((max(part) for part in (self.aligned, self.apart) if part), default=0.0)


class Ranked(NamedTuple):
    """A pair that differs much; of two that differ alike the first one counts as worse."""

    difference: float
    order: int
    row: Row


class Worst:
    """The pairs that differ most."""

    def __init__(self) -> None:
        self._heap: list[Ranked] = []
        self._order = count(0, -1)
        self.least = 0.0
        """What a difference must exceed to be among them."""

    def put(self, difference: float, row: tuple[Any, ...]) -> None:
        """Keep a pair that differs by more than `least`."""
        entry = Ranked(difference, next(self._order), Row._make(row))
        if len(self._heap) < WORST_KEPT:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heapreplace(self._heap, entry)
        if len(self._heap) == WORST_KEPT:
            self.least = self._heap[0].difference

    def ranked(self) -> list[Ranked]:
        """The worst first."""
        return sorted(self._heap, reverse=True)
