"""A connection that is alive and too late, or too slow for a whole frame."""

import pytest

from funding.ingest.connection_events import EndingKind
from funding.ingest.liveness import ConnectionState

STALL = 5.0


def delivering(
    lags: dict[float, float], until: float = 500.0, opened: float = 0.0
) -> ConnectionState:
    """A connection that delivers until `until`, with these lags from these times on."""
    made = ConnectionState(1, attempted=0.0, rotate_at=9_000.0, opened=opened, accepted=until)
    for at, lag in lags.items():
        made.note_lag(lag, at)
    return made


def kind(found: tuple[EndingKind, str] | None) -> EndingKind | None:
    return None if found is None else found[0]


def test_new_connection_is_neither_good_nor_late() -> None:
    made = ConnectionState(1, attempted=0.0, rotate_at=9_000.0)
    assert (made.good, made.lag, made.late_since, made.unfinished) == (False, None, None, 0)


@pytest.mark.parametrize(
    ("lag", "now", "replaced"),
    [(10.0, 500.0, False), (10.1, 103.0, False), (10.1, 103.1, True), (60.0, 103.1, True)],
)
def test_backlog_of_ten_seconds_for_three_seconds_is_replaced(
    lag: float, now: float, replaced: bool
) -> None:
    made = delivering({0.0: 0.2, 100.0: lag}, until=now)
    assert kind(made.failure(now, STALL)) == (EndingKind.LATE if replaced else None)


def test_lag_that_went_away_begins_again() -> None:
    made = delivering({0.0: 0.2, 100.0: 20.0, 101.0: 20.0, 102.0: 10.0, 103.0: 20.0}, until=106.0)
    assert made.failure(106.0, STALL) is None
    made.accepted = 106.1
    assert kind(made.failure(106.1, STALL)) is EndingKind.LATE


@pytest.mark.parametrize(("first", "replaced"), [(15.0, False), (14.9, True)])
def test_backlog_is_what_came_with_the_age_of_the_connection(first: float, replaced: bool) -> None:
    """Lag that was there from the start is no backlog: another connection would have it, too."""
    found = delivering({0.0: first, 100.0: 20.0}, until=104.0).failure(104.0, STALL)
    assert kind(found) == (EndingKind.LATE if replaced else None)
    if found is not None:
        assert found[1] == "the stream is 20 s late: the link is slower than the stream"


def test_least_lag_is_that_of_the_whole_life() -> None:
    made = delivering({0.0: 30.0, 1.0: 12.0, 2.0: 18.0}, until=10.0)
    assert (made.lag, made.least_lag, made.late_since) == (18.0, 12.0, 0.0)
    assert kind(made.failure(10.0, STALL)) is EndingKind.LATE, "six seconds more than the least"


@pytest.mark.parametrize(("now", "replaced"), [(350.0, False), (350.1, True)])
def test_connection_that_was_born_late_is_replaced_after_five_minutes(
    now: float, replaced: bool
) -> None:
    found = delivering({51.0: 20.0}, until=now, opened=50.0).failure(now, STALL)
    words = "the stream is 20 s late, as from the start of this connection"
    assert found == ((EndingKind.LATE, words) if replaced else None)


def trickling(*sizes: tuple[float, int], accepted: float | None = 100.0) -> ConnectionState:
    """A connection by which a message has grown to these sizes at these times."""
    made = ConnectionState(1, attempted=90.0, rotate_at=9_000.0, opened=90.0, accepted=accepted)
    for now, size in sizes:
        made.note_unfinished(size, now)
    return made


def test_message_that_grows_and_never_ends_is_a_slow_link() -> None:
    made = trickling((101.0, 1_000), (103.0, 3_000), (104.5, 5_000))
    assert made.failure(105.0, STALL) is None, "no stall yet"
    words = "the link is too slow: 5000 bytes in 4 s, no whole frame"
    assert made.failure(105.1, STALL) == (EndingKind.SLOW, words)


def test_connection_that_never_delivered_may_be_slow_too() -> None:
    made = trickling((91.0, 1_000), (94.0, 2_000), accepted=None)
    assert kind(made.failure(95.1, STALL)) is EndingKind.SLOW
    assert kind(trickling(accepted=None).failure(95.1, STALL)) is EndingKind.SILENT


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], EndingKind.STALL),
        ([(104.0, 0)], EndingKind.STALL),
        # begun long enough ago: half of the time after which it is a stall
        ([(102.5, 100), (104.9, 200)], EndingKind.SLOW),
        ([(102.6, 100), (104.9, 200)], EndingKind.STALL),
        # and still growing, within two seconds
        ([(101.0, 100), (103.1, 200)], EndingKind.SLOW),
        ([(101.0, 100), (103.0, 200)], EndingKind.STALL),
        ([(101.0, 100), (103.0, 200), (105.0, 200)], EndingKind.STALL),
        # a smaller one is another message
        ([(101.0, 500), (104.0, 200), (104.9, 300)], EndingKind.STALL),
    ],
)
def test_link_is_slow_where_one_message_has_grown_for_long(
    sizes: list[tuple[float, int]], expected: EndingKind
) -> None:
    assert kind(trickling(*sizes).failure(105.1, STALL)) is expected


def test_short_limit_leaves_less_time_between_two_pieces() -> None:
    made = trickling((100.2, 100), (101.0, 200))
    assert kind(made.failure(102.0, 2.0)) is None
    assert kind(made.failure(102.01, 2.0)) is EndingKind.STALL
    made.note_unfinished(300, 101.5)
    assert kind(made.failure(102.5, 2.0)) is EndingKind.SLOW
    assert kind(made.failure(102.51, 2.0)) is EndingKind.STALL
