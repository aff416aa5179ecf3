"""One line of the verdict, and how its figures are written."""

from collections.abc import Iterable, Set
from enum import StrEnum
from typing import NamedTuple


class Group(StrEnum):
    """The three things that GO means, and whether enough was seen to say so."""

    VALUES = "values"
    SERVICE = "service"
    STATE = "state"
    EVIDENCE = "evidence"


class Criterion(NamedTuple):
    """One line: its name, what was found, what is wanted, and whether that is so. It is `too_early`
    where nothing is wrong with what was seen, but too little was compared yet to judge it."""

    name: str
    figure: str
    wanted: str
    passed: bool
    too_early: bool = False


def forbid(name: str, found: int | Set[str], wanted: str = "none") -> Criterion:
    """A criterion that allows none of what was found: a count, or symbols."""
    figure = f"{found:,}" if isinstance(found, int) else named(found)
    return Criterion(name, figure, wanted, not found)


def named(symbols: Iterable[str], most: int = 5) -> str:
    """`3: A, B, C`; `none`; beyond `most` symbols are only counted."""
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
    """A share in percent; 100 % is written only when nothing is missing."""
    text = f"{share * 100:.2f} %"
    return "99.99 %" if text == "100.00 %" and share < 1 else text
