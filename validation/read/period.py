"""The period that a report is about: as it was asked for, and what of it was compared."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from validation.errors import NoReport
from validation.rules import HOUR_SECONDS

LONGEST_GAP_SECONDS = 600
"""So far apart comparisons may be."""
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Period:
    """Unix seconds.

    `gaps` are (begin, end) of more than five minutes without any comparison, the time from the
    last one to `until` included; `unwatched` those without one by the watchdog. `backwards` counts
    minutes whose rows were written before rows that claim to be older: the clock went back, or
    rows were added later.
    """

    since: float
    until: float
    first: float
    last: float
    gaps: list[tuple[float, float]]
    longest_gap: float
    unwatched: list[tuple[float, float]]
    backwards: int
    future: int
    now: float

    @property
    def span(self) -> float:
        """Seconds between the first and the last comparison."""
        return self.last - self.first

    @property
    def hours(self) -> int:
        """Whole hours in the span; at least one, so that shares have a divisor."""
        return max(1, int(self.span // HOUR_SECONDS))


def asked_period(since: str, until: str | None, now: float) -> tuple[float, float]:
    """The two options as Unix seconds. Raises `NoReport`."""
    end = _instant("--until", until) if until else now
    back = seconds_before(since)
    # A request for 24 h comes in the middle of a minute: comparisons, at most one permitted gap
    # apart, span all of them only when the one before the first second counts as well.
    begin = _instant("--since", since) if back is None else end - back - LONGEST_GAP_SECONDS
    if begin >= end:
        raise NoReport(f"the period ends before it begins: --since {since}")
    return begin, end


def seconds_before(text: str) -> float | None:
    """`24h`, `90m`, `7d`, `30s` in seconds; None when `text` has another form."""
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)([smhd])", text.strip())
    return None if found is None else float(found[1]) * _UNITS[found[2]]


def _instant(name: str, text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        message = f"{name} {text!r} is not a time such as 24h or 2026-01-31T08:00:00Z"
        raise NoReport(message) from None
