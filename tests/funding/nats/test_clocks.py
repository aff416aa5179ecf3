"""How long ago something was sent: clocks that lag, lead and are set, links that turn slow."""

import pytest

from funding.nats.clocks import MOST_TAKERS, PERIOD_SECONDS, TakerClocks

UP = 5_000.0
WALL = 1_764_725_610.0


def since(
    clocks: TakerClocks, sent_at: float, received: float, now: float, *, lead: float = 0.0
) -> float:
    """Seconds at uptime `now`, where our wall clock is ahead of the taker's by `lead`."""
    wall = WALL + (now - UP) + lead
    return clocks.seconds_since("one", sent_at, received, wall=wall, uptime=now)


def test_clocks_that_agree() -> None:
    clocks = TakerClocks()
    clocks.hear("one", WALL, UP)
    assert since(clocks, WALL, UP, UP + 3) == 3.0


def test_a_link_that_turns_slow_makes_a_message_older() -> None:
    """Whatever our clock says: here it lags by an hour."""
    clocks = TakerClocks()
    clocks.hear("one", WALL, UP)
    clocks.hear("one", WALL + 10, UP + 100)
    assert since(clocks, WALL + 10, UP + 100, UP + 100, lead=-3_600) == 90.0


def test_a_clock_of_ours_that_lags_is_found_out_by_later_messages() -> None:
    """What came first was slow: how old it was is known as soon as a quick one has come."""
    clocks = TakerClocks()
    clocks.hear("one", WALL - 90, UP)
    assert since(clocks, WALL - 90, UP, UP, lead=-3_600) == 0.0
    known = clocks.version
    clocks.hear("one", WALL, UP)
    assert since(clocks, WALL - 90, UP, UP, lead=-3_600) == 90.0
    assert clocks.version > known


def test_a_clock_of_ours_that_is_ahead_makes_messages_older() -> None:
    clocks = TakerClocks()
    clocks.hear("one", WALL, UP)
    assert since(clocks, WALL, UP, UP, lead=300) == 300.0
    assert clocks.lag("one", wall=WALL + 300, uptime=UP) == 300.0
    assert clocks.lag("two", wall=WALL + 300, uptime=UP) == 0.0


def test_nothing_is_younger_than_its_time_here() -> None:
    """A taker whose clock was ahead, and was set back."""
    clocks = TakerClocks()
    clocks.hear("one", WALL + 600, UP, is_heartbeat=True)
    clocks.hear("one", WALL + 1, UP + 1, is_heartbeat=True)
    assert since(clocks, WALL + 600, UP, UP + 7) == 7.0
    assert since(clocks, WALL + 1, UP + 1, UP + 7) == 6.0


def test_a_clock_that_was_ahead_is_forgotten_after_a_while() -> None:
    clocks = TakerClocks()
    clocks.hear("one", WALL + 600, UP)
    late = UP + 1
    for _ in range(3):
        late += PERIOD_SECONDS
        clocks.hear("one", WALL + (late - UP), late)
    assert since(clocks, WALL + (late - UP), late, late) == 0.0


def test_one_quick_message_counts_for_a_whole_period() -> None:
    clocks = TakerClocks()
    clocks.hear("one", WALL, UP)
    late = UP + PERIOD_SECONDS + 1
    clocks.hear("one", WALL + (late - UP) - 30, late)
    assert since(clocks, WALL + (late - UP) - 30, late, late, lead=-3_600) == 30.0


def test_each_taker_has_a_clock_of_its_own() -> None:
    clocks = TakerClocks()
    clocks.hear("ahead", WALL + 600, UP)
    clocks.hear("one", WALL, UP)
    assert since(clocks, WALL, UP, UP + 1) == 1.0
    assert clocks.latest_wall(wall=WALL, uptime=UP + 1) == WALL + 601


def test_a_small_difference_changes_nothing() -> None:
    clocks = TakerClocks()
    clocks.hear("one", WALL, UP)
    known = clocks.version
    clocks.hear("one", WALL + 1.1, UP + 1)
    assert clocks.version == known


def test_invented_takers_take_no_room() -> None:
    clocks = TakerClocks()
    for number in range(10 * MOST_TAKERS):
        clocks.hear(str(number), WALL, UP)
    assert len(clocks._takers) == MOST_TAKERS
    with pytest.raises(KeyError):
        clocks._takers["0"]
