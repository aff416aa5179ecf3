"""The report as one self-contained HTML file, for light and dark, with all text escaped."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from validation.criteria.criterion import duration
from validation.render import plots
from validation.render.document import Document, iso
from validation.render.terminal import bucket_names, clean, savings, value
from validation.rules import FIELDS, MARK, MATCH_PCT

STYLE = """
:root { color-scheme: light dark; --ground: #fff; --ink: #1c2330; --soft: #5b6675;
  --line: #d9dee6; --panel: #f5f7fa; --all: #5b7fb4; --aligned: #1f9d76; --bad: #c0392b;
  --good: #1a7f4f; --warn: #9a6700; }
@media (prefers-color-scheme: dark) { :root { --ground: #12161d; --ink: #e3e8ef;
  --soft: #98a3b3; --line: #2d3542; --panel: #1a202a; --all: #7fa3da; --aligned: #4cc79b;
  --bad: #ff7b6b; --good: #56d492; --warn: #e3b341; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1120px; padding: 24px 20px 60px; background: var(--ground);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; }
.verdict { display: flex; gap: 20px; align-items: center; padding: 16px 20px; margin: 16px 0;
  border: 1px solid var(--line); border-left: 8px solid var(--bad); border-radius: 6px;
  background: var(--panel); }
.verdict.go { border-left-color: var(--good); }
.verdict b { font-size: 1.9rem; white-space: nowrap; }
.cards { display: grid; gap: 10px; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); }
.cards div { background: var(--panel); border: 1px solid var(--line); border-radius: 6px;
  padding: 10px 14px; } .cards b { display: block; font-size: 1.2rem; }
.soft, .cards span, figcaption, .wanted { color: var(--soft); font-size: .87rem; }
.plots { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(480px, 1fr)); }
@media (max-width: 560px) { .plots { grid-template-columns: 1fr; } }
figure { margin: 0; border: 1px solid var(--line); border-radius: 6px; padding: 10px 12px; }
figcaption b { color: var(--ink); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .87rem; }
th, td { padding: 4px 10px 4px 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 600; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.pass, .fail, .name { white-space: nowrap; }
.pass { color: var(--good); font-weight: 700; } .fail { color: var(--bad); font-weight: 700; }
.warn { color: var(--warn); }
svg { width: 100%; height: auto; display: block; font: 11px system-ui, sans-serif; }
svg text { fill: var(--soft); } svg .small { font-size: 10px; }
svg .all { fill: var(--all); } svg .aligned { fill: var(--aligned); }
svg .dot { fill-opacity: .55; } svg .band { fill: var(--line); fill-opacity: .45; }
svg .axis, svg .grid { stroke: var(--line); }
svg .limit { stroke: var(--bad); stroke-dasharray: 5 4; }
svg .curve { fill: none; stroke-width: 2; stroke: var(--all); }
svg .curve.aligned { stroke: var(--aligned); }
"""


def page(document: Document) -> str:
    """The whole page."""
    verdict = document["verdict"]
    title = f"Validation of {clean(document['exchange'])}: {verdict}"
    parts = (
        _heading(document), _criteria(document), _warnings(document), _plots(document),
        _figures(document), _worst(document), _coverage(document), _events(document),
        _rest(document),
    )  # fmt: skip
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n"
        f"<body>\n{chr(10).join(parts)}\n</body></html>\n"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]], numbers: int = 0) -> str:
    """Rows under their heads; the last `numbers` columns align to the right."""
    begin, number = len(head) - numbers, ' class="n"'

    def cells(tag: str, row: Sequence[Any]) -> str:
        return "".join(
            f"<{tag}{number if index >= begin else ''}>{escape(clean(cell))}</{tag}>"
            for index, cell in enumerate(row)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table><thead><tr>{cells("th", head)}</tr></thead>'
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
        (f"{document['differences']['aligned']['both']['average']:.5f} %", "average, aligned"),
    )
    return (
        f"<h1>Validation of {escape(clean(document['exchange']))}</h1>"
        f'<div class="soft">{iso(found["first"])} to {iso(found["last"])},'
        f" made {iso(document['at'])}</div>"
        f'<div class="{css}"><b>{document["verdict"]}</b><span>{escape(reason)}</span></div>'
        '<div class="cards">'
        + "".join(f"<div><b>{escape(n)}</b><span>{escape(t)}</span></div>" for n, t in cards)
        + "</div>"
    )


def _criteria(document: Document) -> str:
    rows = "".join(
        f'<tr><td class="{"pass" if each["passed"] else "fail"}">'
        f'{"PASS" if each["passed"] else "FAIL"}</td><td class="name">{escape(each["name"])}</td>'
        f"<td>{escape(clean(each['figure']))}</td>"
        f'<td class="wanted">{escape(each["wanted"])}</td></tr>'
        for each in document["criteria"]
    )
    head = "<th></th><th>criterion</th><th>found</th><th>wanted</th>"
    return (
        f'<h2>Criteria</h2><div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _warnings(document: Document) -> str:
    if not document["warnings"]:
        return ""
    items = "".join(f"<li>{escape(clean(each))}</li>" for each in document["warnings"])
    return f'<h2>Warnings</h2><ul class="warn">{items}</ul>'


def _figure(title: str, caption: str, drawing: str) -> str:
    return (
        f"<figure><figcaption><b>{escape(title)}</b> {escape(caption)}</figcaption>"
        f"{drawing}</figure>"
    )


def _plots(document: Document) -> str:
    found, skew, hours = document["differences"], document["skew"], document["hours"]
    buckets = list(
        zip(found["all"]["both"]["buckets"], found["aligned"]["both"]["buckets"], strict=True)
    )
    names = [name.removeprefix("up to ") for name in bucket_names(found["limits"])]
    drift = [("", [h["price"]["average"] for h in hours])]
    drift.append(("aligned", [h["rate"]["average"] for h in hours]))
    worst = [
        (f"{clean(each['symbol'])} {'price' if each['field'] == MARK else 'rate'}", each["average"])
        for each in document["worst_symbols"][:12]
    ]
    drawings = (
        ("Distribution", "of differences: blue all, green aligned pairs; square-root scale",
         plots.columns_plot("distribution", names, buckets)),
        ("Difference over time", "average of aligned pairs by hour: blue prices, green rates",
         plots.time_plot("difference over time", [iso(h["at"])[11:16] for h in hours], drift,
                         MATCH_PCT)),
        ("Skew against difference", "the band is ±1 s; right: the stream is newer than REST",
         plots.skew_plot("skew against difference", skew["step_ms"], skew["identical"],
                         skew["different"])),
        ("Worst symbols", "by average difference of aligned pairs",
         plots.bars_plot("worst symbols", worst, "%")),
    )  # fmt: skip
    return f'<h2>Plots</h2><div class="plots">{"".join(_figure(*each) for each in drawings)}</div>'


def _figures(document: Document) -> str:
    names = ("average", "median", "p95", "p99", "maximum")
    rows = [
        [f"{which}, {field}", f"{each['comparisons']:,}", *(f"{each[name]:.6f}" for name in names)]
        for which in ("all", "aligned")
        for field, each in document["differences"][which].items()
    ]
    totals = document["totals"]
    counted = [("all", totals["all"])] + [(name, totals["by_field"][name]) for name in FIELDS]
    counted += [(f"by {source}", each) for source, each in totals["by_source"].items()]
    outcomes = ("total", "match", "mismatch", "significant")
    return (
        "<h2>Differences in percent</h2>"
        + _table(["", "pairs", *names], rows, 6)
        + "<h2>Outcomes, recomputed</h2>"
        + _table(
            ["", *outcomes],
            [[name, *(f"{each[kind]:,}" for kind in outcomes)] for name, each in counted],
            4,
        )
    )


def _worst(document: Document) -> str:
    rows = [
        [
            iso(each["at"]), each["symbol"], each["field"], each["source"],
            value(each["ws_value"]), value(each["rest_value"]), f"{each['difference']:.5f}",
            value(each["skew_ms"]),
        ]
        for each in document["worst"]
    ]  # fmt: skip
    head = ["at", "symbol", "field", "source", "stream", "REST", "difference %", "skew ms"]
    return f"<h2>The twenty worst</h2>{_table(head, rows, 4)}"


def _coverage(document: Document) -> str:
    found = document["coverage"]
    lists = (("never compared", "not_compared"), ("only in REST", "only_rest"),
             ("only in the stream", "only_stream"))  # fmt: skip
    rows = [
        ["asked for", f"{iso(found['since'])} to {iso(found['until'])}"],
        ["cells (symbol × hour)", f"{found['cells_compared']:,} of {found['cells']:,}"],
        ["settlements witnessed", ", ".join(iso(at) for at in found["settlements"]) or "none"],
        ["longest gap", duration(found["longest_gap"])],
        ["gaps over 5 minutes", str(found["gaps_total"])],
    ]
    rows += [[name, ", ".join(found[key]) or "none"] for name, key in lists]
    rows += [["gap", f"{iso(g['begin'])}, {duration(g['seconds'])}"] for g in found["gaps"]]
    return f"<h2>Coverage</h2>{_table(['', ''], rows)}"


def _events(document: Document) -> str:
    events = document["events"]
    counts = ", ".join(f"{many} × {name}" for name, many in events["counts"].items()) or "none"
    rows = [[iso(e["at"]), e["source"], e["kind"], e["detail"]] for e in events["shown"]]
    return (
        f"<h2>Events</h2><p>{escape(clean(counts))}</p>"
        f"{_table(['at', 'source', 'kind', 'detail'], rows) if rows else ''}"
    )


def _rest(document: Document) -> str:
    rest = document["rest"]
    rows = [
        [each["caller"], each["route"], f"{each['calls']:,}", f"{each['weight']:,}"]
        for each in rest["used"]
    ]
    saved = "".join(
        f"<li>instead of {escape(label)}: {found['calls']:,} calls, weight {found['weight']:,};"
        f" saved {found['saved']:,} calls, weight {found['saved_weight']:,}</li>"
        for label, found in savings(rest)
    )
    return (
        f"<h2>REST</h2><p>{rest['calls']:,} calls, weight {rest['weight']:,}; of them for prices"
        f" {rest['price_calls']:,} calls, weight {rest['price_weight']:,}</p><ul>{saved}</ul>"
        + _table(["caller", "route", "calls", "weight"], rows, 2)
    )
