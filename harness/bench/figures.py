"""What was measured, and the sums on it. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field

OURS = "ours"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: `who` did `what`, of the issue's row `row`.

    `why` says why there is no figure, or what should be known about it.
    """

    row: int
    what: str
    who: str
    unit: str
    median: float | None = None
    p99: float | None = None
    why: str = ""


def percentile(values: Iterable[float], share: float) -> float:
    """The nearest-rank percentile; `share` is from 0 to 1. NaN of nothing."""
    ordered = sorted(values)
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def ratio(ours: float | None, other: float | None) -> float | None:
    """`ours` in units of `other`; None where one of them is missing or there is no such unit."""
    if ours is None or other is None or not other or math.isnan(ours) or math.isnan(other):
        return None
    return ours / other


@dataclass(slots=True)
class Figures:
    """All of them, in the order measured."""

    held: list[Figure] = field(default_factory=list)

    def samples(
        self, row: int, what: str, who: str, unit: str, values: Sequence[float], why: str = ""
    ) -> None:
        """A line from its samples."""
        if not values:
            self.held.append(Figure(row, what, who, unit, why=why or "nothing measured"))
            return
        median, p99 = percentile(values, 0.5), percentile(values, 0.99)
        self.held.append(Figure(row, what, who, unit, median, p99, why))

    def one(self, row: int, what: str, who: str, unit: str, value: float, why: str = "") -> None:
        """A line that is a single number; NaN says that something before it was not measured."""
        if math.isnan(value):
            self.missing(row, what, who, why or "nothing measured")
        else:
            self.held.append(Figure(row, what, who, unit, value, None, why))

    def missing(self, row: int, what: str, who: str, why: str) -> None:
        """A line that says why there is no figure."""
        self.held.append(Figure(row, what, who, "", why=why))

    def find(self, row: int, what: str, who: str = OURS) -> Figure | None:
        """The line, if there is one."""
        wanted = (row, what, who)
        return next((f for f in self.held if (f.row, f.what, f.who) == wanted), None)

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
            for f in self.held
        ]
