"""What was measured, and what follows from it. Pure."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

OURS = "ours"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: `who` did `what`, of the row `row`.

    `why` says why there is no figure, or what should be known about it.
    """

    row: int
    what: str
    who: str
    unit: str
    median: float | None = None
    p99: float | None = None
    why: str = ""


def p99(values: Sequence[float]) -> float:
    """The 99th percentile of at least one value."""
    if len(values) < 2:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[98]


def ratio(ours: float | None, other: float | None) -> float | None:
    """`ours` in units of `other`; None where one of them is missing or there is no such unit."""
    if ours is None or not other or math.isnan(ours) or math.isnan(other):
        return None
    return ours / other


@dataclass(slots=True)
class Figures:
    """All of them, in the order measured."""

    lines: list[Figure] = field(default_factory=list)

    def samples(
        self, row: int, what: str, who: str, unit: str, values: Sequence[float], why: str = ""
    ) -> None:
        """A line from its samples."""
        if values:
            median = statistics.median(values)
            self.lines.append(Figure(row, what, who, unit, median, p99(values), why))
        else:
            self.missing(row, what, who, why or "nothing measured")

    def single(self, row: int, what: str, who: str, unit: str, value: float, why: str = "") -> None:
        """A line of one number; NaN where something before it was not measured."""
        if math.isnan(value):
            self.missing(row, what, who, why or "nothing measured")
        else:
            self.lines.append(Figure(row, what, who, unit, value, None, why))

    def missing(self, row: int, what: str, who: str, why: str) -> None:
        """A line that says why there is no figure."""
        self.lines.append(Figure(row, what, who, "", why=why))

    def find(self, row: int, what: str, who: str = OURS) -> Figure | None:
        """The line, if there is one."""
        wanted = (row, what, who)
        return next((f for f in self.lines if (f.row, f.what, f.who) == wanted), None)

    def ratio_to(self, figure: Figure, of: str = "median") -> float | None:
        """Ours in units of `figure`, by its median or its p99."""
        ours = self.find(figure.row, figure.what)
        if ours is None or ours is figure:
            return None
        return ratio(getattr(ours, of), getattr(figure, of))

    def data(self) -> list[dict[str, object]]:
        """For JSON: each line with its ratios."""
        return [
            asdict(f) | {"ours_by_median": self.ratio_to(f), "ours_by_p99": self.ratio_to(f, "p99")}
            for f in self.lines
        ]
