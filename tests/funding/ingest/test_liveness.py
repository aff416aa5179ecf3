"""Connections that stall, never deliver or hang while connecting."""

import pytest

from funding.ingest.connection_events import EndingKind
from funding.ingest.liveness import CONNECT_SECONDS, LATE_SECONDS, ConnectionState
from tests.support.simulated_exchange import STEP, SimulatedExchange


@pytest.mark.parametrize("stall_after", [2.0, 5.0, 30.0])
def test_stalled_connection_is_replaced(stall_after: float) -> None:
    exchange = SimulatedExchange(stall_after=stall_after).run(60.0)
    exchange.frozen = {1}
    last = exchange.last
    exchange.run(stall_after + 2.0)
    ((at, close),) = exchange.disconnects
    assert (close.connection, close.kind) == (1, "stall")
    assert close.detail == f"no newer mark price for {stall_after:g} s"
    assert 0 < at - last - stall_after <= 0.5 + STEP
    assert exchange.attempts[1] - at <= 1.0
    assert exchange.last > at


@pytest.mark.parametrize("answers_after", [0.1, 3.0, 9.0])
@pytest.mark.parametrize("stall_after", [5.0, 7.5])
def test_connection_that_never_delivers_is_silent(answers_after: float, stall_after: float) -> None:
    exchange = SimulatedExchange(stall_after=stall_after)
    exchange.classes, exchange.answers_after = set(), answers_after
    exchange.run(answers_after + stall_after + 2 * STEP + STEP)
    ((at, close),) = exchange.disconnects
    assert close.kind == "silent"
    words = f"connected but no mark price within {stall_after:g} s: is the address still served?"
    assert close.detail == words
    # Counted from the handshake: neither from the attempt nor from a first row.
    opened = exchange.attempts[0] + answers_after
    assert stall_after < at - opened <= stall_after + 3 * STEP


def test_words_for_a_silent_connection_with_default_settings() -> None:
    exchange = SimulatedExchange()
    exchange.classes = set()
    exchange.run(6.0)
    assert exchange.disconnects[0][1].detail == (
        "connected but no mark price within 5 s: is the address still served?"
    )


def test_hanging_attempt_is_given_up() -> None:
    exchange = SimulatedExchange()
    exchange.hangs = True
    exchange.run(CONNECT_SECONDS + 1.0)
    ((at, close),) = exchange.disconnects
    assert close.kind == "timeout"
    assert CONNECT_SECONDS < at - exchange.attempts[0] <= CONNECT_SECONDS + 2 * STEP
    patient = SimulatedExchange(stall_after=30.0)
    patient.hangs = True
    assert patient.run(29.0).disconnects == []


# The state of one connection, by itself


def state(opened: float | None = 10.0) -> ConnectionState:
    return ConnectionState(1, attempted=4.0, rotate_at=900.0, opened=opened)


def test_class_is_proven_by_its_third_frame() -> None:
    made = state()
    assert [made.accept(0, at, 1) for at in (11.0, 12.0, 13.0, 14.0)] == [False, False, True, True]
    assert not made.accept(1, 15.0, 2), "each class by itself"
    assert made.accept(1, 16.0, 1)
    assert made.accept(2, 17.0, 5)
    assert made.accepted == 17.0


def test_classes_flow_while_their_last_frame_is_young_enough() -> None:
    made = state()
    made.accept(0, 11.0, 1)
    made.accept(1, 13.0, 1)
    assert made.flowing(16.0, 5.0) == {0, 1}
    assert made.flowing(16.1, 5.0) == {1}
    assert made.flowing(18.1, 5.0) == set()


def test_class_is_lacking_when_others_went_on_without_it() -> None:
    made = state()
    assert not made.lacks(1, 5.0), "nothing has come"
    made.accept(0, 15.0, 1)
    assert not made.lacks(1, 5.0)
    made.accept(0, 15.1, 1)
    assert made.lacks(1, 5.0), "counted from the handshake"
    made.accept(1, 16.0, 1)
    made.accept(0, 21.0, 1)
    assert not made.lacks(1, 5.0)
    made.accept(0, 21.1, 1)
    assert made.lacks(1, 5.0)
    assert not made.lacks(0, 5.0)


@pytest.mark.parametrize(
    ("opened", "accepted", "stall_after", "lives_until", "kind"),
    [
        (None, None, 5.0, 14.0, EndingKind.TIMEOUT),  # ten seconds since the attempt
        (None, None, 30.0, 34.0, EndingKind.TIMEOUT),
        (10.0, None, 5.0, 15.0, EndingKind.SILENT),
        (10.0, 12.0, 5.0, 17.0, EndingKind.STALL),
        (0.0, None, 5.0, 5.0, EndingKind.SILENT),
        (0.0, 0.0, 5.0, 5.0, EndingKind.STALL),
    ],
)
def test_connection_fails_when_nothing_came_for_too_long(
    opened: float | None,
    accepted: float | None,
    stall_after: float,
    lives_until: float,
    kind: EndingKind,
) -> None:
    made = state(opened)
    made.accepted = accepted
    assert made.failure(lives_until, stall_after) is None
    found = made.failure(lives_until + 0.1, stall_after)
    assert found is not None
    assert found[0] is kind


def test_connection_whose_lag_grows_is_replaced_and_one_that_catches_up_is_not() -> None:
    for late_for, replaced in ((2.0, False), (4.0, True)):
        exchange = SimulatedExchange().run(10.0)
        exchange.policy.note_lag(1, 0.1, exchange.now)
        exchange.policy.note_lag(1, LATE_SECONDS + 1.0, exchange.now)
        exchange.run(late_for)
        exchange.policy.note_lag(1, 0.2, exchange.now)
        assert exchange.ending_kinds() == (["late"] if replaced else [])
    assert exchange.disconnects[0][1].detail == (
        "the stream is 11 s late: the link is slower than the stream"
    )


def test_lag_up_to_the_limit_replaces_nothing() -> None:
    exchange = SimulatedExchange().run(10.0)
    exchange.policy.note_lag(1, 0.0, exchange.now)
    exchange.policy.note_lag(1, LATE_SECONDS, exchange.now)
    exchange.run(20.0)
    assert exchange.disconnects == []


def test_stream_that_is_late_from_the_start_is_tried_again_after_minutes() -> None:
    exchange = SimulatedExchange().run(10.0)
    exchange.policy.note_lag(1, 30.0, exchange.now)
    exchange.run(280.0)
    assert exchange.disconnects == []
    assert exchange.policy.lag() == 30.0
    exchange.run(15.0)
    ((_, close),) = exchange.disconnects
    assert close.kind == "late"
    assert close.detail == "the stream is 30 s late, as from the start of this connection"
    assert exchange.policy.lag() == 0.0


def test_lag_of_the_feed_is_that_of_its_best_connection() -> None:
    exchange = SimulatedExchange(connections=2).run(10.0)
    exchange.policy.note_lag(1, 8.0, exchange.now)
    assert exchange.policy.lag() == 8.0
    exchange.policy.note_lag(2, 0.5, exchange.now)
    assert exchange.policy.lag() == 0.5


def trickle(step: int, *, whole_every: int = 0, until_second: float = 60.0) -> list[str]:
    """How a connection ends whose messages come in parts of `step` bytes, and never count."""
    exchange = SimulatedExchange()
    exchange.classes = set()
    exchange.run(1.0)
    size = 0
    while not exchange.disconnects:
        if exchange.now < 1_000.0 + until_second:
            size = 0 if whole_every and size >= whole_every else size + step
        exchange.policy.note_unfinished(1, size, exchange.now)
        exchange.run(STEP)
    return [close.detail for _, close in exchange.disconnects]


def test_link_on_which_no_message_comes_whole_is_too_slow() -> None:
    (words,) = trickle(1_000)
    assert words.startswith("the link is too slow: ")
    assert words.endswith(" bytes in 5 s, no whole frame")


@pytest.mark.parametrize(
    "options", [{"step": 0}, {"step": 1_000, "whole_every": 3_000}, {"step": 9, "until_second": 2}]
)
def test_link_that_is_silent_or_brings_whole_messages_is_not_called_slow(
    options: dict[str, int],
) -> None:
    assert trickle(**options) == [
        "connected but no mark price within 5 s: is the address still served?"
    ]
