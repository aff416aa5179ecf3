"""The thread that stores: a bounded queue, a store that fails, an end in time."""

import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from funding import errors
from funding.client import recorder
from funding.client.recorder import MOST_ROWS, Recorder
from funding.model.event import Event, EventKind
from funding.runtime.logs import ThrottledWarnings
from funding.store.rest_usage import RestUsage
from harness.processes import ROOT, WAIT_SECONDS, finished, until
from tests.support.api_and_ingest import World
from tests.support.clients import Clients, compared, locked, usage
from tests.support.clock import ManualClock, rows, write


def event(number: int) -> Event:
    return Event(float(number), "test", EventKind.NOTICE, str(number))


def stored(path: Path) -> list[int]:
    """The numbers of the stored events, in the order of storing."""
    return [int(detail) for (detail,) in rows(path, "SELECT detail FROM event ORDER BY id")]


def warn() -> ThrottledWarnings:
    """Once a minute of a clock that stands still."""
    return ThrottledWarnings(logging.getLogger("client"), 60.0, ManualClock().clock().uptime)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write(tmp_path / "funding.db", ManualClock().clock())
    return tmp_path / "funding.db"


@pytest.fixture
def made(path: Path) -> Iterator[Recorder]:
    made = Recorder(path, warn())
    yield made
    made.close(WAIT_SECONDS)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


class Held:
    """A question that holds the recorder's thread until it is released."""

    def __init__(self, made: Recorder) -> None:
        self.begun, self._released = threading.Event(), threading.Event()
        self._asking = threading.Thread(target=made.ask, args=(self._wait, WAIT_SECONDS))
        self._asking.start()
        assert self.begun.wait(WAIT_SECONDS)

    def _wait(self, _store: object) -> None:
        self.begun.set()
        assert self._released.wait(WAIT_SECONDS)

    def release(self) -> None:
        self._released.set()
        self._asking.join()


# The queue


def test_rows_are_stored_in_order_and_nobody_waits_for_them(path: Path, made: Recorder) -> None:
    held = Held(made)
    for number in range(100):
        made.add([event(number)])
    assert stored(path) == []
    held.release()
    made.close(WAIT_SECONDS)
    assert stored(path) == list(range(100))


def test_the_oldest_rows_without_room_are_lost_and_counted(
    path: Path, made: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    held = Held(made)
    made.add([event(number) for number in range(MOST_ROWS)])
    assert warnings(caplog) == []
    made.add([event(number) for number in range(MOST_ROWS, MOST_ROWS + 3)])
    made.add([event(MOST_ROWS + 3)])
    lost = "comparisons, events and REST calls are lost: no room for more than 10000"
    assert warnings(caplog) == [f"3 {lost}"], "once a minute"
    held.release()
    made.close(WAIT_SECONDS)
    assert stored(path) == list(range(4, MOST_ROWS + 4))


class Slow:
    """Writes for the recorder: each attempt ends when it is told to, with `problem` if any."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.end = threading.Semaphore(0), threading.Semaphore(0)
        self.problem: Exception | None = None
        self._write = recorder._write
        monkeypatch.setattr(recorder, "_write", self)

    def __call__(self, *arguments: Any) -> None:
        self.begun.release()
        assert self.end.acquire(timeout=WAIT_SECONDS)
        if self.problem is not None:
            raise self.problem
        self._write(*arguments)


def test_rows_that_are_tried_again_come_before_later_ones(
    path: Path, made: Recorder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    slow = Slow(monkeypatch)
    slow.problem = errors.StoreFull("x", "no space left on the disk")
    made.add([event(number) for number in range(5)])
    assert slow.begun.acquire(timeout=WAIT_SECONDS)
    made.add([event(number) for number in range(5, 10)])
    slow.end.release()
    assert slow.begun.acquire(timeout=WAIT_SECONDS)
    slow.problem = None
    slow.end.release()
    until(lambda: stored(path) == list(range(10)), "they are stored in order")
    (warning,) = warnings(caplog)
    assert warning.endswith("no space left on the disk")


def test_the_last_attempt_waits_for_the_lock_too(
    path: Path, made: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    def fail(*_arguments: Any) -> None:
        waits.append(made._busy_seconds())
        raise errors.StoreLocked("x", "locked by another process")

    monkeypatch.setattr(recorder, "_write", fail)
    made.add([event(1)])
    until(lambda: made._busy_seconds() == 0.0, "one attempt has failed")
    made.close(WAIT_SECONDS)
    assert waits[-1] > 0.0


def test_a_full_queue_is_bounded_while_the_store_fails(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "MOST_ROWS", 10)
    path = tmp_path / "funding.db"
    made = Recorder(path, warn())
    made.add([event(number) for number in range(10)])
    until(lambda: warnings(caplog), "there is no store")
    made.add([event(number) for number in range(10, 15)])
    write(path, ManualClock().clock())
    made.close(WAIT_SECONDS)
    assert stored(path) == list(range(5, 15))


# Questions


def test_a_question_is_answered_or_raises_where_it_was_asked(made: Recorder) -> None:
    assert made.ask(lambda store: RestUsage(store).used(1), WAIT_SECONDS) == 0
    with pytest.raises(ZeroDivisionError):
        made.ask(lambda _: 1 // 0, WAIT_SECONDS)
    assert made.ask(lambda store: RestUsage(store).used(1), WAIT_SECONDS) == 0


def test_nobody_waits_longer_than_it_may_and_what_is_given_up_is_not_done(made: Recorder) -> None:
    held, done = Held(made), list[int]()
    with pytest.raises(errors.StoreLocked, match=r"no answer in 0\.01 s"):
        made.ask(lambda _: done.append(1), 0.01)
    held.release()
    made.ask(lambda _: done.append(2), WAIT_SECONDS)
    assert done == [2]


def test_after_a_wait_for_the_lock_in_vain_the_next_does_not_wait(
    path: Path, made: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "RETRY_SECONDS", 1_000.0)

    def spend() -> None:
        made.ask(lambda store: RestUsage(store).spend("me", "time", 1, 1, 10), WAIT_SECONDS)

    assert made._busy_seconds() == recorder.LOCK_SECONDS
    with locked(path):
        for _ in range(2):
            with pytest.raises(errors.StoreLocked, match="locked by another process"):
                spend()
            assert made._busy_seconds() == 0.0
    spend()


# The end


def test_closing_waits_no_longer_than_it_may(
    made: Recorder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    slow = Slow(monkeypatch)
    made.add([event(0)])
    assert slow.begun.acquire(timeout=WAIT_SECONDS)
    made.add([event(number) for number in range(1, 8)])
    made.close(0.01)
    lost = "7 comparisons, events and REST calls are lost: the store does not answer"
    assert warnings(caplog) == [lost]
    slow.end.release()


def test_after_closing_it_begins_again_and_idle_it_has_no_thread(
    path: Path, made: Recorder
) -> None:
    for number in range(3):
        made.add([event(number)])
        assert "recorder" in {thread.name for thread in threading.enumerate()}
        made.close(WAIT_SECONDS)
        assert "recorder" not in {thread.name for thread in threading.enumerate()}
    assert stored(path) == [0, 1, 2]


def test_a_defect_is_raised_once_by_the_next_call(
    path: Path, made: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object) -> None:
        raise KeyError("defect")

    monkeypatch.setattr(recorder, "_write", broken)
    made.add([event(1)])
    assert made._worker is not None
    made._worker.join(WAIT_SECONDS)
    monkeypatch.undo()
    with pytest.raises(KeyError, match="defect"):
        made.add([event(2)])
    made.add([event(3)])
    made.close(WAIT_SECONDS)
    assert stored(path) == [3]


# With a client


def test_rows_that_cannot_be_stored_are_stored_later(
    world: World, make: Clients, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client = make("parallel")
    with locked(database):
        for symbol in ("BTCUSDT", "ETHUSDT"):
            found = client.get(symbol)
            assert found is not None
            assert found.source == "websocket"
        assert (compared(database), usage(database)) == ([], (0, 0))
    assert client.get("XRPUSDT") is not None
    until(lambda: len(compared(database)) == 9, "all are stored")
    symbols = [each[1] for each in make.compared()]
    assert symbols == ["BTCUSDT"] * 3 + ["ETHUSDT"] * 3 + ["XRPUSDT"] * 3
    assert usage(database) == (3, 3)
    (warning,) = warnings(caplog)
    assert warning.endswith("locked by another process")


def test_closing_stores_what_waits_or_warns_that_it_is_lost(
    world: World, make: Clients, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for turn in ("stored", "lost"):
        client = make("parallel")
        with locked(database):
            assert client.get("BTCUSDT") is not None
            if turn == "lost":
                client.close()
        client.close()
    assert (len(make.compared()), usage(database)) == (3, (1, 1))
    (lost,) = [each for each in warnings(caplog) if "are lost" in each]
    assert lost.startswith("4 comparisons, events and REST calls are lost: ")
    assert lost.endswith("locked by another process")


def test_a_script_that_ends_without_closing_is_warned_of_lost_rows(
    world: World, tmp_path: Path
) -> None:
    script = "from funding.client import FundingClient\n"
    script += "client = FundingClient('parallel')\nassert client.get('BTCUSDT')"
    settings = world.environment(FUNDING_DB=tmp_path / "none.db")
    done = finished([sys.executable, "-c", script], ROOT, **settings)
    kept, lost = done.stderr.splitlines()
    assert kept.startswith("cannot store calls and comparisons now; kept for later: ")
    assert lost.startswith("4 comparisons, events and REST calls are lost: ")
    assert lost.endswith("none.db: is not there yet")
