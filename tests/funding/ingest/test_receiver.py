"""One connection's thread, with a connection that does what the test says."""

from collections.abc import Callable

import pytest

from funding.errors import ConnectFailed, ConnectionLost, FrameError
from funding.exchanges.frame import Frame
from funding.ingest.inbox import Batch, Inbox
from funding.ingest.receiver import Receiver
from funding.model.quote import Quote
from funding.runtime.clock import Clock
from tests.support.fake_exchange import ScriptedConnection
from tests.support.processes import PATIENCE_SECONDS, until

CLOCK = Clock(wall=lambda: 1_764_725_610.0, uptime=lambda: 5_000.0, boot="this boot")


def decode(payload: bytes, now: float) -> Frame:
    """A message here is an event time, in words."""
    assert now == CLOCK.wall()
    if not payload.isdigit():
        raise FrameError(f"no number: {payload!r}")
    event_time = int(payload)
    return Frame([Quote("BTCUSDT", 1.0, 1.0, None, None, event_time)], event_time)


class Desk:
    """The writer's side of a handoff, which keeps all it took."""

    def __init__(self) -> None:
        self.handoff = Inbox()
        self.batches: list[Batch] = []

    def until(self, done: Callable[[], bool], what: str) -> None:
        def turn() -> bool:
            self.batches.append(self.handoff.take(0.01))
            return done()

        until(turn, what)

    def notes(self) -> list[tuple[int, str, str, float]]:
        return [
            (note.link, note.kind, note.detail, note.retry_after_seconds)
            for batch in self.batches
            for note in batch.notes
        ]


def linked(
    connection: ScriptedConnection,
    desk: Desk,
    decoder: Callable[[bytes, float], Frame] = decode,
) -> Receiver:
    link = Receiver(7, connection=connection, decode=decoder, handoff=desk.handoff, clock=CLOCK)
    link.start()
    return link


def ended(link: Receiver) -> bool:
    link.join(PATIENCE_SECONDS)
    return not link.is_alive()


def test_a_life_from_connect_to_close() -> None:
    connection, desk = ScriptedConnection(), Desk()
    connection.say(b"1000", None, b"2000", ConnectionLost("closed", "closed with code 1001"))
    link = linked(connection, desk)
    desk.until(lambda: len(desk.notes()) == 2, "both notes")
    assert ended(link)
    assert connection.closed.is_set()
    assert desk.notes() == [(7, "opened", "", 0.0), (7, "closed", "closed with code 1001", 0.0)]
    assert all(note.at == 5_000.0 for batch in desk.batches for note in batch.notes)
    assert sum(batch.frames for batch in desk.batches) == 2
    latest = [batch.quotes["BTCUSDT"] for batch in desk.batches if batch.quotes][-1]
    assert (latest[0].event_time, *latest[1:]) == (2_000, 1_764_725_610.0, 5_000.0)
    progress = [key for batch in desk.batches for key in batch.progress]
    assert set(progress) == {(7, 0)}


def test_a_connection_that_never_came_up_is_one_note() -> None:
    refusal = ConnectFailed("rate-limited", "status 429", 7.0)
    connection, desk = ScriptedConnection(refusal), Desk()
    link = linked(connection, desk)
    desk.until(lambda: bool(desk.notes()), "the note")
    assert ended(link)
    assert desk.notes() == [(7, "rate-limited", "status 429", 7.0)]


def test_a_message_that_cannot_be_read_costs_that_message_alone() -> None:
    connection, desk = ScriptedConnection(), Desk()
    connection.say(b"rubbish", b"1000", b"", b"2000")
    link = linked(connection, desk)
    desk.until(lambda: sum(batch.frames for batch in desk.batches) == 4, "all messages")
    assert sum(batch.malformed for batch in desk.batches) == 2
    samples = {text for batch in desk.batches for text in batch.samples.values()}
    assert samples >= {"malformed: no number: b'rubbish'"}
    assert link.is_alive()
    link.stop()
    assert ended(link)


@pytest.mark.parametrize("defect", [KeyError("x"), AssertionError(), MemoryError(), SystemExit(3)])
def test_a_defect_in_the_decoder_is_raised_where_the_writer_is(defect: BaseException) -> None:
    def broken(_payload: bytes, _now: float) -> Frame:
        raise defect

    connection, desk = ScriptedConnection(), Desk()
    connection.say(b"1000")
    link = linked(connection, desk, broken)
    with pytest.raises(type(defect)) as caught:
        desk.until(lambda: False, "the defect")
    assert caught.value is defect
    assert ended(link)
    assert connection.closed.is_set()


def test_a_defect_while_connecting_or_receiving_is_raised_there_too() -> None:
    receiving = ScriptedConnection()
    receiving.say(ZeroDivisionError("while receiving"))
    for connection in (ScriptedConnection(ZeroDivisionError("while connecting")), receiving):
        desk = Desk()
        link = linked(connection, desk)
        with pytest.raises(ZeroDivisionError):
            desk.until(lambda: False, "the defect")
        assert ended(link)


def test_stop_ends_a_connection_that_waits_and_is_no_news() -> None:
    connection, desk = ScriptedConnection(), Desk()
    link = linked(connection, desk)
    desk.until(lambda: bool(desk.notes()), "connect")
    link.stop()
    assert ended(link)
    assert connection.aborted.is_set()
    assert connection.closed.is_set()
    assert desk.handoff.take(0.0).notes == []


def test_stop_while_connecting_ends_what_comes_up_afterwards() -> None:
    connection, desk = ScriptedConnection(), Desk()
    connection.may_open.clear()
    link = linked(connection, desk)
    assert connection.opening.wait(PATIENCE_SECONDS)
    link.stop()
    connection.say(b"1000")
    connection.may_open.set()
    assert ended(link)
    assert connection.closed.is_set()
    assert desk.handoff.take(0.0).frames == 0


def test_a_link_does_not_keep_the_process_alive() -> None:
    link = Receiver(1, connection=ScriptedConnection(), decode=decode, handoff=Inbox(), clock=CLOCK)
    assert link.daemon
