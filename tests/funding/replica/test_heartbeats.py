"""Is what is read the present? What is said where no heartbeat comes, or a late one."""

from funding.nats.clocks import TakerClocks
from funding.replica.heartbeats import SILENT_SECONDS, TAKEOVER_SECONDS, Heartbeats

UP = 5_000.0
SENT = 1_764_725_610.0


def heard(*, taker: str = "one", late: float = 0.0) -> Heartbeats:
    """After a heartbeat at UP that was `late` seconds under way."""
    made = Heartbeats(TakerClocks())
    made.hear("binance", taker, 1, SENT - late, UP)
    return made


def problem(heartbeats: Heartbeats, seconds: float, away: str = "", lead: float = 0.0) -> str:
    """What is said `seconds` later."""
    wall = SENT + seconds + lead
    return heartbeats.problem("binance", away, wall=wall, uptime=UP + seconds)


def test_nothing_is_said_while_they_come() -> None:
    assert problem(heard(), 0) == problem(heard(), SILENT_SECONDS) == ""


def test_a_server_that_was_away_for_a_moment_is_no_problem() -> None:
    assert problem(heard(), 2, away="refused") == ""


def test_before_the_first_one() -> None:
    expected = "no taker publishes binance on NATS: none has been heard since this API began"
    assert problem(Heartbeats(TakerClocks()), 0) == expected


def test_a_taker_that_is_silent_is_named() -> None:
    expected = "no taker publishes binance on NATS: the last one, host-a, was heard 12 s ago"
    assert problem(heard(taker="host-a"), 12) == expected


def test_a_server_that_is_away_is_named() -> None:
    found = problem(heard(taker="host-a"), 12, away="nats://db:4222: Connection refused")
    assert found == (
        "NATS cannot be read (nats://db:4222: Connection refused), and so no taker of binance:"
        " the last one, host-a, was heard 12 s ago"
    )


def test_heartbeats_that_come_late_are_no_present() -> None:
    """They come all the time, and each is old."""
    expected = "what one sends comes 40 s late: the link is slow, or this machine's clock is ahead"
    assert problem(heard(late=40), 0) == expected
    assert problem(heard(), 0, lead=40) == expected


def test_an_older_leadership_does_not_count_beside_a_newer_one() -> None:
    made = Heartbeats(TakerClocks())
    assert made.hear("binance", "new", 5, SENT, UP)
    assert not made.hear("binance", "old", 4, SENT + 1, UP + 1)
    assert made.hear("kucoin", "old", 4, SENT + 1, UP + 1)
    assert made.hear("binance", "new", 5, SENT + 2, UP + 2)


def test_an_older_leadership_counts_where_the_newer_one_is_silent() -> None:
    """The bucket of leaders was lost with its server: terms begin again."""
    made = Heartbeats(TakerClocks())
    assert made.hear("binance", "new", 5, SENT, UP)
    later = TAKEOVER_SECONDS + 0.5
    assert made.hear("binance", "old", 1, SENT + later, UP + later)
