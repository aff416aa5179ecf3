"""When the policy connects again: delays, outages, and what the exchange asks for."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funding.ingest.connection_events import ConnectionEvent, ConnectionEventKind, EndingKind
from tests.support.simulated_exchange import (
    MOST_ATTEMPTS,
    STEP,
    SimulatedExchange,
    longest,
    most_in_a_window,
    pauses,
)


def test_first_retry_comes_within_a_second() -> None:
    exchange = SimulatedExchange(uniform=longest).run(60.0)
    exchange.end(1, EndingKind.LOST)
    exchange.run(2.0)
    assert exchange.attempts[1] - exchange.ended[0][0] <= 1.0


def test_neither_handshakes_nor_time_reset_the_backoff() -> None:
    exchange = SimulatedExchange(uniform=longest)
    exchange.classes = set()
    exchange.run(120.0)
    assert set(exchange.ending_kinds()) == {"silent"}
    assert pauses(exchange)[:7] == pytest.approx([0.5, 0.75, 1.5, 3.0, 3.75, 3.75, 3.75])


def test_accepted_quote_resets_the_backoff() -> None:
    exchange = SimulatedExchange(uniform=longest)
    exchange.refuses = EndingKind.REFUSED
    exchange.run(60.0)
    assert max(pauses(exchange)) == pytest.approx(3.75)
    exchange.refuses = None
    exchange.run(20.0)
    (connection,) = exchange.peers
    exchange.end(connection, EndingKind.CLOSED)
    exchange.run(2.0)
    assert pauses(exchange)[-1] == pytest.approx(0.5)


@pytest.mark.parametrize("backoff_max", [0.1, 5.0, 60.0])
def test_pause_is_bounded_by_the_setting_and_the_bound_on_attempts(backoff_max: float) -> None:
    exchange = SimulatedExchange(backoff_max=backoff_max)
    exchange.refuses = EndingKind.REFUSED
    exchange.run(1_800.0)
    assert max(pauses(exchange)) <= max(backoff_max, 5.0) + STEP


def test_server_that_feeds_and_closes_is_not_stormed() -> None:
    exchange = SimulatedExchange(connections=2)
    exchange.rows_before_close = 1
    exchange.run(3_600.0)
    assert most_in_a_window(exchange.attempts) <= MOST_ATTEMPTS
    assert len(exchange.attempts) > 600, "but it goes on trying"


@given(st.floats(0.1, 80.0))
@settings(max_examples=25)
def test_after_an_outage_of_a_minute_quotes_flow_within_five_seconds(seconds: float) -> None:
    exchange = SimulatedExchange(uniform=longest).run(60.0)
    exchange.refuses = EndingKind.REFUSED
    exchange.end(1, EndingKind.LOST)
    exchange.run(seconds)
    exchange.refuses = None
    back = exchange.now
    exchange.run(5.0)
    assert exchange.last > back


@given(
    st.floats(0.1, 4_000.0),
    st.sampled_from(
        [EndingKind.DNS, EndingKind.REFUSED, EndingKind.UNREACHABLE, EndingKind.HANDSHAKE]
    ),
)
@settings(max_examples=25)
def test_after_any_outage_an_attempt_comes_within_five_seconds(
    seconds: float, kind: EndingKind
) -> None:
    exchange = SimulatedExchange().run(60.0)
    exchange.refuses = kind
    exchange.end(1, EndingKind.LOST)
    exchange.run(seconds)
    exchange.refuses = None
    back, before = exchange.now, len(exchange.attempts)
    exchange.run(6.0)
    waiting = [at for at in exchange.attempts[before:] if at > back]
    assert exchange.last > back, "quotes flow again"
    assert not waiting or waiting[0] - back <= 5.0 + STEP


@pytest.mark.parametrize(
    ("kind", "retry_after", "least"),
    [
        (EndingKind.RATE_LIMITED, 120.0, 120.0),
        (EndingKind.RATE_LIMITED, 7.0, 7.0),
        (EndingKind.RATE_LIMITED, 0.0, 30.0),
        (EndingKind.RESTRICTED, 0.0, 60.0),
        (EndingKind.RESTRICTED, 3_600.0, 3_600.0),
        (EndingKind.HANDSHAKE, 20.0, 20.0),
        (EndingKind.HANDSHAKE, 0.0, 0.0),
    ],
)
def test_refusal_waits_as_long_as_the_exchange_asked(
    kind: EndingKind, retry_after: float, least: float
) -> None:
    exchange = SimulatedExchange()
    exchange.refuses, exchange.retry_after = kind, retry_after
    exchange.run(2 * STEP)
    ended = exchange.ended[0][0]
    exchange.refuses = None
    exchange.run(least + 6.0)
    assert least <= exchange.attempts[1] - ended <= max(least, 5.0) + 2 * STEP


def test_wait_asked_of_one_connection_holds_for_all() -> None:
    exchange = SimulatedExchange(connections=2).run(60.0)
    exchange.refuses, exchange.retry_after = EndingKind.RATE_LIMITED, 120.0
    exchange.end(1, EndingKind.LOST)
    exchange.run(5.0)
    asked, kind = exchange.ended[-1]
    assert kind == "rate-limited"
    exchange.end(2, EndingKind.LOST)
    exchange.run(100.0)
    assert len(exchange.attempts) == 3
    exchange.run(60.0)
    assert exchange.attempts[3] - asked >= 120.0


def test_loss_does_not_shorten_a_wait_that_was_asked() -> None:
    exchange = SimulatedExchange().run(60.0)
    exchange.refuses, exchange.retry_after = EndingKind.RATE_LIMITED, 120.0
    assert exchange.policy.handle(
        ConnectionEvent(1, ConnectionEventKind.ENDING, exchange.now, "shutdown")
    )
    exchange.run(2.0)
    asked, kind = exchange.ended[-1]
    assert kind == "rate-limited"
    exchange.end(1, EndingKind.CLOSED)
    exchange.run(110.0)
    assert len(exchange.attempts) == 2
    exchange.run(20.0)
    assert exchange.attempts[2] - asked >= 120.0
