"""What comes is stored in batches; what is wrong with it is said."""

import logging
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from funding.nats.following import Delivery
from funding.replica import follower as room
from funding.replica.follower import COMPARISON_SECONDS, LOAD_SECONDS, TIDY_SECONDS, Follower
from funding.replica.trail import TrailKind
from funding.runtime.logs import ThrottledWarnings
from funding.store import history_reader, trail_reader
from funding.store.reader import Reader
from funding.store.replica_file import ReplicaFile
from harness.processes import until
from tests.funding.replica.test_pending import contract
from tests.funding.replica.test_trail import COMPARISON, EVENT, SIGNAL, body
from tests.support.clock import ManualClock
from tests.support.published import SENT, feed, quote

log = logging.getLogger("test")


@dataclass
class FakeLink:
    connected: bool = True
    problem: str = ""
    address: str = "nats://db:4222"
    failure: Exception | None = None

    def check(self) -> None:
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=SENT)


@pytest.fixture
def follower(tmp_path: Path, clock: ManualClock) -> Iterator[Follower]:
    with closing(ReplicaFile(tmp_path / "replica.db")) as file:
        warn = ThrottledWarnings(log, 60, clock.clock().uptime)
        yield Follower(file, clock.clock(), warn)


@pytest.fixture
def reader(tmp_path: Path, clock: ManualClock) -> Reader:
    return Reader(tmp_path / "replica.db", "binance", clock.clock())


def message(kind: TrailKind, number: int, **more: object) -> Delivery:
    return Delivery(f"funding-trail.{kind}.x", body(kind, **more), number, SENT, None)


def test_what_comes_is_stored_with_the_next_turn(
    follower: Follower, reader: Reader, clock: ManualClock
) -> None:
    follower.whole()
    follower.feed(feed())
    follower.quote(quote(age=0.5))
    follower.contract("binance", "BTCUSDT", contract())
    clock.advance(1.0)
    follower.turn()
    found = reader.one("BTCUSDT")
    assert found is not None
    assert (found.age_seconds, found.status) == (1.5, "TRADING")
    row = reader.feed()
    assert row is not None
    assert (row.pid, row.address) == (0, "fstream.example")


def test_quotes_wait_for_the_bucket(follower: Follower, reader: Reader, clock: ManualClock) -> None:
    """A symbol that is only there would be unknown for a moment."""
    follower.quote(quote())
    follower.turn()
    assert reader.all() == []
    follower.quote(quote("ETHUSDT"))
    follower.whole()
    follower.turn()
    assert len(reader.all()) == 2


def test_without_a_bucket_they_do_not_wait_long(
    follower: Follower, reader: Reader, clock: ManualClock
) -> None:
    follower.quote(quote())
    clock.advance(LOAD_SECONDS)
    follower.turn()
    assert len(reader.all()) == 1


def test_rows_of_the_trail(
    follower: Follower, reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    follower.whole()
    take = {kind: follower.of_trail(kind) for kind in TrailKind}
    take[TrailKind.EVENT](message(TrailKind.EVENT, 4, count=-1.5))
    for number, kind in enumerate(TrailKind, 5):
        take[kind](message(kind, number))
    follower.turn()
    assert history_reader.signals(reader, None, 0.0, 9) == [(5, SIGNAL)]
    assert trail_reader.events(reader, 0.0, (), None, 9) == [(6, EVENT)]
    assert trail_reader.comparisons(reader, "BTCUSDT", 0.0, 9) == [(7, COMPARISON)]
    assert "event 4" in caplog.text


def test_a_stream_that_counts_from_one_again_replaces_what_was_of_the_old_one(
    follower: Follower, reader: Reader
) -> None:
    follower.whole()
    take = follower.of_trail(TrailKind.EVENT)
    take(message(TrailKind.EVENT, 8))
    take(message(TrailKind.EVENT, 9, id=4))
    follower.turn()
    take(message(TrailKind.EVENT, 1, detail="new"))
    follower.turn()
    (found,) = trail_reader.events(reader, 0.0, (), None, 9)
    assert (found.id, found.event.detail) == (1, "new")


def test_what_is_too_old_goes_once_a_minute(
    follower: Follower, reader: Reader, clock: ManualClock
) -> None:
    follower.whole()
    follower.turn()
    at = clock.wall - COMPARISON_SECONDS + 30
    follower.of_trail(TrailKind.COMPARISON)(message(TrailKind.COMPARISON, 1, comparedAt=at))
    follower.turn()
    assert len(trail_reader.comparisons(reader, "BTCUSDT", 0.0, 9)) == 1
    clock.advance(TIDY_SECONDS)
    follower.turn()
    assert trail_reader.comparisons(reader, "BTCUSDT", 0.0, 9) == []


def test_symbols_of_which_nothing_is_heard_for_a_day_go(
    follower: Follower, reader: Reader, clock: ManualClock
) -> None:
    follower.whole()
    follower.quote(quote())
    follower.turn()
    clock.advance(86_400 + 1)
    follower.turn()
    assert reader.all() == []


def test_what_is_wrong_is_said(follower: Follower, clock: ManualClock) -> None:
    link = follower.link = FakeLink()
    assert "none has been heard" in follower.problem("binance")
    follower.feed(feed(taker="host-a"))
    assert follower.problem("binance") == ""
    clock.advance(30)
    assert "host-a, was heard 30 s ago" in follower.problem("binance")
    link.connected, link.problem = False, "nats://db:4222: refused"
    assert "nats://db:4222: refused" in follower.problem("binance")


def test_heartbeats_that_come_late_are_in_the_log(
    follower: Follower, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    clock.wall += 300
    follower.feed(feed(taker="host-a"))
    follower.feed(feed(taker="host-a"))
    assert caplog.text.count("what host-a sends comes 300 s late") == 1


def test_the_thread_stores_and_ends_by_a_defect_of_the_connection(
    follower: Follower,
    reader: Reader,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(room, "BATCH_SECONDS", 0.01)
    caplog.set_level(logging.INFO)
    link = follower.link = FakeLink()
    ended: list[BaseException] = []

    def run() -> None:
        try:
            follower.run(threading.Event())
        except ZeroDivisionError as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    follower.whole()
    follower.quote(quote())
    until(reader.all, "it is stored")
    link.connected, link.problem = False, "refused"
    until(lambda: "not connected to NATS: refused" in caplog.text, "it is told")
    link.failure = ZeroDivisionError()
    thread.join(60)
    assert ended == [link.failure]
