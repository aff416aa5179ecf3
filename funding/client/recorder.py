"""One thread that stores what a client compares and spends.

# Facts
- Ingest holds the store's write lock for milliseconds; a recovery, or a person with sqlite3, for
  seconds. Reading goes on meanwhile.
- SQLite asks again and again for a lock, without a queue: of 20 threads that write at once some do
  not get it within 0.3 s. Hence one thread, which takes what it is given in order.
- A commit waits for the disk, sometimes for seconds. A caller can stop waiting for another thread,
  but cannot leave SQLite.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from funding import errors
from funding.comparison.pair import Comparison
from funding.model.ban import Ban
from funding.model.event import Event
from funding.runtime.clock import Clock
from funding.runtime.deadline import Deadline
from funding.runtime.logs import Throttle
from funding.runtime.worker import Worker
from funding.store.comparisons import Comparisons
from funding.store.durable import DurableConnection
from funding.store.events import Events
from funding.store.rest_usage import Calls, RestUsage

log = logging.getLogger("client")

MOST_ROWS = 10_000
"""Rows that wait at most: the comparisons of all symbols from five calls."""
LOCK_SECONDS = 0.3
"""How long a transaction waits for the lock of another process: rows can wait for the next one."""
RETRY_SECONDS = 1.0
"""After a failure, when rows are tried again; until then nothing waits for the lock."""
COMPLAINT_SECONDS = 60.0

T = TypeVar("T")


class AddressBan(NamedTuple):
    """A ban that is to be stored, and the event that it is."""

    address: str
    ban: Ban
    event: Event | None


Row = Comparison | Event | Calls | AddressBan


class _Question(NamedTuple):
    work: Callable[[DurableConnection], Any]
    deadline: Deadline
    answer: Future[Any]


class Recorder:
    """A queue of rows to be stored, and questions to the store that are answered at once.

    For any number of threads. Its own thread starts when it is needed, also after `close`.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._throttle = Throttle(COMPLAINT_SECONDS)
        self._changed = threading.Condition()
        self._worker: Worker | None = None
        self._questions: deque[_Question] = deque()
        self._rows: deque[Row] = deque()
        self._in_hand = 0
        self._lost = 0  # rows that are not in the log yet
        self._lock_deadline = Deadline(LOCK_SECONDS)
        self._retry_at = float("-inf")

    def add(self, rows: Collection[Row]) -> None:
        """Store `rows` soon. Never waits; the oldest ones that have no room are lost, with a
        warning in the log."""
        with self._changed:
            self._rows.extend(rows)
            self._trim()
            self._wake()
        self._warn_of_lost()

    def ask(self, work: Callable[[DurableConnection], T], seconds: float) -> T:
        """What `work` returns in the recorder's thread, or raises there; `StoreLocked` when that
        takes longer than `seconds`."""
        question = _Question(work, Deadline(seconds), Future())
        with self._changed:
            self._questions.append(question)
            self._wake()
        try:
            answer: T = question.answer.result(seconds)
        except TimeoutError:
            # Under way already, it may still be stored: what is spent is then counted twice.
            question.answer.cancel()
            raise errors.StoreLocked(str(self._path), f"no answer in {seconds:.2f} s") from None
        return answer

    def complain(self, error: errors.StoreError) -> None:
        """Warn, once a minute, that the store does not take what it should."""
        if self._throttle("store", self._clock.uptime()):
            log.warning("cannot store calls and comparisons now; kept for later: %s", error)

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
        if worker.is_alive():
            with self._changed:
                self._lost += len(self._rows) + self._in_hand
                self._rows.clear()
            self._warn_of_lost("the store does not answer")

    def _wake(self) -> None:
        """Tell the thread, or start one: there is none in a forked process."""
        if self._worker is not None and not self._worker.is_alive():
            ended, self._worker = self._worker, None
            ended.check()
        if self._worker is None:
            self._worker = Worker("recorder", self._work)
            self._worker.start()
        self._changed.notify_all()

    def _work(self, stopping: threading.Event) -> None:
        store = DurableConnection(self._path, self._busy_seconds)
        last = False
        while not last:
            questions, last = self._next(stopping)
            for question in questions:
                self._answer(question, store)
            if last or time.monotonic() >= self._retry_at:
                self._store(store, last=last)
        with suppress(errors.StoreError):
            store.close()

    def _next(self, stopping: threading.Event) -> tuple[deque[_Question], bool]:
        """Wait until there is something to do: the questions of now, and whether they are the
        last."""
        with self._changed:
            while not (self._questions or stopping.is_set()):
                pause = self._retry_at - time.monotonic()
                if self._rows and pause <= 0:
                    break
                self._changed.wait(pause if self._rows else None)
            questions, self._questions = self._questions, deque()
            return questions, stopping.is_set()

    def _answer(self, question: _Question, store: DurableConnection) -> None:
        if not question.answer.set_running_or_notify_cancel():
            return
        self._lock_deadline = question.deadline
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
            self._in_hand = len(rows)
        if not rows:
            return
        self._lock_deadline = Deadline(LOCK_SECONDS)
        try:
            _write(store, rows)
        except errors.StoreError as error:
            self._retry_at = time.monotonic() + RETRY_SECONDS
            if last:
                with self._changed:
                    self._lost += len(rows)
                self._warn_of_lost(str(error))
                return
            self.complain(error)
            with self._changed:
                self._rows.extendleft(reversed(rows))
                self._trim()
            self._warn_of_lost()
        finally:
            self._in_hand = 0

    def _busy_seconds(self) -> float:
        if time.monotonic() < self._retry_at:
            return 0.0
        return self._lock_deadline.left(LOCK_SECONDS) or 0.0

    def _trim(self) -> None:
        while len(self._rows) > MOST_ROWS:
            self._rows.popleft()
            self._lost += 1

    def _warn_of_lost(self, why: str = "") -> None:
        """Warn of all that is lost: with `why`, or once a minute of what found no room."""
        with self._changed:
            if not self._lost or not (why or self._throttle("lost", self._clock.uptime())):
                return
            lost, self._lost = self._lost, 0
        why = why or f"no room for more than {MOST_ROWS}"
        log.warning("%d comparisons, events and REST calls are lost: %s", lost, why)


def _write(store: DurableConnection, rows: list[Row]) -> None:
    usage = RestUsage(store)
    with store.transaction():
        for row in rows:
            if isinstance(row, AddressBan):
                usage.set_ban(*row)
        Comparisons(store).add(row for row in rows if isinstance(row, Comparison))
        Events(store).add(row for row in rows if isinstance(row, Event))
        usage.add(row for row in rows if isinstance(row, Calls))
