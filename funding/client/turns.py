"""Whose turn it is to write to the store.

# Facts
- SQLite asks again and again for a lock, without a queue: of 20 threads that write at once some
  do not get it within 0.3 s, although each holds it for milliseconds.
- Nor has `threading.Lock` a queue: a thread that takes it again and again starves the others.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from funding import errors

LOCK_SECONDS = 0.3
"""How long the lock of another process is waited for: what is to be written can wait for the next
call."""
REST_SECONDS = 1.0
"""After that wait was in vain, for how long nobody waits again."""


class Turns:
    """For the threads of a client: one of them writes at a time, in the order of asking."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Event] = deque()
        self._locked_until = float("-inf")

    @contextmanager
    def mine(self, seconds: float) -> Iterator[None]:
        """The block is this thread's turn; `StoreLocked` where it does not come in `seconds`."""
        if not self._take(seconds):
            raise errors.StoreLocked("the store", "other threads of this client write to it")
        try:
            yield
        except errors.StoreLocked:
            self._locked_until = self._monotonic() + REST_SECONDS
            raise
        finally:
            self._pass_on()

    def patience(self, left: float) -> float:
        """For how many of the seconds `left` another process's lock is waited for."""
        return 0.0 if self._monotonic() < self._locked_until else min(LOCK_SECONDS, left)

    def _take(self, seconds: float) -> bool:
        with self._lock:
            if not self._taken:
                self._taken = True
                return True
            called = threading.Event()
            self._waiting.append(called)
        if called.wait(seconds):
            return True
        with self._lock:
            if called.is_set():  # just now
                return True
            self._waiting.remove(called)
            return False

    def _pass_on(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False
