"""How values are written."""

import pytest

from validation.render.text import clean, columns, fitted, iso, percentage, value


def test_time_is_utc_to_the_second_and_anything_else_a_number() -> None:
    assert iso(1_790_000_000.9) == "2026-09-21T14:13:20Z"
    assert iso(1e300) == "1e+300"


def test_control_characters_are_written_out() -> None:
    assert clean("a\x1b[31m\nb\u202e") == "a\\x1b[31m\\nb\\u202e"
    assert clean(None) == "None"


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("abc", 5, "abc  "),
        ("abc", -5, "  abc"),
        ("abcdef", 5, "abcd…"),
        ("币安人生", 8, "币安人生"),
        ("币安人生", 7, "币安人…"),
        ("币安人生", 6, "币安… "),
        ("e\u0301e\u0301e\u0301", 3, "e\u0301e\u0301e\u0301"),
        ("x" * 10_000_000, 3, "xx…"),
    ],
)
def test_text_is_fitted_to_its_columns(text: str, width: int, expected: str) -> None:
    assert fitted(text, width) == expected
    assert columns(expected) == abs(width)


def test_numbers_are_written_without_noise() -> None:
    assert [value(number) for number in (None, 0.1 + 0.2, 7)] == ["–", "0.3", "7"]
    assert [percentage(number) for number in (0.5, 99.9999994, 1e6)] == [
        *("0.500000", "99.999999", "1000000")
    ]
