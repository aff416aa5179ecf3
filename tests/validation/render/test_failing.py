"""The words for when something was, and for when a GO is possible."""

from typing import Any

import pytest

from validation.render import failing


def failure(begin: float | None, end: float | None, *, goes_on: bool = False) -> dict[str, Any]:
    return {
        "begin": begin, "end": end, "goes_on": goes_on, "criteria": ["a", "b"],
        "times": 1, "last": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (failure(None, None), ""),
        (failure(None, None, goes_on=True), "now"),
        (failure(0.0, 60.0), "1970-01-01T00:00:00Z to 1970-01-01T00:01:00Z"),
        (failure(60.0, 60.0), "last at 1970-01-01T00:01:00Z"),
        (failure(0.0, 60.0, goes_on=True), "since 1970-01-01T00:00:00Z, and still"),
        (failure(60.0, 60.0, goes_on=True), "still at 1970-01-01T00:01:00Z"),
        (
            failure(0.0, 60.0) | {"times": 3, "last": 30.0},
            "3 times, the first from 1970-01-01T00:00:00Z on,"
            " the last from 1970-01-01T00:00:30Z to 1970-01-01T00:01:00Z",
        ),
        (
            failure(0.0, 60.0, goes_on=True) | {"times": 2, "last": 30.0},
            "2 times, the first from 1970-01-01T00:00:00Z on,"
            " the last since 1970-01-01T00:00:30Z, and still",
        ),
    ],
)
def test_when_it_was(found: dict[str, Any], words: str) -> None:
    assert failing.when(found) == words


@pytest.mark.parametrize(
    ("verdict", "at", "needs", "words"),
    [
        ("GO", None, [], ""),
        ("NO-GO", 59.2, [], "A GO is possible from 1970-01-01T00:01:00Z on"),
        ("NO-GO", None, ["lag", "feed"], "First mend: lag · feed."),
        ("NO-GO", None, ["span"], "A period shorter than a day cannot say GO"),
    ],
)
def test_when_a_go_is_possible(
    verdict: str, at: float | None, needs: list[str], words: str
) -> None:
    document = {"verdict": verdict, "go_possible": {"at": at, "needs": needs}}
    assert words in failing.outlook(document)
    assert bool(failing.outlook(document)) is bool(words)


def test_failed_criteria_are_counted() -> None:
    document = {"criteria": [{}] * 5, "failures": [failure(None, None)]}
    assert failing.reason(document) == "2 of 5 criteria fail"
    assert failing.reason(document | {"failures": []}) == "all 5 criteria are met"
