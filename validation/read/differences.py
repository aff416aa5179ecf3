"""Differences in percent as they are remembered: 8 bytes for each that is not zero, which keeps
quantiles exact. Sums and maxima are taken at the end, which is many times faster."""

import heapq
import math
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import chain, count, pairwise

from validation.read.rows import Row

WORST_KEPT = 20


class Differences:
    """`many` counts all pairs, `values` holds the differences that are not zero, in order."""

    def __init__(self, many: int = 0, parts: "Iterable[array[float]]" = ()) -> None:
        self.many = many
        self.values = array("d", sorted(chain.from_iterable(parts)))
        self._total = math.fsum(self.values)

    @classmethod
    def of(cls, several: Iterable["Differences"]) -> "Differences":
        found = list(several)
        return cls(sum(each.many for each in found), [each.values for each in found])

    @property
    def average(self) -> float:
        return self._total / self.many if self.many else 0.0

    @property
    def maximum(self) -> float:
        return self.values[-1] if self.values else 0.0

    def quantile(self, share: float) -> float:
        """The smallest value that `share` of all do not exceed."""
        position = math.ceil(share * self.many) - 1 - (self.many - len(self.values))
        return self.values[position] if 0 <= position < len(self.values) else 0.0

    def buckets(self, limits: Sequence[float]) -> list[int]:
        """How many lie above the limit before and not above each limit; the last, above all."""
        same = self.many - len(self.values)
        edges = [same + bisect_right(self.values, limit) for limit in limits] + [self.many]
        return [edges[0], *(end - begin for begin, end in pairwise(edges))]


class Hour:
    """The differences of one field in one hour: of aligned pairs, and of all others."""

    __slots__ = ("aligned", "aligned_many", "apart", "many")

    def __init__(self) -> None:
        self.many = self.aligned_many = 0
        self.aligned, self.apart = array("d"), array("d")

    @property
    def average(self) -> float:
        """The mean of the aligned pairs, 0 without any."""
        return sum(self.aligned) / self.aligned_many if self.aligned_many else 0.0

    @property
    def aligned_maximum(self) -> float:
        """The largest of the aligned pairs, 0 without any."""
        return max(self.aligned, default=0.0)

    @property
    def maximum(self) -> float:
        return max((max(part) for part in (self.aligned, self.apart) if part), default=0.0)


RankedPair = tuple[float, int, Row]
"""A difference, its order, and its pair; of two equal ones the earlier counts as worse."""


class WorstPairs:
    """The pairs that differ most."""

    def __init__(self) -> None:
        self._heap: list[RankedPair] = []
        self._order = count(0, -1)

    def add(self, difference: float, row: Row) -> None:
        """Keep the pair if it is among the worst."""
        if len(self._heap) < WORST_KEPT:
            heapq.heappush(self._heap, (difference, next(self._order), row))
        elif difference > self._heap[0][0]:
            heapq.heapreplace(self._heap, (difference, next(self._order), row))

    def ranked(self) -> list[RankedPair]:
        return sorted(self._heap, reverse=True)
