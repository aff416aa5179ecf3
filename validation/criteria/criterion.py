"""One line of the verdict, and how its figures are written."""

from collections.abc import Iterable
from typing import NamedTuple


class Criterion(NamedTuple):
    """One line: what was asked, what was found, what is wanted, and whether it is so."""

    name: str
    figure: str
    wanted: str
    passed: bool


def named(symbols: Iterable[str], most: int = 5) -> str:
    """`3: A, B, C`; `none`; the rest of many is counted only."""
    found = sorted(set(symbols))
    if not found:
        return "none"
    more = ", …" if len(found) > most else ""
    return f"{len(found)}: {', '.join(found[:most])}{more}"


def duration(seconds: float) -> str:
    """`24 h 12 min`, `11 min 05 s`, `4 s`."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"


def percent(share: float) -> str:
    """A share in percent, without hiding that something is missing from all."""
    text = f"{share * 100:.2f} %"
    return "99.99 %" if text == "100.00 %" and share < 1 else text
