"""What is believed of one quote."""

from typing import Any

import pytest

from funding.exchanges.frame import Frame
from funding.exchanges.quotes import believable_due, next_hour_ms, quote
from funding.model.quote import Quote

AT = 1_790_000_000_000
GOOD: dict[str, Any] = {
    "mark": "100.5",
    "index": "100",
    "funding": "-0.0001",
    "due_ms": AT + 1_000,
    "event_time": AT,
}


def test_good_values_are_a_quote() -> None:
    assert quote(Frame([]), "X", **GOOD) == Quote("X", 100.5, 100.0, -0.0001, AT + 1_000, AT)


def test_what_is_missing_is_none_or_zero() -> None:
    found = quote(Frame([]), "X", **{**GOOD, "index": None, "funding": "", "due_ms": None})
    assert found == Quote("X", 100.5, 0.0, None, None, AT)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"mark": None}, "mark price"),
        ({"mark": 0.0}, "mark price"),
        ({"mark": "1e13"}, "mark price"),
        ({"index": "x"}, "index price"),
        ({"index": -1}, "index price"),
        ({"funding": "180000000000"}, "funding rate"),
        ({"funding": -1}, "funding rate"),
        ({"event_time": 0}, "event time"),
        ({"event_time": 4_102_444_800_001}, "event time"),
        ({"due_ms": 25_242_841}, "next funding time"),
        ({"due_ms": AT + 400 * 86_400_000}, "next funding time"),
    ],
)
def test_value_that_cannot_be_true_is_named(change: dict[str, Any], reason: str) -> None:
    frame = Frame([])
    assert quote(frame, "XBTUSDTM", **{**GOOD, **change}) is None
    assert dict(frame.rejected) == {reason: 1}
    assert "XBTUSDTM" in frame.samples[reason]


def test_next_hour_is_never_now() -> None:
    assert next_hour_ms(3_600_000 - 1) == 3_600_000
    assert next_hour_ms(3_600_000) == 7_200_000


def test_due_time_may_be_unknown_or_past_and_not_a_countdown() -> None:
    assert believable_due(None, AT)
    assert believable_due(AT - 60_000, AT)
    assert not believable_due(28_800_000, AT)
