"""When it was that a criterion was not met, and from when on a period is free of it. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from validation.read.spans import Span


class Evidence(NamedTuple):
    """When it was so: spans, or instants as spans without a length (Unix seconds), in any order.

    `allowed` is what a day may have of it: seconds of spans, a number of instants. `goes_on` where
    it was still so when it was looked at last. Of a `whole` span nothing counts in a period that
    begins within it.
    """

    spans: Sequence[Span]
    allowed: float = 0.0
    goes_on: bool = False
    whole: bool = False

    def outside(self, others: Iterable[Span], slack: float) -> float:
        """How much of it is further than `slack` seconds from any of `others`."""
        near = [(begin - slack, end + slack) for begin, end in others]
        return sum(
            _weight(span)
            for span in self.spans
            if not any(span[0] <= end and span[1] >= begin for begin, end in near)
        )

    @property
    def clear_from(self) -> float | None:
        """The earliest instant from which on there is no more than what is allowed; None while it
        goes on."""
        if self.goes_on:
            return None
        left = self.allowed
        for begin, end in sorted(self.spans, key=lambda span: span[1], reverse=True):
            if _weight((begin, end)) > left:
                return begin if self.whole or end == begin else end - left
            left -= _weight((begin, end))
        return float("-inf")


def _weight(span: Span) -> float:
    return span[1] - span[0] or 1.0
