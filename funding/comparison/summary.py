"""Many comparisons in, one summary with its verdict out."""

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from funding.comparison.difference import MATCH_PCT, Field, Outcome
from funding.comparison.pair import Comparison
from funding.model.feed import LAG_SECONDS

LINE_EVERY = 100
ONE_SIDED_SHARE = 0.01
"""Share of the symbols; with more of them on one side only, the two sides are not one market."""


class Summary(NamedTuple):
    """Many comparisons in a few numbers; differences are absolute, in percent.

    `symbols` counts all symbols, and `one_sided` those that one side does not have. `unexplained`
    counts the significant differences that lag does not explain. `behind_seconds` is by how much
    the stream's event times are behind those of REST, at the median of the symbols.
    """

    total: int
    matches: int
    mismatches: int
    significant: int
    unexplained: int
    symbols: int
    one_sided: int
    average_pct: float
    median_pct: float
    maximum_pct: float
    behind_seconds: float

    @property
    def failings(self) -> list[str]:
        """The reasons for the verdict POOR, in words; empty with any other verdict."""
        reasons = []
        if self.symbols == self.one_sided:
            reasons.append("not one symbol is on both sides")
        elif self.one_sided > self.symbols * ONE_SIDED_SHARE:
            reasons.append(f"{self.one_sided} of {self.symbols} symbols are on one side only")
        if self.unexplained:
            reasons.append(f"significant differences that lag does not explain: {self.unexplained}")
        if self.behind_seconds > LAG_SECONDS:
            words = "its lag explains the differences, and is not right"
            reasons.append(f"the stream is {self.behind_seconds:.0f} s behind REST: {words}")
        if self.average_pct > MATCH_PCT:
            reasons.append(f"the average difference is {self.average_pct:.3f} %")
        return reasons

    @property
    def verdict(self) -> str:
        """EXCELLENT when every value matches, POOR with any failing, otherwise GOOD."""
        if self.failings:
            return "POOR"
        return "EXCELLENT" if self.matches == self.total else "GOOD"


def summarise(comparisons: Sequence[Comparison]) -> Summary:
    """The summary of `comparisons`, which may be empty."""
    counts = Counter(row.outcome for row in comparisons)
    significant = [row for row in comparisons if row.outcome == Outcome.SIGNIFICANT]
    differences = [abs(row.difference_pct) for row in comparisons if row.difference_pct is not None]
    behind = [-row.skew_ms for row in comparisons if row.skew_ms is not None]
    prices = [row for row in comparisons if row.field == Field.MARK_PRICE]
    return Summary(
        total=len(comparisons),
        matches=counts[Outcome.MATCH],
        mismatches=counts[Outcome.MISMATCH],
        significant=len(significant),
        unexplained=sum(not row.explained for row in significant),
        symbols=len({row.symbol for row in prices}),
        one_sided=len({r.symbol for r in prices if r.ws_value is None or r.rest_value is None}),
        average_pct=statistics.fmean(differences) if differences else 0.0,
        median_pct=statistics.median(differences) if differences else 0.0,
        maximum_pct=max(differences, default=0.0),
        behind_seconds=statistics.median(behind) / 1_000 if behind else 0.0,
    )


class RunningSummary:
    """Counts and sums of all comparisons so far, in bounded memory."""

    def __init__(self) -> None:
        self._total = self._matches = self._significant = self._measured = 0
        self._sum_pct = self._maximum_pct = 0.0

    def add(self, comparisons: Iterable[Comparison]) -> str | None:
        """Count them; one line in words whenever that completes a hundred, or several."""
        before = self._total
        for row in comparisons:
            self._total += 1
            self._matches += row.outcome is Outcome.MATCH
            self._significant += row.outcome is Outcome.SIGNIFICANT
            if row.difference_pct is not None:
                self._measured += 1
                self._sum_pct += abs(row.difference_pct)
                self._maximum_pct = max(self._maximum_pct, abs(row.difference_pct))
        return self._line() if self._total // LINE_EVERY > before // LINE_EVERY else None

    def _line(self) -> str:
        average = self._sum_pct / self._measured if self._measured else 0.0
        return (
            f"{self._total} comparisons: {self._matches} matches,"
            f" {self._total - self._matches} mismatches ({self._significant} significant),"
            f" average {average:.4f} %, maximum {self._maximum_pct:.4f} %"
        )
