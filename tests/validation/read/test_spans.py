"""validation/read/spans.py: what spans of time cover together."""

import pytest

from validation.read.spans import Span, covered


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [
        ([], 0),
        ([(2, 4)], 2),
        ([(-5, 1), (9, 20)], 2),  # what lies outside does not count
        ([(2, 6), (4, 8)], 6),  # nothing counts twice
        ([(2, 8), (4, 5)], 6),
        ([(7, 8), (1, 2)], 2),
        ([(0, 10), (0, 10)], 10),
        ([(6, 5)], 0),  # the clock went back
        ([(11, 12)], 0),
    ],
)
def test_seconds_covered(spans: list[Span], seconds: float) -> None:
    assert covered(spans, (0, 10)) == seconds
