"""The trail, from a real store to a real stream."""

import json
import logging
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from funding.errors import NatsAway, NatsDifferent, NatsError
from funding.model.event import Event, EventKind
from funding.nats import subjects
from funding.nats.acks import Ack
from funding.nats.connection import Append, Connection
from funding.nats.following import Delivery, Position
from funding.nats.places import Bucket, Stream, StreamState
from funding.publish import trail as room
from funding.publish.trail import OVERLAP_SECONDS, Trail
from funding.store.comparisons import Comparisons
from funding.store.durable import DurableConnection
from funding.store.events import Events
from funding.store.signal_table import add_signals
from harness.processes import until
from tests.support.clock import ManualClock, write
from tests.support.nats_server import NatsServer, remove
from tests.support.signals import signal
from tests.support.store import comparison

STREAM = Stream(subjects.TRAIL_STREAM, (subjects.TRAIL,), max_bytes=1 << 24)
CLOCK = ManualClock()
AT = CLOCK.wall
EVENT = Event(AT, "watchdog", EventKind.UNHEALTHY, "begun", rule="data")


@dataclass
class Far:
    """What a server answers that stores all, the first so many of each batch, or nothing."""

    connected: bool = True
    connections: int = 1
    stores: int = 10**9
    differs: bool = False
    made_at: float = 1.0
    last: int = 0
    batches: list[list[Append]] = field(default_factory=list)

    def ensure(self, place: Bucket | Stream) -> None:
        if self.differs:
            raise NatsDifferent(place.name, "it has other settings")

    def state(self, stream: Stream) -> StreamState:
        return StreamState(self.made_at, self.last)

    def append(self, messages: Sequence[Append], seconds: float) -> list[Ack | NatsError]:
        self.batches.append(list(messages))
        away = NatsAway("NATS: no answer in 5 s")
        before, stored = self.last, min(len(messages), self.stores)
        self.last += stored
        return [Ack(before + n + 1) if n < stored else away for n in range(len(messages))]


def trail_of(
    store: DurableConnection, far: Connection | Far, taker: str = "a", clock: ManualClock = CLOCK
) -> Trail:
    return Trail(store, far, STREAM, taker=taker, clock=clock.clock())


def add_events(store: DurableConnection, count: int, at: float = AT) -> None:
    events = [Event(at + n / 1000, "x", EventKind.CRASH, str(n)) for n in range(count)]
    Events(store).add(events)


def sent(far: Far) -> list[str]:
    """What went out: the details of events."""
    return [json.loads(each.body)["detail"] for batch in far.batches for each in batch]


def all_of(trail: Trail) -> None:
    """Send until nothing more is due."""
    while trail.turn() == 0.0:
        pass


@pytest.fixture
def stored(connection: Connection) -> Iterator[Callable[[int], list[dict[str, Any]]]]:
    """The bodies in the stream, as soon as there are so many."""
    received: SimpleQueue[Delivery] = SimpleQueue()
    found: list[dict[str, Any]] = []
    connection.ensure(STREAM)
    connection.consume(STREAM.name, subjects.TRAIL, Position(), received.put)

    def wait(count: int) -> list[dict[str, Any]]:
        while len(found) < count:
            found.append(json.loads(received.get(timeout=20).body))
        return found

    yield wait
    assert received.empty(), "more than was looked for"


def test_rows_of_all_tables_arrive_once(
    store: DurableConnection,
    connection: Connection,
    stored: Callable[[int], list[dict[str, Any]]],
) -> None:
    trail = trail_of(store, connection)
    with store.transaction() as opened:
        add_signals(opened, [signal(at=AT, event_time=7), signal("ETHUSDT", at=AT, event_time=7)])
    Events(store).add([EVENT])
    Comparisons(store).add([comparison(AT)])
    all_of(trail)
    add_events(store, 1)
    all_of(trail)
    rows = stored(5)
    assert [row.get("symbol", row.get("detail")) for row in rows] == [
        *("BTCUSDT", "ETHUSDT", "begun", "BTCUSDT", "0")
    ]
    assert {row["taker"] for row in rows} == {"a"}
    # A new process continues from there.
    all_of(trail_of(store, connection))


def test_nothing_is_lost_while_the_server_is_away(
    store: DurableConnection, connection: Connection, server: NatsServer
) -> None:
    trail = trail_of(store, connection)
    add_events(store, 3)
    all_of(trail)
    server.kill()
    until(lambda: not connection.connected, "the connection is seen to have ended")
    add_events(store, 4, AT + 10)
    assert trail.turn() > 0.0
    server.start()
    until(lambda: connection.connected, "the connection is back")
    until(lambda: _turned(trail), "the trail goes on")
    received: SimpleQueue[Delivery] = SimpleQueue()
    connection.consume(STREAM.name, subjects.TRAIL, Position(), received.put)
    bodies = [json.loads(received.get(timeout=20).body) for _ in range(7)]
    assert [each["id"] for each in bodies] == [1, 2, 3, 4, 5, 6, 7]


def _turned(trail: Trail) -> bool:
    try:
        return trail.turn() > 0.0
    except NatsError:
        return False


def test_a_server_that_has_lost_everything_gets_it_again(
    store: DurableConnection, connection: Connection, server: NatsServer
) -> None:
    add_events(store, 3)
    all_of(trail_of(store, connection))
    server.kill()
    until(lambda: not connection.connected, "the connection is seen to have ended")
    shutil.rmtree(server.folder / "jetstream")
    server.start()
    until(lambda: connection.connected, "the connection is back")
    trail = trail_of(store, connection)  # a new process knows it, too
    until(lambda: _turned(trail), "the trail goes on")
    received: SimpleQueue[Delivery] = SimpleQueue()
    connection.consume(STREAM.name, subjects.TRAIL, Position(), received.put)
    bodies = [json.loads(received.get(timeout=20).body) for _ in range(4)]
    assert [each["id"] for each in bodies] == [1, 2, 3, 4]
    assert bodies[3]["detail"].startswith("the stream was made again: the rows of 7 days are sent")


def test_a_stream_that_is_deleted_is_made_again(
    store: DurableConnection, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the same connection, and by the thread itself."""
    monkeypatch.setattr(room, "RETRY_SECONDS", 0.01)
    add_events(store, 3)
    trail, stopping = trail_of(store, connection), threading.Event()
    all_of(trail)
    remove(connection, STREAM.name)
    add_events(store, 1, AT + 10)
    thread = threading.Thread(target=trail.run, args=(stopping,))
    thread.start()
    try:
        received: SimpleQueue[Delivery] = SimpleQueue()
        connection.consume(STREAM.name, subjects.TRAIL, Position(), received.put)
        bodies = [json.loads(received.get(timeout=20).body) for _ in range(5)]
    finally:
        stopping.set()
        thread.join(20)
    assert [each["id"] for each in bodies] == [1, 2, 3, 4, 5]


def test_a_stream_that_lost_its_end_gets_the_rows_of_an_hour_again(
    store: DurableConnection,
) -> None:
    far = Far()
    add_events(store, 1, AT - OVERLAP_SECONDS - 60)
    add_events(store, 3)
    with store.transaction() as opened:
        opened.execute("INSERT INTO consumer VALUES ('publish-event', 0, 0)")
    all_of(trail_of(store, far))
    assert far.last == 4
    all_of(trail_of(store, far))
    assert gaps(store) == []
    far.last = 2  # it was killed before these were on its disk
    far.batches.clear()
    all_of(trail_of(store, far))
    (text,) = gaps(store)
    assert sent(far) == ["0", "1", "2", text]
    far.batches.clear()
    all_of(trail_of(store, far))
    assert sent(far) == []


def test_what_comes_twice_is_stored_once(
    store: DurableConnection,
    connection: Connection,
    stored: Callable[[int], list[dict[str, Any]]],
) -> None:
    add_events(store, 3)
    all_of(trail_of(store, connection))
    with store.transaction() as opened:
        opened.execute(
            "UPDATE consumer SET done = 1, done_at = ? WHERE name = 'publish-event'", (AT,)
        )
    add_events(store, 1, AT + 10)
    all_of(trail_of(store, connection))
    assert [each["id"] for each in stored(4)] == [1, 2, 3, 4]


def test_signal_that_two_takers_have_seen_is_stored_once(
    store: DurableConnection,
    tmp_path: Path,
    connection: Connection,
    stored: Callable[[int], list[dict[str, Any]]],
) -> None:
    write(tmp_path / "other.db", CLOCK.clock())
    other = DurableConnection(tmp_path / "other.db")
    for each, mine in ((store, "SOLUSDT"), (other, "ETHUSDT")):
        with each.transaction() as opened:
            add_signals(
                opened, [signal(mine, at=AT, event_time=5), signal(at=AT, event_time=9_000)]
            )
    all_of(trail_of(store, connection, "a"))
    all_of(trail_of(other, connection, "b"))
    other.close()
    found = [(each["taker"], each["symbol"]) for each in stored(3)]
    assert found == [("a", "SOLUSDT"), ("a", "BTCUSDT"), ("b", "ETHUSDT")]


def test_mark_moves_to_what_was_stored_and_the_rest_comes_again(store: DurableConnection) -> None:
    far = Far(stores=2)
    trail = trail_of(store, far)
    add_events(store, 5)
    with pytest.raises(NatsAway):
        trail.turn()
    far.stores = 10**9
    all_of(trail_of(store, far))
    assert sent(far) == ["0", "1", "2", "3", "4", "2", "3", "4"]


def test_nothing_stored_moves_nothing(store: DurableConnection) -> None:
    far = Far(stores=0)
    trail = trail_of(store, far)
    add_events(store, 2)
    for _ in range(2):
        with pytest.raises(NatsAway):
            trail.turn()
    assert sent(far) == ["0", "1"] * 2


def test_many_rows_go_in_batches(store: DurableConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "BATCH", 10)
    far = Far()
    add_events(store, 25)
    trail = trail_of(store, far)
    assert [trail.turn() for _ in range(3)] == [0.0, 0.0, 0.5]
    assert [len(batch) for batch in far.batches] == [10, 10, 5]


def test_without_a_connection_nothing_is_read(store: DurableConnection) -> None:
    far = Far(connected=False)
    add_events(store, 1)
    assert trail_of(store, far).turn() > 0.0
    assert far.batches == []


def test_stream_with_other_settings_is_used_and_named(
    store: DurableConnection, caplog: pytest.LogCaptureFixture
) -> None:
    far = Far(differs=True)
    add_events(store, 1)
    trail = trail_of(store, far)
    all_of(trail)
    all_of(trail)
    assert sent(far) == ["0"]
    assert caplog.text.count("FUNDING-TRAIL: it has other settings") == 1


def test_first_start_sends_the_last_hour(store: DurableConnection) -> None:
    far = Far()
    Events(store).add([replace(EVENT, at=AT - OVERLAP_SECONDS - 1, rule="old")])
    Events(store).add([replace(EVENT, at=AT - OVERLAP_SECONDS + 1, rule="young")])
    all_of(trail_of(store, far))
    assert [json.loads(each.body)["rule"] for each in far.batches[0]] == ["young"]


def gaps(store: DurableConnection) -> list[str]:
    return [each.detail for each in Events(store).recall("publish", EventKind.TRAIL_GAP, 0.0)]


def test_rows_that_were_removed_before_they_were_sent_are_told_once(
    store: DurableConnection, caplog: pytest.LogCaptureFixture
) -> None:
    far = Far()
    trail = trail_of(store, far)
    add_events(store, 2)
    all_of(trail)
    add_events(store, 9, AT + 1)
    with store.transaction() as opened:
        opened.execute("DELETE FROM event WHERE id BETWEEN 2 AND 7")
    far.stores = 0
    with pytest.raises(NatsAway):
        trail.turn()
    far.stores = 10**9
    for _ in range(2):
        all_of(trail)
    text = "5 rows of event were removed before they were sent"
    assert gaps(store) == [text]
    assert text in caplog.text
    assert sent(far)[-1] == text, "readers of the stream learn it, too"


def test_another_file_is_sent_from_an_hour_before_the_last_row(
    store: DurableConnection, path: Path
) -> None:
    far = Far()
    trail = trail_of(store, far)
    add_events(store, 20)
    all_of(trail)
    store.close()
    for ending in ("", "-wal", "-shm"):
        Path(f"{path}{ending}").unlink(missing_ok=True)
    far.batches.clear()
    write(path, CLOCK.clock())
    all_of(trail)
    assert (sent(far), gaps(store)) == ([], []), "no row says that it is another one"
    # New rows, then those that a recovery has found in the old file.
    old, young = AT - OVERLAP_SECONDS - 1, AT - OVERLAP_SECONDS + 5
    Events(store).add([replace(EVENT, detail="new", rule="1", at=AT + 60)])
    Events(store).add([replace(EVENT, detail="old", rule="2", at=old)])
    Events(store).add([replace(EVENT, detail="young", rule="3", at=young)])
    all_of(trail)
    (text,) = gaps(store)
    assert text.startswith("the rows of event are not those of before")
    assert sent(far) == ["new", "young", text]
    all_of(trail_of(store, far))
    assert len(sent(far)) == 3


def test_event_is_sent_again_when_it_has_ended(store: DurableConnection) -> None:
    far, clock = Far(), ManualClock()
    trail = trail_of(store, far, clock=clock)
    Events(store).add([EVENT])
    all_of(trail)
    clock.advance(30.0)
    all_of(trail)
    Events(store).update(replace(EVENT, detail="over", duration_seconds=29.0))
    for process in (trail, trail_of(store, far, clock=clock)):
        for _ in range(3):
            clock.advance(10.0)
            all_of(process)
    bodies = [json.loads(each.body) for batch in far.batches for each in batch]
    assert [(each["id"], each["detail"], each["durationSeconds"]) for each in bodies] == [
        (1, "begun", None),
        (1, "over", 29.0),
    ]


def test_ends_are_sent_after_the_clock_was_set_back(store: DurableConnection) -> None:
    far, clock = Far(), ManualClock()
    trail = trail_of(store, far, clock=clock)

    def look(seconds: float) -> list[str]:
        clock.advance(seconds)
        far.batches.clear()
        all_of(trail)
        return sorted(sent(far))

    ahead = replace(EVENT, at=AT - 10.0, rule="1", detail="ahead")
    Events(store).add([replace(ahead, duration_seconds=5.0)])
    assert look(0.0) == ["ahead", "ahead"], "the server knows the second one by its id"
    assert look(10.0) == []
    clock.wall -= 7_200.0
    late = replace(EVENT, at=clock.wall, rule="2", detail="late")
    Events(store).add([late])
    assert look(10.0) == ["ahead", "late"]
    Events(store).update(replace(late, duration_seconds=12.0, detail="over"))
    assert look(10.0) == ["ahead", "over"], "once, and what lies ahead until the clock is there"
    assert look(10.0) == ["ahead"]


def test_worker_complains_once_goes_on_and_stops(
    store: DurableConnection, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "RETRY_SECONDS", 0.01)
    caplog.set_level(logging.WARNING)
    far, stopping = Far(stores=0), threading.Event()
    add_events(store, 1)
    thread = threading.Thread(target=trail_of(store, far).run, args=(stopping,))
    thread.start()
    until(lambda: len(far.batches) > 3, "it tries again")
    far.stores = 1
    until(lambda: TrailMark(store)() == 1, "it goes on")
    stopping.set()
    thread.join(20)
    assert not thread.is_alive()
    assert caplog.text.count("wait: NATS: no answer in 5 s") == 1


class TrailMark:
    """How far events have been sent."""

    def __init__(self, store: DurableConnection) -> None:
        self._store = store

    def __call__(self) -> int:
        rows = self._store.rows("SELECT done FROM consumer WHERE name = 'publish-event'")
        return int(rows[0][0]) if rows else 0
