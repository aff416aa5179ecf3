"""Spans of time: how much of one of them others cover."""

from collections.abc import Iterable

Span = tuple[float, float]
"""Begin and end, Unix seconds."""


def covered(spans: Iterable[Span], within: Span) -> float:
    """How many seconds of `within` the spans cover together."""
    seconds, reached = 0.0, within[0]
    for begin, end in sorted(spans):
        end = min(end, within[1])
        seconds += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return seconds
