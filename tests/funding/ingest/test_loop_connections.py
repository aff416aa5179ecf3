"""The ingest loop: connections come, go, fall silent and are replaced."""

import io
import threading
from collections.abc import Callable

import pytest

from funding.errors import ConnectFailed, ConnectionLost
from funding.exchanges.binance import stream as binance
from funding.ingest.connections import MAX_THREADS
from funding.ingest.receiver import Receiver
from harness.processes import WAIT_SECONDS
from tests.support.clock import rows
from tests.support.ingest_world import START, START_MS, IngestWorld, lines, message, row


def test_connect_and_disconnect_are_recorded(world: IngestWorld, log: io.StringIO) -> None:
    world.connect()
    world.deliver(message(row()))
    world.time.advance(1.0)
    world.opened[0].say(ConnectionLost("closed", "closed with code 1001: bye\nFORGED"))
    world.step_until(lambda: not world.feed.connected, "the disconnect")
    feed = world.stored()
    assert (feed.connected, feed.connections, feed.connected_since) == (0, 0, None)
    assert feed.last_error is not None
    assert "closed with code 1001" in feed.last_error
    assert feed.last_error_at == START + 1.0
    assert world.kinds() == ["start", "connect", "disconnect"]
    assert "the exchange closed the connection" in dict(world.events())["disconnect"]
    assert len(lines(log, "FORGED")) == 1
    world.time.advance(1.0)
    world.connect()
    assert len(world.opened) == 2
    feed = world.stored()
    assert (feed.reconnects, feed.connected_since) == (1, START + 2.0)
    assert world.kinds() == ["start", "connect", "disconnect"]


def test_outage_is_one_event_and_one_line_per_cause_and_minute(
    world: IngestWorld, log: io.StringIO
) -> None:
    """What happened how often is in the count."""
    world.connect()
    world.deliver(message(row()))
    world.refusals.extend(ConnectFailed("refused", "nothing listens") for _ in range(200))
    world.opened[0].say(ConnectionLost("lost", "reset"))
    begin = world.time.wall
    while world.time.wall < begin + 170.0:
        world.time.advance(1.0)
        for receiver in world.receivers:
            receiver.join()
        world.step()
    found = rows(
        world.path, "SELECT kind, rule, count FROM event WHERE kind LIKE '%connect%' ORDER BY id"
    )
    assert found[:2] == [("connect", "opened", 1), ("disconnect", "lost", 1)]
    failed = found[2:]
    assert {row[:2] for row in failed} == {("connect-failed", "refused")}
    assert len(failed) == 3
    assert sum(count for _, _, count in failed) == len(world.opened) - 1 > 20
    assert len(lines(log, "nothing listens at the address")) == 3
    assert len(lines(log, "times more since the last such line")) >= 2


def test_silent_connection_is_named_and_replaced(world: IngestWorld, log: io.StringIO) -> None:
    world.connect()
    world.time.advance(5.0)
    world.step()
    assert (world.feed.connections, world.feed.connected) == (1, 0)
    world.time.advance(0.1)
    world.step()
    words = "connected but no mark price within 5 s: is the address still served?"
    assert world.events()[-1] == ("stall", f"connection 1: {words}")
    assert len(lines(log, f"WARNING ingest: connection 1: {words}")) == 1
    assert world.stored().last_error == words
    assert not world.stored().connected
    assert world.opened[0].aborted.wait(WAIT_SECONDS)
    world.time.advance(1.0)
    world.connect()
    assert len(world.opened) == 2


def test_acknowledgements_bad_rows_and_repetitions_do_not_prevent_a_stall(
    world: IngestWorld,
) -> None:
    world.connect()
    world.deliver(message(row()))
    for _ in range(5):
        world.time.advance(1.1)
        world.deliver(b'{"result":null}', message(row("X Y")), message(row()), b"rubbish")
    assert "no newer mark price" in dict(world.events())["stall"]


def test_newer_quotes_keep_a_connection(world: IngestWorld) -> None:
    world.connect()
    for n in range(20):
        world.time.advance(4.0)
        world.deliver(message(row(E=START_MS + 4_000 * n)))
    assert world.kinds() == ["start", "connect"]
    assert len(world.opened) == 1


def test_rotation_has_no_gap(worlds: Callable[..., IngestWorld]) -> None:
    world = worlds(rotate_after=60.0)
    world.connect()
    for n in range(16):
        world.time.advance(4.0)
        world.deliver(message(row(E=START_MS + 4_000 * n)), by=0)
    world.step_until(lambda: world.feed.connections == 2, "the successor")
    assert not world.opened[0].aborted.is_set()
    world.deliver(message(row(E=START_MS + 100_000)), by=1)
    world.step()
    assert world.opened[0].aborted.is_set()
    assert not world.opened[1].aborted.is_set()
    assert world.kinds() == ["start", "connect", "connect", "rotation"]
    feed = world.stored()
    assert (feed.connected, feed.connections, feed.last_error) == (1, 1, None)


def test_announced_shutdown_brings_a_successor(world: IngestWorld) -> None:
    world.connect()
    world.deliver(message(row()))
    world.time.advance(1.0)
    world.deliver(b'{"event":{"e":"serverShutdown","E":1764725610000}}')
    world.step_until(lambda: world.feed.connections == 2, "the successor")
    assert "ending" in world.kinds()


def test_failing_attempts_are_retried_and_do_not_fill_the_audit_trail(world: IngestWorld) -> None:
    world.refusals.extend(ConnectFailed("refused", f"attempt {n}") for n in range(8))
    while world.refusals:
        world.step()
        world.time.advance(0.5)
    world.step_until(lambda: world.feed.reconnects == 7, "the last refusal")
    assert world.kinds().count("connect-failed") == 1
    feed = world.stored()
    assert feed.connected == 0
    assert feed.last_error is not None
    assert "nothing listens at the address (attempt " in feed.last_error
    assert world.time.uptime < 1_040.0


def test_retry_after_of_a_refusal_is_waited_for(world: IngestWorld) -> None:
    world.refusals.append(ConnectFailed("rate-limited", "status 429", 40.0))
    world.step_until(lambda: world.feed.last_error, "the refusal")
    world.time.advance(39.9)
    world.step()
    assert len(world.opened) == 1
    world.time.advance(0.2)
    world.step()
    assert len(world.opened) == 2


def test_events_of_a_replaced_connection_are_ignored(world: IngestWorld) -> None:
    world.connect()
    world.time.advance(5.1)
    world.step()
    world.receivers[0].join(WAIT_SECONDS)
    world.step()
    assert world.kinds() == ["start", "connect", "stall"]


def test_connections_that_do_not_end_are_bounded(world: IngestWorld) -> None:
    stuck = threading.Event()

    class Stuck(Receiver):
        def stop(self, seconds: float | None = None) -> None:
            pass

        def run(self) -> None:
            stuck.wait(WAIT_SECONDS)

    def many_steps() -> None:
        for _ in range(1_000):
            world.step()
            world.time.advance(5.0)

    world.receiver_class = Stuck
    try:
        with pytest.raises(RuntimeError, match="were stopped and have not ended"):
            many_steps()
        assert len(world.receivers) <= MAX_THREADS + 2
    finally:
        stuck.set()


def test_last_frame_of_an_ended_connection_is_forgotten(
    world: IngestWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more may come between the order to end and the end of the thread."""
    world.step()
    world.connect()
    world.deliver(message(row()))
    monkeypatch.setattr(world.receivers[0], "is_alive", lambda: True)
    world.time.advance(6.0)
    world.step()
    assert world.feed.last_error == "no newer mark price for 5 s"
    late = binance.decode(message(row(E=START_MS + 1_000)))
    world.inbox.offer(1, late, world.time.wall, world.time.uptime)
    world.step()
    monkeypatch.undo()
    world.receivers[0].join(WAIT_SECONDS)
    world.step()
    assert not [number for number, _ in world.inbox._event_times if number == 1]


def test_defect_while_a_connection_is_ended_is_raised(world: IngestWorld) -> None:
    class Failing(Receiver):
        def stop(self, seconds: float | None = None) -> None:
            self._failure = ZeroDivisionError("while ending")

        def run(self) -> None: ...

    world.receiver_class = Failing
    world.step()
    world.receivers[0].join(WAIT_SECONDS)
    world.time.advance(11.0)
    with pytest.raises(ZeroDivisionError, match="while ending"):
        world.step()
