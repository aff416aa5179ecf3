"""One row of `comparison`. Its values may be of any type: a damaged file obeys no schema."""

from typing import Any, NamedTuple

PLANTED_SOURCE = "control"
"""The `source` of a planted pair."""
WATCHDOG_SOURCE = "watchdog"
_HUGE = 1e300


class Row(NamedTuple):
    """The columns that are judged, in the order in which they are read."""

    id: int
    at: float
    source: Any
    symbol: Any
    field: Any
    ws: Any
    rest: Any
    stored_pct: Any
    skew_ms: Any
    stored: Any
    rest_time: Any


def readable(value: object) -> bool:
    """Whether this is a missing value or a finite number: text and infinity are neither."""
    if isinstance(value, (float, int)):
        return -_HUGE < value < _HUGE
    return value is None
