"""The figures for people: a table for each row, and the goals. Pure."""

from harness.bench.figures import OURS, Figure, Figures
from harness.bench.goals import judge
from harness.tables import criteria_table, number, table

ROWS = {
    1: "Ingest",
    2: "Visibility",
    3: "Lookups while ingest runs",
    4: "The herd: 341 lookups, 20 at a time",
    5: "Memory and disk",
    6: "Growth",
    7: "Recovery: seconds without data after the fault",
}
_HEADS = ("what", "who", "median", "p99", "ours ÷ it", "p99 ÷ it", "")


def _cells(figures: Figures, line: Figure) -> tuple[str, ...]:
    if line.median is None:
        return (line.what, line.who, "–", "–", "", "", line.why)
    ratios = (figures.ratio_to(line), figures.ratio_to(line, "p99"))
    shown = [f"{number(each)} ×" if each is not None else "" for each in ratios]
    p99 = "" if line.p99 is None else number(line.p99)
    return (line.what, line.who, f"{number(line.median)} {line.unit}".strip(), p99, *shown,
            line.why)  # fmt: skip


def lines(figures: Figures, row: int) -> list[tuple[str, ...]]:
    """The cells of one row, ours first in each group."""
    found = [line for line in figures.lines if line.row == row]
    order = list(dict.fromkeys(line.what for line in found))
    found.sort(key=lambda line: (order.index(line.what), line.who != OURS))
    return [_cells(figures, line) for line in found]


def text(figures: Figures, heading: str, form: str = "simple") -> str:
    """All of it, in a form of tabulate's."""
    parts = [heading]
    for row, title in ROWS.items():
        if cells := lines(figures, row):
            parts += [f"{row}. {title}", table(cells, _HEADS, form)]
    return "\n\n".join([*parts, "Goals", criteria_table(judge(figures), form)]) + "\n"
