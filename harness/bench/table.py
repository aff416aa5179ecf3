"""The figures for people: a table for a terminal, and the goals beside it. Pure."""

from harness.bench.figures import OURS, Figure, Figures
from harness.bench.goals import GOALS, Goal

ROWS = {
    1: "Ingest",
    2: "Visibility",
    3: "Lookups while ingest runs",
    4: "The herd: 341 lookups, 20 at a time",
    5: "Memory and disk",
    6: "Growth",
    7: "Recovery: seconds without data after the fault",
}
_MET = {True: "met", False: "MISSED", None: "not measured"}


def number(value: float | None) -> str:
    """Three figures, or a dash."""
    if value is None or value != value:
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 or not value else f"{value:.1e}"


def _line(figures: Figures, one: Figure) -> tuple[str, ...]:
    if one.median is None:
        return (one.what, one.who, "–", "–", "", "", one.why)
    by_median, by_p99 = figures.ratio_to(one), figures.ratio_to(one, "p99")
    ratios = [f"{number(each)} ×" if each is not None else "" for each in (by_median, by_p99)]
    shown = f"{number(one.median)} {one.unit}".strip()
    p99 = "" if one.p99 is None else number(one.p99)
    return (one.what, one.who, shown, p99, *ratios, one.why)


def lines(figures: Figures, row: int) -> list[tuple[str, ...]]:
    """The cells of one row of the issue, ours first in each group."""
    held = [one for one in figures.held if one.row == row]
    order = {what: place for place, what in enumerate(dict.fromkeys(o.what for o in held))}
    held.sort(key=lambda one: (order[one.what], one.who != OURS))
    return [_line(figures, one) for one in held]


def goals(figures: Figures) -> list[tuple[str, str, str]]:
    """Each goal, what was seen, and whether that meets it."""
    return [(goal.text, number(goal.value(figures)), _MET[goal.met(figures)]) for goal in GOALS]


def missed(figures: Figures) -> list[Goal]:
    """The goals that this run measured and did not meet."""
    return [goal for goal in GOALS if goal.met(figures) is False]


HEADS = ("what", "who", "median", "p99", "ours ÷ it", "p99 ÷ it", "")


def text(figures: Figures, heading: str) -> str:
    """The whole, for a terminal."""
    parts = [heading]
    for row, title in ROWS.items():
        if cells := lines(figures, row):
            parts += ["", f"{row}. {title}", *columns([HEADS, *cells])]
    parts += ["", "Goals", *columns(goals(figures))]
    return "\n".join(parts) + "\n"


def columns(rows: list[tuple[str, ...]] | list[tuple[str, str, str]]) -> list[str]:
    """Cells as aligned lines."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
