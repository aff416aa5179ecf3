"""Spans of time: how much of one of them others cover, and which of them are one."""

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


def merged(spans: Iterable[Span]) -> list[Span]:
    """The spans in order of time; those that overlap or touch are one."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            begin, last = found.pop()
            end = max(end, last)
        found.append((begin, end))
    return found
