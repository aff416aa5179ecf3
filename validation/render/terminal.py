"""The report for a terminal of 100 columns."""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

from validation.criteria.criterion import duration
from validation.render.document import Document, iso

WIDTH = 100


def clean(value: object) -> str:
    """`value` on one line: what a terminal would obey is written out instead."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in str(value)
    )


def columns(text: str) -> int:
    """How many columns `text` takes: characters of East Asia take two, marks none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def fitted(value: object, width: int) -> str:
    """`value` in exactly `width` columns, to the right when negative."""
    text, room = clean(value), abs(width)
    if columns(text) > room:
        text = text[: 8 * room]  # else a name of megabytes is cut letter by letter
        while columns(text) > room - 1:
            text = text[:-1]
        text += "…"
    space = " " * (room - columns(text))
    return text + space if width > 0 else space + text


def table(head: Sequence[str], widths: Sequence[int], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Rows under their heads; negative widths align to the right."""
    return [
        "  " + "  ".join(map(fitted, row, widths)).rstrip() for row in [head, *rows]
    ]  # fmt: skip


def value(number: object) -> str:
    """A price or rate as it is, without noise."""
    return "–" if number is None else f"{number:.12g}" if isinstance(number, float) else str(number)


def percentage(number: float) -> str:
    """Six decimals, as far as nine columns hold them."""
    return f"{number:.6f}" if number < 100 else f"{number:.7g}"


def text(document: Document) -> str:
    """The whole report; its last line is the verdict."""
    parts = (
        _coverage, _totals, _differences, _distribution, _worst, _hours, _events, _rest,
        _warnings, _criteria,
    )  # fmt: skip
    lines = [f"VALIDATION OF {clean(document['exchange'])} · {iso(document['at'])}", "=" * WIDTH]
    for part in parts:
        lines += ["", *part(document)]
    failed = sum(not each["passed"] for each in document["criteria"])
    reason = f": {failed} of {len(document['criteria'])} criteria fail" if failed else ""
    return "\n".join([*lines, "", f"VERDICT: {document['verdict']}{reason}", ""])


def _coverage(document: Document) -> Iterator[str]:
    found = document["coverage"]
    yield "PERIOD AND COVERAGE"
    yield f"  asked     {iso(found['since'])} to {iso(found['until'])}"
    yield f"  compared  {iso(found['first'])} to {iso(found['last'])}, {duration(found['span'])}"
    yield (
        f"  symbols   {found['compared']:,} compared of {found['known']:,} known;"
        f" cells {found['cells_compared']:,} of {found['cells']:,}"
    )
    for label, key in (
        ("never compared", "not_compared"), ("only in REST", "only_rest"),
        ("only in the stream", "only_stream"),
    ):  # fmt: skip
        if found[key]:
            yield "  " + fitted(f"{label}: {', '.join(found[key])}", WIDTH - 2).rstrip()
    instants = ", ".join(iso(at) for at in found["settlements"][:4]) or "none"
    yield f"  settlements witnessed: {instants}{' …' if len(found['settlements']) > 4 else ''}"
    yield f"  gaps over 5 min: {found['gaps_total']}; longest {duration(found['longest_gap'])}"
    for gap in found["gaps"]:
        yield f"    {iso(gap['begin'])} to {iso(gap['end'])}, {duration(gap['seconds'])}"


def _totals(document: Document) -> list[str]:
    totals = document["totals"]
    rows = [("all", totals["all"]), *totals["by_field"].items()]
    rows += [(f"by {source}", counts) for source, counts in totals["by_source"].items()]
    names = ("total", "match", "mismatch", "significant")
    cells = [[name, *(f"{counts[each]:,}" for each in names)] for name, counts in rows]
    return [
        "COMPARISONS (outcomes recomputed from the two values)",
        *table(["", *names], [24, -12, -12, -12, -12], cells),
        f"  significant: {totals['unexplained']:,} unexplained, {totals['explained']:,} explained;"
        f" controls: {totals['controls']:,}, missed {totals['controls_missed']:,}",
    ]


def _differences(document: Document) -> list[str]:
    names = ("average", "median", "p95", "p99", "maximum")
    rows = []
    for which in ("all", "aligned"):
        for field, found in document["differences"][which].items():
            figures = [percentage(found[name]) for name in names]
            rows.append([f"{which}, {field}", f"{found['comparisons']:,}", *figures])
    head = ["", "pairs", *names]
    widths = [22, -11, -9, -9, -9, -9, -11]
    title = "DIFFERENCES in percent (aligned: readings at most 1 s apart)"
    return [title, *table(head, widths, rows)]


def bucket_names(limits: Sequence[float]) -> list[str]:
    """What each bucket holds, in percent."""
    names = ["identical"]
    names += [f"up to {limit:g} %" for limit in limits[1:]]
    return [*names, f"above {limits[-1]:g} %"]


def _distribution(document: Document) -> list[str]:
    found = document["differences"]
    names = bucket_names(found["limits"])
    rows = []
    for name, every, aligned in zip(
        names, found["all"]["both"]["buckets"], found["aligned"]["both"]["buckets"], strict=True
    ):
        share = every / max(1, found["all"]["both"]["comparisons"])
        bar = "█" * max(round(share * 36), int(every > 0))
        rows.append([name, f"{every:,}", f"{share * 100:.3f} %", f"{aligned:,}", bar])
    head = ["", "all", "share", "aligned", ""]
    return ["DISTRIBUTION", *table(head, [14, -11, -10, -11, 36], rows)]


def _worst(document: Document) -> list[str]:
    rows = [
        [
            iso(each["at"])[5:-1], each["symbol"], each["field"], value(each["ws_value"]),
            value(each["rest_value"]), f"{each['difference']:.4f}", value(each["skew_ms"]),
        ]
        for each in document["worst"]
    ]  # fmt: skip
    head = ["at (UTC)", "symbol", "field", "stream", "REST", "%", "skew ms"]
    widths = [14, 15, 12, -13, -13, -10, -8]
    return ["THE TWENTY WORST", *(table(head, widths, rows) if rows else ["  no difference"])]


def _hours(document: Document) -> list[str]:
    hours = document["hours"]
    step = max(1, -(-len(hours) // 48))
    most = max((hour["price"]["average"] for hour in hours), default=0.0) or 1.0
    rows = []
    for hour in hours[::step]:
        price, rate = hour["price"], hour["rate"]
        bar = "█" * round(price["average"] / most * 20)
        rows.append(
            [
                iso(hour["at"])[5:16], f"{price['comparisons'] + rate['comparisons']:,}",
                f"{price['average']:.6f}", f"{rate['average']:.6f}",
                f"{max(price['maximum'], rate['maximum']):.4f}", bar,
            ]
        )  # fmt: skip
    head = ["hour from", "pairs", "price %", "rate %", "maximum %", ""]
    title = "DRIFT OVER TIME (aligned averages; the bar is the price's)"
    return [title, *table(head, [12, -9, -10, -10, -12, 20], rows)]


def _events(document: Document) -> list[str]:
    events = document["events"]
    counts = [f"{many} × {label}" for label, many in events["counts"].items()]
    lines, line = ["EVENTS"], "  "
    for each in map(clean, counts or ["none"]):
        if columns(line) + columns(each) > WIDTH - 2:
            lines.append(line.rstrip())
            line = "  "
        line += f"{each}   "
    lines.append(line.rstrip())
    rows = [[iso(e["at"])[5:-1], e["source"], e["kind"], e["detail"]] for e in events["shown"]]
    return lines + ["  " + "  ".join(map(fitted, row, (14, 10, 14, 54))).rstrip() for row in rows]


def _rest(document: Document) -> Iterator[str]:
    rest = document["rest"]
    yield "REST"
    yield f"  {rest['calls']:,} calls, weight {rest['weight']:,}"
    for each in rest["used"]:
        label = f"{each['caller']}: {each['route']}"
        yield f"    {fitted(label, 50)} {each['calls']:>9,} calls  weight {each['weight']:>9,}"
    yield f"  for prices {rest['price_calls']:,} calls, weight {rest['price_weight']:,}; instead of"
    for label, found in savings(rest):
        yield (
            f"    {label}: {found['calls']:,} calls, weight {found['weight']:,};"
            f" saved {found['saved']:,}, weight {found['saved_weight']:,}"
        )


def savings(rest: Document) -> Iterator[tuple[str, Document]]:
    """What the prices would have cost by REST alone, and in which way."""
    yield "one per symbol per five minutes", rest["instead_of_five_minutes"]
    polls = rest["instead_of_polls"]
    yield f"one per symbol per poll{'' if polls['counted'] else ' (supposed)'}", polls


def _warnings(document: Document) -> list[str]:
    return ["WARNINGS", *(f"  {clean(each)}" for each in document["warnings"] or ["none"])]


def _criteria(document: Document) -> list[str]:
    lines, indent = ["CRITERIA"], " " * 39
    for each in document["criteria"]:
        mark = "PASS" if each["passed"] else "FAIL"
        line = f"  {mark}  {fitted(each['name'], 31)}"
        for word in [*clean(each["figure"]).split(" "), f"({each['wanted']})"]:
            if columns(line) + 1 + columns(word) > WIDTH:
                lines.append(line)
                line = indent
            line += " " + fitted(word, min(columns(word), WIDTH - len(indent) - 1))
        lines.append(line)
    return lines
