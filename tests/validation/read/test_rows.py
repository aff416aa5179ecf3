"""Rows whose values may be of any type."""

import pytest

from validation.read.rows import readable


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, True),
        (0, True),
        (-2.5, True),
        (2**62, True),
        (float("inf"), False),
        (float("nan"), False),
        (1e301, False),
        ("1.0", False),
        (b"\x00", False),
    ],
)
def test_only_missing_values_and_finite_numbers_are_readable(value: object, expected: bool) -> None:
    assert readable(value) is expected
