"""The exception tree: what is drawn is what there is."""

import inspect
import re

import pytest

from funding import errors


def test_the_drawn_tree_is_that_of_the_classes() -> None:
    drawn: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"    ([ │├└─]*)(\w+)", line):
            depth = len(match[1]) // 4
            above[depth:] = [match[2]]
            drawn[match[2]] = above[depth - 1] if depth else "Exception"
    classes = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    assert drawn == {kind.__name__: kind.__base__.__name__ for kind in classes if kind.__base__}


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (errors.SettingError("FUNDING_DB", "\n", "a path"), "FUNDING_DB='\\n': expected a path"),
        (
            errors.RestRefused(400, -1121, "Invalid"),
            "status 400, code -1121: Invalid",
        ),
        (errors.RestBanned("banned", 60.0), "banned"),
        (errors.ConnectionLost("reset", "reset by peer"), "reset by peer"),
        (
            errors.StoreFull("var/funding.db", "the disk is full"),
            "var/funding.db: the disk is full",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_format_themselves_in_one_line(error: errors.FundingError, text: str) -> None:
    assert str(error) == text


def test_errors_carry_when_to_ask_again() -> None:
    assert errors.RestBanned("banned", 60.0).retry_after_seconds == 60.0
    assert errors.RestRefused(400, None, "no").retry_after_seconds == 0.0
    assert errors.ConnectFailed("refused", "429", 30.0).retry_after_seconds == 30.0
