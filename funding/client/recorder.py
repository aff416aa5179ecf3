"""One thread that stores what a client compares and spends.

# Facts
- Ingest holds the store's write lock for milliseconds; a recovery, or a person with sqlite3, for
  seconds. Reading goes on meanwhile.
- SQLite asks again and again for a lock, without a queue: of 20 threads that write at once some do
  not get it within 0.3 s. Hence one thread, which takes what it is given in order.
- A commit waits for the disk, sometimes for seconds. A caller can stop waiting for another thread,
  but cannot leave SQLite.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from funding import errors
from funding.comparison.pair import Comparison
from funding.model.ban import Ban
from funding.model.event import Event
from funding.runtime.logs import ThrottledWarnings
from funding.runtime.worker import Worker
from funding.store.comparisons import Comparisons
from funding.store.durable import DurableConnection
from funding.store.events import Events
from funding.store.rest_usage import Calls, RestUsage

MOST_ROWS = 10_000
"""Rows that wait at most: the comparisons of all symbols from five calls."""
LOCK_SECONDS = 0.3
"""How long a transaction waits for the lock of another process: rows can wait for the next one."""
RETRY_SECONDS = 1.0
"""After a failure, when rows are tried again; until then nothing waits for the lock."""

T = TypeVar("T")


class AddressBan(NamedTuple):
    """A ban that is to be stored, and the event that it is."""

    address: str
    ban: Ban
    event: Event | None


Row = Comparison | Event | Calls | AddressBan


class _Question(NamedTuple):
    work: Callable[[DurableConnection], Any]
    answer: Future[Any]


class Recorder:
    """A queue of rows to be stored, and questions to the store that are answered at once.

    For any number of threads. Its own thread starts when it is needed, also after `close`.
    """

    def __init__(self, path: Path, warn: ThrottledWarnings, rest_host: str | None = None) -> None:
        self._path = path
        self._rest_host = rest_host
        self._warn = warn
        self._changed = threading.Condition()
        self._worker: Worker | None = None
        self._questions: list[_Question] = []
        self._rows: deque[Row] = deque()
        self._lost = 0  # rows that are not in the log yet
        self._retry_at = float("-inf")

    def add(self, rows: Iterable[Row]) -> None:
        """Store `rows` soon. Never waits; the oldest ones that have no room are lost, with a
        warning in the log."""
        with self._changed:
            self._wake()
            self._rows.extend(rows)
            self._make_room()

    def ask(self, work: Callable[[DurableConnection], T], seconds: float) -> T:
        """What `work` returns in the recorder's thread, or raises there; `StoreLocked` when that
        takes longer than `seconds`."""
        question = _Question(work, Future())
        with self._changed:
            self._wake()
            self._questions.append(question)
        try:
            answer: T = question.answer.result(seconds)
        except TimeoutError:
            # Under way already, it may still be stored: what is spent is then counted twice.
            question.answer.cancel()
            raise errors.StoreLocked(str(self._path), f"no answer in {seconds:.2f} s") from None
        return answer

    def complain(self, error: errors.StoreError) -> None:
        """Warn, once a minute, that the store does not take what it should."""
        self._warn("store", f"cannot store calls and comparisons now; kept for later: {error}")

    def close(self, seconds: float) -> None:
        """Store what waits within `seconds`, or warn that it is lost, and let go of the file."""
        with self._changed:
            worker, self._worker = self._worker, None
            if worker is None:
                return
            self._retry_at = float("-inf")
            worker.stopping.set()
            self._changed.notify_all()
        worker.stop(seconds)
        worker.check()
        with self._changed:
            if worker.is_alive():
                self._lose(len(self._rows), "the store does not answer", at_once=True)
                self._rows.clear()

    def _wake(self) -> None:
        """Tell the thread that there is work, or start one."""
        if self._worker is not None and not self._worker.is_alive():
            ended, self._worker = self._worker, None
            ended.check()
        if self._worker is None:
            self._worker = Worker("recorder", self._work)
            self._worker.start()
        self._changed.notify_all()

    def _work(self, stopping: threading.Event) -> None:
        store = DurableConnection(self._path, self._busy_seconds, rest_host=self._rest_host)
        last = False
        while not last:
            questions, last = self._next(stopping)
            for question in questions:
                self._answer(question, store)
            if last or time.monotonic() >= self._retry_at:
                self._store(store, last=last)
        with suppress(errors.StoreError):
            store.close()

    def _next(self, stopping: threading.Event) -> tuple[list[_Question], bool]:
        """Wait until there is something to do: the questions of now, and whether they are the
        last."""
        with self._changed:
            while not (self._questions or stopping.is_set()):
                pause = self._retry_at - time.monotonic()
                if self._rows and pause <= 0:
                    break
                self._changed.wait(pause if self._rows else None)
            questions, self._questions = self._questions, []
            return questions, stopping.is_set()

    def _answer(self, question: _Question, store: DurableConnection) -> None:
        if not question.answer.set_running_or_notify_cancel():
            return
        try:
            question.answer.set_result(question.work(store))
        except BaseException as error:  # noqa: BLE001 (raised where it was asked)
            if isinstance(error, errors.StoreLocked):
                self._retry_at = time.monotonic() + RETRY_SECONDS
            question.answer.set_exception(error)

    def _store(self, store: DurableConnection, *, last: bool) -> None:
        """Store the rows of now; those that the store does not take wait on, or, the `last` time,
        are lost."""
        with self._changed:
            rows = list(self._rows)
            self._rows.clear()
        if not rows:
            return
        try:
            _write(store, rows)
        except errors.StoreError as error:
            self._retry_at = time.monotonic() + RETRY_SECONDS
            with self._changed:
                if last:
                    self._lose(len(rows), str(error), at_once=True)
                    return
                self._rows.extendleft(reversed(rows))
                self._make_room()
            self.complain(error)

    def _busy_seconds(self) -> float:
        return LOCK_SECONDS if time.monotonic() >= self._retry_at else 0.0

    def _make_room(self) -> None:
        excess = max(0, len(self._rows) - MOST_ROWS)
        for _ in range(excess):
            self._rows.popleft()
        self._lose(excess, f"no room for more than {MOST_ROWS}")

    def _lose(self, count: int, why: str, *, at_once: bool = False) -> None:
        """Count lost rows, and warn of all that were: once a minute, or `at_once`."""
        self._lost += count
        text = f"{self._lost} comparisons, events and REST calls are lost: {why}"
        if self._lost and self._warn("lost", text, at_once=at_once):
            self._lost = 0


def _write(store: DurableConnection, rows: list[Row]) -> None:
    usage = RestUsage(store)
    with store.transaction():
        for row in rows:
            if isinstance(row, AddressBan):
                usage.set_ban(*row)
        Comparisons(store).add(row for row in rows if isinstance(row, Comparison))
        Events(store).add(row for row in rows if isinstance(row, Event))
        usage.add(row for row in rows if isinstance(row, Calls))
