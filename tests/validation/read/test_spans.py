"""validation/read/spans.py: what spans of time cover together."""

import pytest

from validation.read.spans import Span, covered, merged


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


def test_spans_that_overlap_or_touch_are_one() -> None:
    assert merged([]) == []
    assert merged([(5.0, 6.0), (0.0, 2.0), (1.0, 1.5), (2.0, 3.0)]) == [(0.0, 3.0), (5.0, 6.0)]
