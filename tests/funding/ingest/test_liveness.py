"""Connections that stall, never deliver or hang while connecting."""

import pytest

from funding.ingest.liveness import CONNECT_SECONDS
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
