"""When one quote replaces another, and when two names are one symbol."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.model.quote import (
    BELIEVABLE_LEAD_MS,
    Quote,
    annualized,
    ceiling_ms,
    fold,
    supersedes,
)

NOW = 1_790_000_000.0
NOW_MS = 1_790_000_000_000


@pytest.mark.parametrize(
    ("event_time", "stored", "replaces"),
    [
        (NOW_MS + 1, NOW_MS, True),
        (NOW_MS, NOW_MS, False),
        (NOW_MS - 1, NOW_MS, False),
        (NOW_MS, NOW_MS + BELIEVABLE_LEAD_MS, False),  # ahead, but clocks differ
        (NOW_MS, NOW_MS + BELIEVABLE_LEAD_MS + 1, True),  # was never true
        (NOW_MS - 60_000, NOW_MS + 3_600_000, True),
    ],
)
def test_newer_replaces_older_and_anything_replaces_the_impossible(
    event_time: int, stored: int, replaces: bool
) -> None:
    assert supersedes(event_time, stored, ceiling_ms(NOW_MS, NOW)) is replaces


@pytest.mark.parametrize("behind_seconds", [0, 3_600, 10 * 365 * 86_400])
def test_clock_set_back_lets_no_old_quote_in(behind_seconds: int) -> None:
    ceiling = ceiling_ms(NOW_MS, NOW - behind_seconds)
    assert not supersedes(NOW_MS - 1_000, NOW_MS, ceiling)
    assert supersedes(NOW_MS + 1_000, NOW_MS, ceiling)


def test_late_frame_lets_no_old_quote_in() -> None:
    assert not supersedes(NOW_MS - 60_000, NOW_MS, ceiling_ms(NOW_MS - 60_000, NOW))


def test_ceiling_follows_the_later_clock() -> None:
    assert ceiling_ms(NOW_MS + 7, NOW) == NOW_MS + 7 + BELIEVABLE_LEAD_MS
    assert ceiling_ms(NOW_MS - 7, NOW) == NOW_MS + BELIEVABLE_LEAD_MS


@pytest.mark.parametrize(
    ("symbol", "folded"),
    [
        ("btcusdt_260925", "BTCUSDT_260925"),
        ("1000pepeUSDT", "1000PEPEUSDT"),
        ("币安人生usdt", "币安人生USDT"),
        ("straßeıſﬁ", "STRAßEıſﬁ"),
        ("`az{", "`AZ{"),
    ],
)
def test_fold_raises_ascii_letters_alone(symbol: str, folded: str) -> None:
    assert fold(symbol) == folded


@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")), st.data())
def test_fold_agrees_with_the_store(one: str, data: st.DataObject) -> None:
    other = data.draw(st.sampled_from([one, one.upper(), one.lower(), one.swapcase(), one + "a"]))
    connection = sqlite3.connect(":memory:")
    try:
        (same,) = connection.execute("SELECT ? = ? COLLATE NOCASE", (one, other)).fetchone()
    finally:
        connection.close()
    assert (fold(one) == fold(other)) is bool(same)


def test_quote_is_frozen() -> None:
    quote = Quote("BTCUSDT", 1.0, 1.0, None, None, NOW_MS)
    with pytest.raises(AttributeError):
        quote.mark_price = 2.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("rate", "hours", "expected"),
    [
        (0.0001, 8, 0.1095),
        (0.0001, 4, 0.219),
        (-0.00001864, 1, -0.1632864),
        (0.0, 8, 0.0),
        (0.0001, None, None),
        (None, 8, None),
    ],
)
def test_a_rate_per_year(rate: float | None, hours: int | None, expected: float | None) -> None:
    assert annualized(rate, hours) == expected
