"""The report as one self-contained HTML file, for light and dark, with all text escaped."""

from html import escape
from pathlib import Path

from validation.criteria.criterion import duration
from validation.render import plots, sections
from validation.render.document import Document
from validation.render.sections import Table
from validation.render.text import clean, iso
from validation.rules import MARK, MATCH_PCT


def html(document: Document) -> str:
    title = f"Validation of {clean(document['exchange'])}: {document['verdict']}"
    style = Path(__file__).with_name("page.css").read_text("utf-8")
    parts = (
        _heading(document),
        _criteria(document),
        _warnings(document),
        _plots(document),
        _drawn(sections.differences(document)),
        _drawn(sections.outcomes(document)),
        _drawn(sections.worst(document)),
        _drawn(sections.coverage(document)),
        _drawn(sections.events(document)),
        _drawn(sections.rest(document)),
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
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
    found, totals = document["coverage"], document["totals"]["all"]
    failed = [each["name"] for each in document["criteria"] if not each["passed"]]
    reason = f"fails: {' · '.join(failed)}" if failed else "every criterion is met"
    css = "verdict go" if document["verdict"] == "GO" else "verdict"
    cards = (
        (duration(found["span"]), "compared"),
        (f"{found['compared']:,} of {found['known']:,}", "symbols"),
        (f"{totals['total']:,}", "comparisons"),
        (f"{totals['mismatch']:,}", "mismatches"),
        (f"{totals['significant']:,}", "significant"),
        (
            f"{document['differences']['aligned']['both']['average']:.5f} %",
            "average at one event time",
        ),
    )
    return (
        f"<h1>Validation of {_text(document['exchange'])}</h1>"
        f'<div class="soft">{iso(found["first"])} to {iso(found["last"])},'
        f" made {iso(document['at'])}</div>"
        f'<div class="{css}"><b>{document["verdict"]}</b><span>{_text(reason)}</span></div>'
        '<div class="cards">'
        + "".join(f"<div><b>{_text(n)}</b><span>{_text(t)}</span></div>" for n, t in cards)
        + "</div>"
    )


def _criteria(document: Document) -> str:
    """By group, and in each of them what fails first."""
    groups = list(dict.fromkeys(each["group"] for each in document["criteria"]))
    rows = []
    for each in sorted(document["criteria"], key=lambda e: (groups.index(e["group"]), e["passed"])):
        mark = "pass" if each["passed"] else "fail"
        rows.append(
            f'<td>{_text(each["group"])}</td><td class="{mark}">{mark.upper()}</td>'
            f'<td class="name">{_text(each["name"])}</td>'
            f'<td>{_text(each["figure"])}</td><td class="wanted">{_text(each["wanted"])}</td>'
        )
    head = "<th></th><th></th><th>criterion</th><th>found</th><th>wanted</th>"
    return f"<h2>Criteria</h2>{_rows(head, rows)}"


def _warnings(document: Document) -> str:
    if not document["warnings"]:
        return ""
    items = "".join(f"<li>{_text(each)}</li>" for each in document["warnings"])
    return f'<h2>Warnings</h2><ul class="warn">{items}</ul>'


def _plots(document: Document) -> str:
    found, skew, hours = document["differences"], document["skew"], document["hours"]
    buckets = [found[which]["both"]["buckets"] for which in ("all", "aligned")]
    names = [name.removeprefix("up to ") for name in sections.bucket_names(found["limits"])]
    drift = [(css, [hour[field]["average"] for hour in hours])
             for css, field in (("", "price"), ("aligned", "rate"))]  # fmt: skip
    worst = [
        (f"{clean(each['symbol'])} {'price' if each['field'] == MARK else 'rate'}", each["average"])
        for each in document["worst_symbols"][:12]
    ]
    drawings = (
        ("Distribution", "of differences: blue all, green at one event time; square-root scale",
         plots.columns_plot("distribution", names, list(zip(*buckets, strict=True)))),
        ("Difference over time", "average at one event time by hour: blue prices, green rates",
         plots.time_plot("difference over time", [iso(hour["at"])[11:16] for hour in hours],
                         drift, MATCH_PCT)),
        ("Skew against difference", "the band is ±1 s; right: the stream is newer than REST",
         plots.skew_plot("skew against difference", skew["step_ms"], skew["identical"],
                         skew["different"])),
        ("Worst symbols", "by average difference at one event time",
         plots.bars_plot("worst symbols", worst, "%")),
    )  # fmt: skip
    figures = (
        f"<figure><figcaption><b>{title}</b> {caption}</figcaption>{drawing}</figure>"
        for title, caption, drawing in drawings
    )
    return f'<h2>Plots</h2><div class="plots">{"".join(figures)}</div>'
