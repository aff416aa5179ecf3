"""Criteria with their verdicts, and tables of anything, for the bench and the soak. Pure."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from importlib.util import find_spec
from typing import NamedTuple


class Verdict(StrEnum):
    """OPEN: not measured, or too short to tell."""

    PASS = "PASS"  # noqa: S105 (a verdict, not a password)
    FAIL = "FAIL"
    OPEN = "OPEN"


class Criterion(NamedTuple):
    """What is asked, the verdict, the figures that it rests on, and what failed."""

    name: str
    verdict: Verdict
    figures: str
    details: tuple[str, ...] = ()


def verdict(good: bool, measured: bool = True) -> Verdict:
    """Bad is FAIL even where little was measured."""
    if not good:
        return Verdict.FAIL
    return Verdict.PASS if measured else Verdict.OPEN


def failed(criteria: Iterable[Criterion]) -> list[Criterion]:
    """Those that did."""
    return [each for each in criteria if each.verdict is Verdict.FAIL]


def criteria_table(criteria: Iterable[Criterion], form: str) -> str:
    """A line for each."""
    rows = [(each.name, each.verdict, each.figures) for each in criteria]
    return table(rows, ("criterion", "verdict", "figures"), form)


def missing() -> str:
    """What tables need and is not installed, in words for a person; "" where nothing is missing."""
    if find_spec("tabulate"):
        return ""
    return "tabulate is missing: scripts/test installs what this needs"


def table(rows: Sequence[Sequence[object]], heads: Sequence[str], form: str) -> str:
    """In a form of tabulate's: simple, github (markdown), html."""
    from tabulate import tabulate  # a command answers --help without it

    return str(tabulate(rows, headers=heads, tablefmt=form, disable_numparse=True))


def number(value: float | None) -> str:
    """Three figures, or a dash."""
    if value is None or value != value:
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 or not value else f"{value:.1e}"
