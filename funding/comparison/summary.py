"""Many comparisons in, one summary and its verdict out."""

import statistics
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from funding.comparison.pair import MATCH_PCT, Comparison

ONE_SIDED_SHARE = 0.01
"""Of the symbols; with more of them on one side only, the two do not show the same market."""


class Summary(NamedTuple):
    """Many comparisons in a few numbers; differences are absolute, in percent.

    `symbols` counts all, `one_sided` those of them that one side does not have; `unexplained` are
    the significant differences that lag does not account for.
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

    @property
    def failings(self) -> list[str]:
        """In words, why the verdict is POOR; empty when it is not."""
        found = []
        if self.symbols == self.one_sided:
            found.append("not one symbol is on both sides")
        elif self.one_sided > self.symbols * ONE_SIDED_SHARE:
            found.append(f"{self.one_sided} of {self.symbols} symbols are on one side only")
        if self.unexplained:
            found.append(f"significant differences that lag does not explain: {self.unexplained}")
        if self.average_pct > MATCH_PCT:
            found.append(f"the average difference is {self.average_pct:.3f} %")
        return found

    @property
    def verdict(self) -> str:
        """EXCELLENT when every value matches, POOR with any failing, GOOD between."""
        if self.failings:
            return "POOR"
        return "EXCELLENT" if self.matches == self.total else "GOOD"


def summarise(comparisons: Sequence[Comparison]) -> Summary:
    """The summary of `comparisons`, which may be none."""
    counts = Counter(row.outcome for row in comparisons)
    differences = [abs(row.difference_pct) for row in comparisons if row.difference_pct is not None]
    prices = [row for row in comparisons if row.field == "mark_price"]
    return Summary(
        total=len(comparisons),
        matches=counts["match"],
        mismatches=counts["mismatch"],
        significant=counts["significant"],
        unexplained=sum(row.outcome == "significant" and not row.explained for row in comparisons),
        symbols=len({row.symbol for row in prices}),
        one_sided=len({r.symbol for r in prices if r.ws_value is None or r.rest_value is None}),
        average_pct=statistics.fmean(differences) if differences else 0.0,
        median_pct=statistics.median(differences) if differences else 0.0,
        maximum_pct=max(differences, default=0.0),
    )
