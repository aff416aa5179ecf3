"""The plots of the page, each with its caption."""

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from validation.criteria.agreement import SHORT
from validation.criteria.criterion import duration
from validation.render import plots, sections
from validation.render.document import Document
from validation.render.text import clean, iso
from validation.rules import HOUR_SECONDS, MATCH_PCT

MOST_TICKS = 336
"""Two weeks of hours; of a longer period several hours are one tick."""
WORST_SHOWN = 12
NAME_COLUMNS = 24
Hours = Sequence[dict[str, Any]]


def figures(document: Document) -> str:
    """All of them as HTML."""
    drawn = (_distribution(document), _over_time(document), _skew(document), _worst(document))
    return '<h2>Plots</h2><div class="plots">' + "".join(drawn) + "</div>"


def _figure(title: str, caption: str, drawing: str) -> str:
    return (
        f"<figure><figcaption><b>{title}</b> {escape(caption)}</figcaption>"
        f'<div class="scroll">{drawing}</div></figure>'
    )


def _distribution(document: Document) -> str:
    found = document["differences"]
    buckets = [found[which]["both"]["buckets"] for which in ("all", "aligned")]
    names = [name.removeprefix("up to ") for name in sections.bucket_names(found["limits"])]
    drawing = plots.columns_plot("distribution", names, list(zip(*buckets, strict=True)))
    caption = "of differences: blue all, green at one event time; square-root scale"
    return _figure("Distribution", caption, drawing)


def _over_time(document: Document) -> str:
    """The largest difference beside the averages: one symbol of five hundred that is 0.5 % off
    changes the average by 0.001 %."""
    hours, found = document["hours"], document["coverage"]
    begin = hours[0]["at"] if hours else 0.0
    total = int((hours[-1]["at"] - begin) / HOUR_SECONDS) + 1 if hours else 0
    width = max(1, -(-total // MOST_TICKS))
    seconds = width * HOUR_SECONDS
    ticks: list[list[dict[str, Any]]] = [[] for _ in range(-(-total // width))]
    for hour in hours:
        ticks[int((hour["at"] - begin) / seconds)].append(hour)
    curves = [
        ("", [_average(those, "price") for those in ticks]),
        ("aligned", [_average(those, "rate") for those in ticks]),
        ("largest", [_largest(those) for those in ticks]),
    ]
    gaps = [
        ((gap["begin"] - begin) / seconds, (gap["end"] - begin) / seconds,
         f"no comparison for {duration(gap['seconds'])} from {iso(gap['begin'])}")
        for gap in found["gaps"]
    ]  # fmt: skip
    names = [iso(begin + at * seconds)[11:16] for at in range(len(ticks))]
    drawing = plots.time_plot("difference over time", names, curves, MATCH_PCT, gaps)
    caption = (
        "in percent at one event time, by hour: blue the average of prices, green of rates, red the"
        " largest difference of any symbol; grey where nothing was compared; square-root scale"
    )
    return _figure("Difference over time", caption, drawing)


def _average(hours: Hours, field: str) -> float | None:
    """Of the pairs of one event time; None without any."""
    many = sum(hour[field]["aligned"] for hour in hours)
    total = math.fsum(hour[field]["average"] * hour[field]["aligned"] for hour in hours)
    return total / many if many else None


def _largest(hours: Hours) -> float | None:
    return max(_maxima(hours), default=None)


def _maxima(hours: Hours) -> Iterator[float]:
    for hour in hours:
        for field in ("price", "rate", "index"):
            if hour[field]["aligned"]:
                yield hour[field]["aligned_maximum"]


def _skew(document: Document) -> str:
    found = document["skew"]
    drawing = plots.skew_plot(
        "skew against difference", found["step_ms"], found["identical"], found["different"]
    )
    caption = "the band is ±1 s; right: the stream is newer than REST"
    return _figure("Skew against difference", caption, drawing)


def _worst(document: Document) -> str:
    rows = [
        (f"{clean(each['symbol'])[:NAME_COLUMNS]} {SHORT[each['field']]}", each["average"])
        for each in document["worst_symbols"][:WORST_SHOWN]
    ]
    drawing = plots.bars_plot("worst symbols", rows, "%") if rows else "<p>none differs</p>"
    return _figure("Worst symbols", "by average difference at one event time", drawing)
