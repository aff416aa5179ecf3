"""One connection's thread, with a connection that does what the test says."""

from collections.abc import Callable

import pytest

from funding.errors import ConnectFailed, ConnectionLost, FrameError
from funding.exchanges.frame import Frame
from funding.ingest.inbox import Batch, Inbox
from funding.ingest.receiver import Receiver
from funding.model.quote import Quote
from funding.runtime.clock import Clock
from harness.processes import WAIT_SECONDS, until
from tests.support.fake_exchange import ScriptedConnection

CLOCK = Clock(wall=lambda: 1_764_725_610.0, uptime=lambda: 5_000.0, boot="this boot")


def decode(payload: bytes) -> Frame:
    """A message here is an event time in digits."""
    if not payload.isdigit():
        raise FrameError(f"not a number: {payload!r}")
    event_time = int(payload)
    return Frame([Quote("BTCUSDT", 1.0, 1.0, None, None, event_time)], event_time)


class WriterSide:
    """The writer's side of an inbox, which keeps all that it took."""

    def __init__(self) -> None:
        self.inbox = Inbox()
        self.batches: list[Batch] = []
        self.receiver: Receiver | None = None

    def until(self, done: Callable[[], bool], what: str) -> None:
        def step() -> bool:
            self.batches.append(self.inbox.take(0.01))
            if self.receiver is not None:
                self.receiver.check()
            return done()

        until(step, what)

    def events(self) -> list[tuple[int, str, str, float]]:
        return [
            (event.connection, event.kind, event.detail, event.retry_after_seconds)
            for batch in self.batches
            for event in batch.events
        ]


def started(
    connection: ScriptedConnection,
    writer: WriterSide,
    decoder: Callable[[bytes], Frame] = decode,
) -> Receiver:
    receiver = Receiver(7, connection=connection, decode=decoder, inbox=writer.inbox, clock=CLOCK)
    writer.receiver = receiver
    receiver.start()
    return receiver


def test_wait_that_the_exchange_asks_for_is_told_before_the_end_is_reported() -> None:
    connection = ScriptedConnection(ConnectFailed("rate-limited", "status 429", 120.0))
    writer, told = WriterSide(), list[tuple[float, str]]()
    writer.receiver = Receiver(
        *(7,), connection=connection, decode=decode, inbox=writer.inbox, clock=CLOCK,
        told_to_wait=lambda seconds, words: told.append((seconds, words)),
    )  # fmt: skip
    writer.receiver.start()
    writer.until(lambda: bool(writer.events()), "the end")
    assert told == [(120.0, "status 429")]
    assert writer.events() == [(7, "rate-limited", "status 429", 120.0)]


def ended(receiver: Receiver) -> bool:
    receiver.join(WAIT_SECONDS)
    return not receiver.is_alive()


def test_connection_from_connect_to_close() -> None:
    connection, writer = ScriptedConnection(), WriterSide()
    connection.say(b"1000", None, b"2000", ConnectionLost("closed", "closed with code 1001"))
    receiver = started(connection, writer)
    writer.until(lambda: len(writer.events()) == 2, "both events")
    assert ended(receiver)
    assert connection.closed.is_set()
    assert writer.events() == [(7, "opened", "", 0.0), (7, "closed", "closed with code 1001", 0.0)]
    assert all(event.at == 5_000.0 for batch in writer.batches for event in batch.events)
    assert sum(batch.frames for batch in writer.batches) == 2
    latest = [batch.quotes["BTCUSDT"] for batch in writer.batches if batch.quotes][-1]
    assert (latest[0].event_time, *latest[1:]) == (2_000, 1_764_725_610.0, 5_000.0)
    progress = [key for batch in writer.batches for key in batch.progress]
    assert set(progress) == {(7, 0)}


def test_refused_connection_is_one_event() -> None:
    refusal = ConnectFailed("rate-limited", "status 429", 7.0)
    connection, writer = ScriptedConnection(refusal), WriterSide()
    receiver = started(connection, writer)
    writer.until(lambda: bool(writer.events()), "the event")
    assert ended(receiver)
    assert writer.events() == [(7, "rate-limited", "status 429", 7.0)]


def test_malformed_message_costs_that_message_alone() -> None:
    connection, writer = ScriptedConnection(), WriterSide()
    connection.say(b"rubbish", b"1000", b"", b"2000")
    receiver = started(connection, writer)
    writer.until(lambda: sum(batch.frames for batch in writer.batches) == 4, "all messages")
    assert sum(batch.malformed for batch in writer.batches) == 2
    samples = {text for batch in writer.batches for text in batch.samples.values()}
    assert samples >= {"malformed: not a number: b'rubbish'"}
    assert receiver.is_alive()
    receiver.stop()
    assert ended(receiver)


@pytest.mark.parametrize("defect", [KeyError("x"), AssertionError(), MemoryError(), SystemExit(3)])
def test_defect_in_the_decoder_is_raised_in_the_writer(defect: BaseException) -> None:
    def broken(_payload: bytes) -> Frame:
        raise defect

    connection, writer = ScriptedConnection(), WriterSide()
    connection.say(b"1000")
    receiver = started(connection, writer, broken)
    with pytest.raises(type(defect)) as caught:
        writer.until(lambda: False, "the defect")
    assert caught.value is defect
    assert ended(receiver)
    assert connection.closed.is_set()


def test_defect_while_connecting_or_receiving_is_raised_too() -> None:
    receiving = ScriptedConnection()
    receiving.say(ZeroDivisionError("while receiving"))
    for connection in (ScriptedConnection(ZeroDivisionError("while connecting")), receiving):
        writer = WriterSide()
        receiver = started(connection, writer)
        with pytest.raises(ZeroDivisionError):
            writer.until(lambda: False, "the defect")
        assert ended(receiver)


def test_stop_ends_a_waiting_connection_without_an_event() -> None:
    connection, writer = ScriptedConnection(), WriterSide()
    receiver = started(connection, writer)
    writer.until(lambda: bool(writer.events()), "connect")
    receiver.stop()
    assert ended(receiver)
    assert connection.aborted.is_set()
    assert connection.closed.is_set()
    assert writer.inbox.take(0.0).events == []


def test_stop_while_connecting_ends_what_comes_up_afterwards() -> None:
    connection, writer = ScriptedConnection(), WriterSide()
    connection.may_open.clear()
    receiver = started(connection, writer)
    assert connection.opening.wait(WAIT_SECONDS)
    receiver.stop()
    connection.say(b"1000")
    connection.may_open.set()
    assert ended(receiver)
    assert connection.closed.is_set()
    assert writer.inbox.take(0.0).frames == 0


def test_receiver_does_not_keep_the_process_alive() -> None:
    receiver = Receiver(
        1, connection=ScriptedConnection(), decode=decode, inbox=Inbox(), clock=CLOCK
    )
    assert receiver.daemon
