"""What of the past is asked for, and in which order."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.history.backfill_rules import (
    DAY_MS,
    HOUR_MS,
    PIECE_ROWS,
    Piece,
    answered,
    importance,
    pieces,
)
from funding.model.settlement import Announced, Asked

NOW = 490_000 * HOUR_MS
MONTH = NOW - 30 * DAY_MS


def contract(
    symbol: str = "A", interval: int | None = 8, rate: float = 0.0, listed: int | None = None
) -> Announced:
    return Announced(symbol, NOW + HOUR_MS, interval, rate, symbol, listed)


def spans(*made: Piece) -> list[tuple[int, int]]:
    return [(each.since_ms, each.until_ms) for each in made]


def test_a_new_contract_is_asked_for_since_its_listing() -> None:
    listed = NOW - 5 * DAY_MS
    found = list(pieces([contract(listed=listed)], {}, MONTH, NOW))
    assert spans(*found) == [(listed, NOW)]


@pytest.mark.parametrize(("days", "interval", "calls"), [(30, 1, 1), (90, 1, 3), (400, 8, 2)])
def test_a_long_history_is_asked_for_in_pieces_newest_first(
    days: int, interval: int, calls: int
) -> None:
    found = list(pieces([contract(interval=interval)], {}, NOW - days * DAY_MS, NOW))
    assert len(found) == calls
    assert found[0].until_ms == NOW
    for newer, older in pairwise(found):
        assert older.until_ms == newer.since_ms - 1
    assert found[-1].since_ms == NOW - days * DAY_MS
    assert all(each.until_ms - each.since_ms < PIECE_ROWS * interval * HOUR_MS for each in found)


def test_what_was_asked_for_is_not_asked_again() -> None:
    whole = {"A": Asked(MONTH, NOW - 7 * HOUR_MS + 3)}
    assert list(pieces([contract()], whole, MONTH, NOW)) == []
    stopped = {"A": Asked(NOW - 10 * DAY_MS, NOW - 7 * HOUR_MS + 3)}
    assert spans(*pieces([contract()], stopped, MONTH, NOW)) == [(MONTH, NOW - 10 * DAY_MS - 1)]


@pytest.mark.parametrize(("minutes", "count"), [(1, 0), (479, 0), (480, 1)])
def test_the_next_one_is_asked_for_when_it_is_due(minutes: int, count: int) -> None:
    """And not in the half hour before it, in each run of the command."""
    now = NOW + minutes * 60_000
    asked = {"A": Asked(MONTH, NOW)}
    due = pieces([contract("A", 8)], asked, MONTH, now - 1)
    assert len(list(due)) == 0
    assert len(list(pieces([contract("A", 8)], asked, MONTH, now + 1))) == count


def test_after_days_without_the_program_both_sides_are_asked_for() -> None:
    known = {"A": Asked(NOW - 10 * DAY_MS, NOW - 2 * DAY_MS)}
    assert spans(*pieces([contract()], known, MONTH, NOW)) == [
        (NOW - 2 * DAY_MS + 1, NOW),
        (MONTH, NOW - 10 * DAY_MS - 1),
    ]


def test_the_newest_of_every_contract_comes_before_what_is_older_of_any() -> None:
    many = [contract("LOW", 1, 0.0001), contract("HIGH", 1, -0.002), contract("BTC"),
            contract("ETH", 8, 0.5)]  # fmt: skip
    found = [each.symbol for each in pieces(many, {}, NOW - 60 * DAY_MS, NOW)]
    assert found == ["BTC", "ETH", "HIGH", "LOW", "HIGH", "LOW"]
    assert importance(contract(rate=0.1)) < importance(contract(rate=0.01))


@given(st.lists(st.integers(1, 700), min_size=1, max_size=12), st.integers(1, 8))
def test_whenever_it_is_stopped_it_goes_on_without_a_hole(cuts: list[int], interval: int) -> None:
    """Each run asks some questions and is killed; the ranges that were asked for grow together."""
    since, now = NOW - 60 * DAY_MS, NOW
    asked: Asked | None = None
    for cut in cuts:
        now += cut * HOUR_MS
        known = {"A": asked} if asked else {}
        for piece in list(pieces([contract(interval=interval)], known, since, now))[: cut % 4]:
            newest = piece.until_ms - piece.until_ms % HOUR_MS
            found = answered(piece, newest if newest >= piece.since_ms else None, now)
            if asked is not None:
                assert found.from_ms <= asked.until_ms + 1
                assert found.until_ms >= asked.from_ms - 1
                found = Asked(
                    min(asked.from_ms, found.from_ms), max(asked.until_ms, found.until_ms)
                )
            asked = found


def test_what_may_still_be_published_is_asked_for_again() -> None:
    fresh = Piece("A", NOW - 3 * DAY_MS, NOW)
    assert answered(fresh, NOW - 9 * HOUR_MS, NOW) == Asked(fresh.since_ms, NOW - 9 * HOUR_MS)
    assert answered(fresh, None, NOW) == Asked(fresh.since_ms, NOW - DAY_MS)
    just_now = Piece("A", NOW - HOUR_MS, NOW)
    assert answered(just_now, None, NOW) == Asked(just_now.since_ms, just_now.since_ms)
    old = Piece("A", NOW - 9 * DAY_MS, NOW - 2 * DAY_MS)
    assert answered(old, None, NOW) == Asked(*old[1:])
    before = Piece("A", NOW - 3 * DAY_MS, NOW - HOUR_MS - 1)
    known = Asked(NOW - HOUR_MS, NOW)
    assert answered(before, NOW - 9 * HOUR_MS, NOW, known) == Asked(*before[1:]), (
        "the rest is known"
    )
    assert answered(fresh, NOW - 9 * HOUR_MS, NOW, Asked(NOW - HOUR_MS, NOW - 1)).until_ms < NOW - 1
