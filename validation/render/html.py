"""The report as one self-contained HTML file, for light and dark, with all text escaped."""

from html import escape
from pathlib import Path
from typing import Any

from validation.criteria.criterion import duration
from validation.render import failing, sections
from validation.render.document import Document
from validation.render.figures import figures
from validation.render.sections import Table
from validation.render.text import clean, iso

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""No script, no outside resource: the browser enforces it, whatever a name may smuggle in."""


def html(document: Document) -> str:
    title = f"Validation of {clean(document['exchange'])}: {document['verdict']}"
    style = Path(__file__).with_name("page.css").read_text("utf-8")
    parts = (
        _heading(document),
        _failures(document),
        _warnings(document),
        _cards(document),
        _criteria(document),
        figures(document),
        _drawn(sections.differences(document)),
        _drawn(sections.outcomes(document)),
        _drawn(sections.worst(document)),
        _drawn(sections.coverage(document)),
        _drawn(sections.events(document)),
        _drawn(sections.rest(document)),
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>\n{style}</style></head>\n"
        f"<body>\n{chr(10).join(parts)}\n</body></html>\n"
    )


def _text(value: object) -> str:
    return escape(clean(value))


def _drawn(table: Table) -> str:
    """A heading, the note if there is one, and the rows under their heads."""
    begin = len(table.head) - table.numbers
    css = ["" if index < begin else ' class="n"' for index in range(len(table.head))]
    return (
        f"<h2>{_text(table.title)}</h2>"
        + (f"<p>{_text(table.note)}</p>" if table.note else "")
        + _rows(
            "".join(f"<th{c}>{_text(cell)}</th>" for c, cell in zip(css, table.head, strict=True)),
            [
                "".join(f"<td{c}>{_text(cell)}</td>" for c, cell in zip(css, row, strict=True))
                for row in table.rows
            ],
        )
    )


def _rows(head: str, rows: list[str]) -> str:
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _heading(document: Document) -> str:
    found = document["coverage"]
    css = "verdict go" if document["verdict"] == "GO" else "verdict"
    said = f"{failing.reason(document)}. {failing.outlook(document)}"
    return (
        f"<h1>Validation of {_text(document['exchange'])}</h1>"
        f'<div class="soft">{iso(found["first"])} to {iso(found["last"])},'
        f" made {iso(document['at'])}</div>"
        f'<div class="{css}"><b>{document["verdict"]}</b><span>{_text(said)}</span></div>'
    )


def _failures(document: Document) -> str:
    """Each cause with what to do, and the criteria that fail by it."""
    if not document["failures"]:
        return ""
    criteria = {each["name"]: each for each in document["criteria"]}
    parts = []
    for failure in document["failures"]:
        items = "".join(f"<li>{_judged(criteria[name])}</li>" for name in failure["criteria"])
        parts.append(
            f'<section class="failure"><h3>{_text(failure["text"])}</h3>'
            f'<p class="soft">{_text(failing.when(failure))}</p>'
            f"<p>{_text(failure['advice'])}</p><ul>{items}</ul></section>"
        )
    return f"<h2>What fails</h2>{''.join(parts)}"


def _judged(criterion: dict[str, Any]) -> str:
    name, figure, wanted = (_text(criterion[key]) for key in ("name", "figure", "wanted"))
    return f'<b>{name}</b>: {figure} <span class="wanted">(wanted: {wanted})</span>'


def _warnings(document: Document) -> str:
    if not document["warnings"]:
        return ""
    items = "".join(f"<li>{_text(each)}</li>" for each in document["warnings"])
    return f'<h2>Warnings</h2><ul class="warn">{items}</ul>'


def _cards(document: Document) -> str:
    found, totals = document["coverage"], document["totals"]["all"]
    average = document["differences"]["aligned"]["both"]["average"]
    cards = (
        (duration(found["span"]), "compared"),
        (f"{found['compared']:,} of {found['known']:,}", "symbols"),
        (f"{totals['total']:,}", "comparisons"),
        (f"{totals['mismatch']:,}", "mismatches"),
        (f"{totals['significant']:,}", "significant"),
        (f"{average:.5f} %", "average at one event time"),
    )
    drawn = "".join(f"<div><b>{_text(n)}</b><span>{_text(t)}</span></div>" for n, t in cards)
    return f'<h2>Figures</h2><div class="cards">{drawn}</div>'


def _criteria(document: Document) -> str:
    """Folded by group; in each of them what fails is first."""
    parts = []
    for group in dict.fromkeys(each["group"] for each in document["criteria"]):
        those = [each for each in document["criteria"] if each["group"] == group]
        passed = sum(each["passed"] for each in those)
        css = "pass" if passed == len(those) else "fail"
        rows = "".join(map(_row, sorted(those, key=lambda each: each["passed"])))
        parts.append(
            f'<details><summary><b>{_text(group)}</b> <span class="{css}">{passed} of {len(those)}'
            f'</span> pass</summary><table class="criteria"><thead><tr><th></th><th>criterion</th>'
            f"<th>found</th><th>wanted</th></tr></thead><tbody>{rows}</tbody></table></details>"
        )
    return f"<h2>Criteria</h2>{''.join(parts)}"


def _row(criterion: dict[str, Any]) -> str:
    mark = "pass" if criterion["passed"] else "fail"
    return (
        f'<tr><td class="{mark}">{mark.upper()}</td>'
        f'<td class="name">{_text(criterion["name"])}</td>'
        f'<td data-label="found">{_text(criterion["figure"])}</td>'
        f'<td data-label="wanted" class="wanted">{_text(criterion["wanted"])}</td></tr>'
    )
