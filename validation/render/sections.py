"""The tables of the report, which the terminal and the page draw each in its own way."""

from collections.abc import Sequence
from typing import NamedTuple

from validation.criteria.criterion import duration
from validation.render.document import Document
from validation.render.text import iso, percentage, value
from validation.rules import OUTCOMES


class Table(NamedTuple):
    """Rows under their heads; the last `numbers` columns hold numbers, and `note` explains."""

    title: str
    head: Sequence[str]
    rows: list[list[str]]
    numbers: int = 0
    note: str = ""


def coverage(document: Document) -> Table:
    """The period, the symbols, and what of both is missing."""
    found = document["coverage"]
    rows = [
        ["asked for", f"{iso(found['since'])} to {iso(found['until'])}"],
        [
            "compared",
            f"{iso(found['first'])} to {iso(found['last'])}, {duration(found['span'])}",
        ],
        [
            "symbols",
            f"{found['compared']:,} compared of {found['known']:,} known,"
            f" {found['expected']:,} expected",
        ],
        ["cells (symbol × hour)", f"{found['cells_compared']:,} of {found['cells']:,}"],
        ["never compared", ", ".join(found["not_compared"]) or "none"],
        ["only in REST", ", ".join(found["only_rest"]) or "none"],
        ["only in the stream", ", ".join(found["only_stream"]) or "none"],
        ["settlements witnessed", ", ".join(map(iso, found["settlements"])) or "none"],
        ["longest gap", duration(found["longest_gap"])],
        ["gaps over 5 minutes", f"{found['gaps_total']:,}"],
    ]
    rows += [["gap", f"{iso(g['begin'])}, {duration(g['seconds'])}"] for g in found["gaps"]]
    return Table("Period and coverage", ["", ""], rows)


def outcomes(document: Document) -> Table:
    """How many comparisons had which outcome."""
    totals = document["totals"]
    counted = [("all", totals["all"]), *totals["by_field"].items()]
    counted += [(f"by {source}", counts) for source, counts in totals["by_source"].items()]
    names = ["total", *OUTCOMES]
    rows = [[name, *(f"{counts[each]:,}" for each in names)] for name, counts in counted]
    note = (
        f"outcomes recomputed; at one event time {totals['unequal']:,} differ,"
        f" at others {totals['beyond_lag']:,} by more than lag can move;"
        f" controls: {totals['controls']:,}, missed {totals['controls_missed']:,}"
    )
    return Table("Comparisons", ["", *names], rows, 4, note)


def differences(document: Document) -> Table:
    """Quantiles of the differences."""
    names = ("average", "median", "p95", "p99", "maximum")
    rows = [
        [f"{which}, {field}", f"{each['comparisons']:,}", *(percentage(each[n]) for n in names)]
        for which in ("all", "aligned")
        for field, each in document["differences"][which].items()
    ]
    note = "aligned: readings of one event time"
    return Table("Differences in percent", ["", "pairs", *names], rows, 6, note)


def bucket_names(limits: Sequence[float]) -> list[str]:
    """What each bucket of the distribution holds, in percent."""
    return ["identical", *(f"up to {limit:g} %" for limit in limits[1:]), f"above {limits[-1]:g} %"]


def worst(document: Document) -> Table:
    """The pairs that differ most."""
    rows = [
        [
            iso(each["at"]), each["symbol"], each["field"], each["source"],
            value(each["ws_value"]), value(each["rest_value"]), percentage(each["difference"]),
            value(each["skew_ms"]),
        ]
        for each in document["worst"]
    ]  # fmt: skip
    head = ["at", "symbol", "field", "source", "stream", "REST", "difference %", "skew ms"]
    return Table("The twenty worst", head, rows, 4)


def events(document: Document) -> Table:
    """The events that are listed one by one; the note counts all of them."""
    shown = document["events"]["shown"]
    rows = [[iso(each["at"]), each["source"], each["kind"], each["detail"]] for each in shown]
    counts = [f"{many} × {kind}" for kind, many in document["events"]["counts"].items()]
    return Table("Events", ["at", "source", "kind", "detail"], rows, 0, ", ".join(counts) or "none")


def rest(document: Document) -> Table:
    """The REST calls that were made, and how many the stream saved."""
    found = document["rest"]
    polls = found["instead_of_polls"]
    made = [("all", found["calls"], found["weight"])]
    made += [(f"{e['caller']}: {e['route']}", e["calls"], e["weight"]) for e in found["used"]]
    made += [("for prices", found["price_calls"], found["price_weight"])]
    rows = [[label, f"{calls:,}", f"{weight:,}", "", ""] for label, calls, weight in made]
    for label, instead in (
        ("instead: each symbol every five minutes", found["instead_of_five_minutes"]),
        (f"instead: each symbol at each poll{'' if polls['counted'] else ' (assumed)'}", polls),
    ):
        figures = (instead[name] for name in ("calls", "weight", "saved", "saved_weight"))
        rows.append([label, *(f"{figure:,}" for figure in figures)])
    return Table("REST", ["", "calls", "weight", "calls saved", "weight saved"], rows, 4)
