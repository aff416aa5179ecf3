"""scripts/fuzz.py: how long it tries, and what it says."""

from hypothesis import strategies as st

from harness.fuzz.targets import Target, pure
from scripts import fuzz


def _small(case: object) -> None:
    assert isinstance(case, int)
    assert case < 100


def test_a_longer_run_returns_the_finding_and_the_number_of_cases() -> None:
    tried, error = fuzz.fuzz(Target(st.integers(), pure(_small)), 60.0, 1)
    assert tried > 0
    assert isinstance(error, AssertionError)
    tried, error = fuzz.fuzz(Target(st.integers(max_value=9), pure(_small)), 0.2, 1)
    assert tried > 0
    assert error is None
