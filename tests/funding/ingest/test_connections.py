"""The connections' threads: what they raise, and when they are forgotten."""

from collections.abc import Callable

import pytest

from funding.ingest.connection_policy import ConnectionPolicy
from funding.ingest.connections import MAX_THREADS, Connections
from funding.ingest.inbox import Inbox


class Thread:
    """A thread that the test ends."""

    def __init__(self) -> None:
        self.alive, self.stopped, self.joined = True, False, False
        self.defect: BaseException | None = None
        self.bytes = 0

    def stop(self) -> None:
        self.stopped = True

    def join(self, timeout: float | None = None) -> None:
        self.joined = timeout is not None

    def is_alive(self) -> bool:
        return self.alive

    def check(self) -> None:
        if self.defect:
            raise self.defect

    def unfinished(self) -> int:
        return self.bytes


def made(numbers: range) -> tuple[Connections, list[Thread]]:
    """Connections that have begun, and their threads."""
    threads: list[Thread] = []

    def connect(_number: int) -> Thread:
        threads.append(Thread())
        return threads[-1]

    connections = Connections(connect, Inbox())
    for number in numbers:
        connections.begin(number)
    return connections, threads


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("look", [Connections.check, Connections.stop_all])
def test_defect_of_a_thread_is_raised(look: Callable[[Connections], None], ended: bool) -> None:
    connections, threads = made(range(1, 3))
    if ended:
        connections.ended(1)
    threads[0].defect = KeyError("x")
    with pytest.raises(KeyError):
        look(connections)


def test_ended_thread_is_forgotten_when_it_is_over() -> None:
    connections, threads = made(range(1, MAX_THREADS + 2))
    for number in range(1, MAX_THREADS + 1):
        connections.stop(number)
        connections.ended(number)
    assert [thread.stopped for thread in threads] == [True] * MAX_THREADS + [False]
    connections.forget_ended()
    connections.ended(MAX_THREADS + 1)
    with pytest.raises(RuntimeError):
        connections.forget_ended()
    threads[0].alive = False
    connections.forget_ended()


def test_all_are_stopped_and_waited_for() -> None:
    connections, threads = made(range(1, 3))
    connections.stop_all()
    assert all(thread.stopped and thread.joined for thread in threads)


def test_policy_hears_of_unfinished_messages() -> None:
    heard: list[tuple[int, int, float]] = []

    class Policy(ConnectionPolicy):
        def __init__(self) -> None: ...

        def note_unfinished(self, connection: int, size: int, now: float) -> None:
            heard.append((connection, size, now))

    connections, threads = made(range(1, 3))
    threads[1].bytes = 700
    connections.note_unfinished(Policy(), 5.0)
    assert heard == [(1, 0, 5.0), (2, 700, 5.0)]
