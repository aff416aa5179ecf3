"""One comparison of all symbols, as text for people and as data for programs."""

import math
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from funding.comparison.difference import Field
from funding.comparison.pair import Comparison
from funding.comparison.summary import Summary

HEADINGS = ("symbol", "field", "stream", "REST", "difference %", "skew ms", "outcome")


class Round(NamedTuple):
    """One comparison of all symbols, at `at` Unix seconds."""

    at: float
    rows: list[Comparison]
    summary: Summary
    stale: list[str]
    stale_after: float

    @property
    def worst(self) -> list[Comparison]:
        """The values that both sides have, the largest differences first."""
        both = [row for row in self.rows if row.difference_pct is not None]
        return sorted(both, key=lambda row: -abs(row.difference_pct or 0.0))

    def only_in(self, side: str) -> list[str]:
        """The symbols that only `stream` or only `rest` has."""
        other = "rest_value" if side == "stream" else "ws_value"
        prices = (row for row in self.rows if row.field == Field.MARK_PRICE)
        return [row.symbol for row in prices if getattr(row, other) is None]

    @property
    def half_rates(self) -> list[str]:
        """The symbols that both sides have, with a funding rate on one side only."""
        one_sided = {*self.only_in("stream"), *self.only_in("rest")}
        rates = (row for row in self.rows if row.field == Field.FUNDING_RATE)
        halves = (row for row in rates if (row.ws_value is None) != (row.rest_value is None))
        return [row.symbol for row in halves if row.symbol not in one_sided]


def as_text(result: Round, top: int) -> list[str]:
    """Lines for people, with the `top` largest differences."""
    summary, when = result.summary, f"{datetime.fromtimestamp(result.at, UTC):%Y-%m-%dT%H:%M:%SZ}"
    lines = [f"{when}  {summary.symbols} symbols, {summary.total} values compared with REST", ""]
    worst = [row for row in result.worst if row.difference_pct][:top]
    if worst:
        lines += [*_table([HEADINGS, *map(_cells, worst)]), ""]
    lists = {
        "only in the stream": result.only_in("stream"),
        "only in REST": result.only_in("rest"),
        "funding rate on one side only": result.half_rates,
        f"older than {result.stale_after:g} s here": result.stale,
    }
    lines += [
        f"{title} ({len(names)}): {', '.join(names)}" for title, names in lists.items() if names
    ]
    lines.append(
        f"{summary.matches} match, {summary.mismatches} mismatch, {summary.significant} significant"
        f" ({summary.unexplained} not explained by lag);"
        f" average {summary.average_pct:.4f} %, median {summary.median_pct:.4f} %,"
        f" maximum {summary.maximum_pct:.4f} %"
    )
    reasons = "; ".join(summary.failings)
    return [*lines, f"{summary.verdict}: {reasons}" if reasons else summary.verdict]


def _cells(row: Comparison) -> tuple[str, ...]:
    values = (f"{value:.10g}" for value in (row.ws_value, row.rest_value) if value is not None)
    lag = ", lag" if row.explained else ""
    return (
        *(row.symbol, row.field, *values),
        *(f"{row.difference_pct:+.4f}", str(row.skew_ms), row.outcome + lag),
    )


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their widest cell; numbers are aligned on the right."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = []
        for number, (cell, width) in enumerate(zip(row, widths, strict=True)):
            space = " " * (width - _width(cell))
            cells.append(space + cell if 2 <= number <= 5 else cell + space)
        lines.append("  ".join(cells).rstrip())
    return lines


def _width(text: str) -> int:
    """How many columns of a terminal `text` takes: 币 takes two."""
    return sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def as_data(result: Round, top: int) -> dict[str, Any]:
    """`result` as a value for JSON, which has no infinity: null stands for it."""
    worst = [row._asdict() for row in result.worst[:top]]
    summary = {**result.summary._asdict(), "failings": result.summary.failings}
    for each in (summary, *worst):
        for name, value in each.items():
            if isinstance(value, float) and not math.isfinite(value):
                each[name] = None
    return {
        "at": result.at,
        "verdict": result.summary.verdict,
        "summary": summary,
        "worst": worst,
        "only_in_stream": result.only_in("stream"),
        "only_in_rest": result.only_in("rest"),
        "half_rates": result.half_rates,
        "stale": result.stale,
    }
