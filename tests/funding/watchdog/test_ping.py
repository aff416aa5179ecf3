"""The dead man's ping: a real thread and HTTP, a clock of the test."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from funding.model.event import Event, EventKind
from funding.notify.backend import BackendClient
from funding.settings.secret import Secret
from funding.watchdog import ping
from funding.watchdog.ping import LONGEST_REFUSAL_SECONDS, PING_SECONDS, Ping
from harness.processes import WAIT_SECONDS, until
from tests.support.clock import ManualClock
from tests.support.fake_backend import NoWaits
from tests.support.http_script import Scripted, Turn, reply, scripted, sends

OK = sends(reply(200, b"OK"))
BAD = sends(reply(500, b"no"))


@contextmanager
def pinging(hand: ManualClock, *turns: Turn) -> Iterator[tuple[Ping, Scripted]]:
    """A ping to a server that answers so."""
    with pytest.MonkeyPatch.context() as patch, scripted(*turns) as far:
        patch.setattr(ping, "POLL_SECONDS", 0.002)
        backend = BackendClient(WAIT_SECONDS, waits=NoWaits())
        made = Ping(
            Secret(f"{far.url}/uuid-hunter2"),
            backend,
            valid_seconds=35.0,
            clock=hand.clock(),
        )
        made.start()
        yield made, far
        made.stop(WAIT_SECONDS)
        made.check()


def test_it_asks_once_a_minute_while_healthy() -> None:
    hand = ManualClock()
    with pinging(hand, OK, OK) as (made, far):
        made.healthy()
        until(lambda: len(far.asked) == 1, "the first ping")
        assert far.asked[0].startswith("GET /uuid-hunter2 ")
        hand.advance(PING_SECONDS - 1)
        made.healthy()
        hand.advance(1)
        until(lambda: len(far.asked) == 2, "a minute later")
        hand.advance(PING_SECONDS)  # nobody has said since that it is healthy
        made.stop(WAIT_SECONDS)
        assert len(far.asked) == 2


def test_a_failure_is_one_line_without_the_address(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    hand = ManualClock()
    begun = hand.wall
    with pinging(hand, BAD, BAD, OK) as (made, far):
        for number in (1, 2, 3):
            made.healthy()
            until(lambda number=number: len(far.asked) == number, "a ping")  # type: ignore[misc]
            lasts = PING_SECONDS * min(number - 1, 1)
            until(
                lambda lasts=lasts: made.refusal and made.refusal.duration_seconds == lasts,  # type: ignore[misc]
                "what there is to store",
            )
            hand.advance(PING_SECONDS)
        until(lambda: "FUNDING_HEARTBEAT_URL recovered" in caplog.messages, "the recovery")
    lines = [line for line in caplog.messages if "HEARTBEAT" in line]
    assert lines == [
        "FUNDING_HEARTBEAT_URL takes no ping: status 500; going on",
        "FUNDING_HEARTBEAT_URL recovered",
    ]
    assert "hunter2" not in caplog.text
    assert made.refusal == Event(
        begun, "watchdog", EventKind.HEARTBEAT_REFUSED, "status 500", None, None, PING_SECONDS
    )


def test_refusal_that_lasts_for_days_is_told_as_several() -> None:
    hand = ManualClock()
    with pinging(hand, *[BAD] * 3) as (made, _):
        found = []
        for step in (PING_SECONDS, LONGEST_REFUSAL_SECONDS, 0.0):
            before = made.refusal
            made.healthy()
            until(lambda before=before: made.refusal is not before, "a ping")  # type: ignore[misc]
            assert made.refusal is not None
            found.append((made.refusal.at, made.refusal.duration_seconds))
            hand.advance(step)
    begun = found[0][0]
    assert found == [(begun, 0.0), (begun, PING_SECONDS), (hand.wall, 0.0)]
