"""The inbox between threads: the writer is woken, and nothing is lost."""

import threading
from collections import Counter
from collections.abc import Callable

import pytest

from funding.ingest.connection_events import ConnectionEvent, ConnectionEventKind
from funding.ingest.inbox import Batch, Inbox
from tests.support.inbox_frames import LONG, MAIN, WALL, WALL_MS, frame


class Watched(threading.Condition):
    """A condition that says when somebody waits, and whether they were woken."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = threading.Event()
        self.woken = False

    def wait(self, timeout: float | None = None) -> bool:
        self.waiting.set()
        self.woken = super().wait(timeout)
        return self.woken


ARRIVALS: dict[str, Callable[[Inbox], None]] = {
    "offer": lambda inbox: inbox.offer(1, frame(MAIN, 0), WALL, 100.0),
    "malformed": lambda inbox: inbox.count_malformed("x"),
    "event": lambda inbox: inbox.put(ConnectionEvent(1, ConnectionEventKind.OPENED, 100.0)),
}


@pytest.mark.parametrize("arrive", ARRIVALS.values(), ids=ARRIVALS)
def test_the_writer_wakes_when_something_comes(arrive: Callable[[Inbox], None]) -> None:
    inbox = Inbox()
    inbox._changed = watched = Watched()
    taken: list[Batch] = []
    writer = threading.Thread(target=lambda: taken.append(inbox.take(LONG)))
    writer.start()
    assert watched.waiting.wait(LONG)
    arrive(inbox)
    writer.join()
    assert watched.woken
    assert taken[0]


def test_wake_ends_the_wait_of_the_writer() -> None:
    inbox = Inbox()
    inbox._changed = watched = Watched()
    inbox.wake()
    assert inbox.take(LONG) == Batch()
    assert not watched.waiting.is_set(), "it was woken before it would have waited"
    taken: list[Batch] = []
    writer = threading.Thread(target=lambda: taken.append(inbox.take(LONG)))
    writer.start()
    assert watched.waiting.wait(LONG)
    inbox.wake()
    writer.join()
    assert watched.woken
    assert taken == [Batch()]


def test_many_threads_lose_nothing() -> None:
    inbox, rounds = Inbox(), 200

    def deliver(connection: int) -> None:
        for n in range(rounds):
            inbox.offer(connection, frame([f"S{connection}"], n), WALL, 100.0 + n)

    threads = [threading.Thread(target=deliver, args=(connection,)) for connection in range(4)]
    for thread in threads:
        thread.start()
    newest: dict[str, int] = {}
    progress: Counter[int] = Counter()
    frames = 0
    while frames < 4 * rounds:
        batch = inbox.take(LONG)
        frames += batch.frames
        for (connection, _), (_, count) in batch.progress.items():
            progress[connection] += count
        for symbol, (waiting, _, _) in batch.quotes.items():
            assert waiting.event_time > newest.get(symbol, 0)
            newest[symbol] = waiting.event_time
    for thread in threads:
        thread.join()
    assert newest == {f"S{connection}": WALL_MS + rounds - 1 for connection in range(4)}
    assert progress == dict.fromkeys(range(4), rounds)
