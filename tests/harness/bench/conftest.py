"""A few figures."""

import pytest

from harness.bench.figures import OURS, Figures


@pytest.fixture
def figures() -> Figures:
    """Of two that answered, and one that did not."""
    made = Figures()
    made.samples(3, "one", OURS, "ms", [1.0, 2.0, 3.0])
    made.samples(3, "one", "floor <x>", "ms", [1.0, 1.0, 2.0])
    made.missing(3, "one", "absent", "not installed")
    made.samples(3, "two", "floor <x>", "ms", [])
    return made
