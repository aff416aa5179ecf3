"""What a client has compared so far: a line every hundred comparisons."""

import threading
from collections.abc import Iterable

from funding.comparison.pair import Comparison

EVERY = 100


class RunningSummary:
    """Counts and sums since the client was made, in bounded memory; for any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._total = self._matches = self._significant = self._measured = 0
        self._sum_pct = self._maximum_pct = 0.0

    def add(self, rows: Iterable[Comparison]) -> str | None:
        """Count `rows`; the summary whenever that completes a hundred, or several."""
        with self._lock:
            before = self._total
            for row in rows:
                self._count(row)
            return self._line() if self._total // EVERY > before // EVERY else None

    def _count(self, row: Comparison) -> None:
        self._total += 1
        self._matches += row.outcome == "match"
        self._significant += row.outcome == "significant"
        if row.difference_pct is not None:
            self._measured += 1
            self._sum_pct += abs(row.difference_pct)
            self._maximum_pct = max(self._maximum_pct, abs(row.difference_pct))

    def _line(self) -> str:
        average = self._sum_pct / self._measured if self._measured else 0.0
        return (
            f"{self._total} comparisons: {self._matches} matches,"
            f" {self._total - self._matches} mismatches ({self._significant} significant),"
            f" average {average:.4f} %, maximum {self._maximum_pct:.4f} %"
        )
