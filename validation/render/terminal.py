"""The report for a terminal of 100 columns."""

from collections.abc import Iterable, Sequence

from validation.render import failing, sections
from validation.render.document import Document
from validation.render.sections import Table
from validation.render.text import clean, columns, fitted, iso

WIDTH = 100
HOURS_SHOWN = 48
TELLING = {
    "equal at one event time",
    "fresh data",
    "API answering",
    "prices as compared last",
    "span",
}


def terminal(document: Document) -> str:
    """The whole report. What fails is told first, and again at the end, where a terminal stops; the
    last line is the verdict."""
    parts = (
        _drawn(sections.coverage(document), [22, 74]),
        _drawn(sections.outcomes(document), [24, -12, -12, -12, -12]),
        _drawn(sections.differences(document), [22, -11, -9, -9, -9, -9, -11]),
        _distribution(document),
        _drawn(_without_year(sections.worst(document)), [14, 14, 12, 0, -13, -13, -12, -8]),
        _hours(document),
        _drawn(_without_year(sections.events(document)), [14, 16, 14, 48]),
        _drawn(sections.rest(document), [48, -9, -10, -11, -12]),
        ["WARNINGS", *(f"  {clean(each)}" for each in document["warnings"] or ["none"])],
        _criteria(document),
    )
    lines = [f"VALIDATION OF {clean(document['exchange'])} · {iso(document['at'])}", "=" * WIDTH]
    lines += ["", *_failures(document), _verdict(document)]
    for part in parts:
        lines += ["", *part]
    return "\n".join([*lines, "", *_failures(document), _verdict(document), ""])


def _verdict(document: Document) -> str:
    reason = f": {failing.reason(document)}" if document["failures"] else ""
    return f"VERDICT: {document['verdict']}{reason}"


def _failures(document: Document) -> list[str]:
    """Each cause, when it was, what to do, and which criteria fail by it; nothing for a GO."""
    lines = []
    for number, failure in enumerate(document["failures"], 1):
        said, when = failure["text"].split(" "), failing.when(failure)
        lines += _wrapped(
            f"  {number}.", [*said, *(f"({when})".split(" ") if when else [])], "    "
        )
        lines += _wrapped("     To do:", failure["advice"].split(" "), " " * 11)
        lines += _wrapped("     Fails:", " · ".join(failure["criteria"]).split(" "), " " * 11)
    if lines:
        lines += _wrapped(" ", failing.outlook(document).split(" "), " ")
    return ["WHAT FAILS", *lines, ""] if lines else []


def _drawn(table: Table, widths: Sequence[int]) -> list[str]:
    """The title and the rows; negative widths align to the right, columns of width 0 are left
    out."""
    rows = [table.head, *table.rows] if any(table.head) else table.rows
    lines = [
        "  ".join(fitted(cell, width) for cell, width in zip(row, widths, strict=True) if width)
        for row in rows
    ]
    title = _wrapped(
        table.title.upper(), f"({clean(table.note)})".split(" ") if table.note else [], " "
    )
    return [*title, *(f"  {line}".rstrip() for line in lines)]


def _without_year(table: Table) -> Table:
    """With shorter times in the first column."""
    return table._replace(rows=[[at[5:].rstrip("Z"), *others] for at, *others in table.rows])


def _wrapped(begin: str, words: Iterable[str], indent: str) -> list[str]:
    """`begin` and the words after it, in as many lines as they need."""
    lines, line = [], begin
    for word in words:
        if columns(line) + 1 + columns(word) > WIDTH:
            lines.append(line)
            line = indent
        line += " " + fitted(word, min(columns(word), WIDTH - len(indent) - 1))
    return [*lines, line]


def _distribution(document: Document) -> list[str]:
    found = document["differences"]
    every, aligned = found["all"]["both"], found["aligned"]["both"]
    rows = []
    for name, many, near in zip(
        sections.bucket_names(found["limits"]), every["buckets"], aligned["buckets"], strict=True
    ):
        share = many / max(1, every["comparisons"])
        bar = "█" * max(round(share * 36), int(many > 0))
        rows.append([name, f"{many:,}", f"{share * 100:.3f} %", f"{near:,}", bar])
    table = Table("Distribution", ["", "all", "share", "one time", ""], rows)
    return _drawn(table, [14, -11, -10, -11, 36])


def _hours(document: Document) -> list[str]:
    hours = document["hours"]
    most = max((hour["price"]["average"] for hour in hours), default=0.0) or 1.0
    rows = []
    for hour in hours[:: max(1, -(-len(hours) // HOURS_SHOWN))]:
        every = price, _, _ = hour["price"], hour["rate"], hour["index"]
        pairs = sum(each["comparisons"] for each in every)
        averages = [f"{each['average']:.6f}" for each in every]
        worst = f"{max(each['maximum'] for each in every):.4f}"
        bar = "█" * round(price["average"] / most * 20)
        rows.append([iso(hour["at"])[5:16], f"{pairs:,}", *averages, worst, bar])
    head = ["hour from", "pairs", "price %", "rate %", "index %", "maximum %", ""]
    table = Table(
        "Drift over time", head, rows, 0, "averages at one event time; the bar is the price's"
    )
    return _drawn(table, [12, -9, -10, -10, -10, -12, 20])


def _criteria(document: Document) -> list[str]:
    """By group: first what fails, then what says most when it passes; the others by name alone."""
    lines = ["CRITERIA"]
    for group in dict.fromkeys(each["group"] for each in document["criteria"]):
        those = [each for each in document["criteria"] if each["group"] == group]
        failed = [each for each in those if not each["passed"]]
        shown = [each for each in those if each["passed"] and each["name"] in TELLING]
        folded = [e["name"] for e in those if e["passed"] and e["name"] not in TELLING]
        lines.append(f"  {group.upper()}: {len(those) - len(failed)} of {len(those)} pass")
        for each in (*failed, *shown):
            begin = f"    {'PASS' if each['passed'] else 'FAIL'}  {fitted(each['name'], 27)}"
            words = [*clean(each["figure"]).split(" "), f"({each['wanted']})"]
            lines += _wrapped(begin, words, " " * 37)
        if folded:
            lines += _wrapped("    PASS ", " · ".join(folded).split(" "), " " * 9)
    return lines
