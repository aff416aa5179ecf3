"""How long a call may still wait: one deadline for all that it does."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Patience:
    """`seconds` from each `begin` on, shared by everything that waits; for one thread.

    It counts real time, as sockets and locks do, whatever clock the values go by.
    """

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._kept = 0.0
        self.begin()

    def begin(self) -> None:
        """A call begins."""
        self._end = self._monotonic() + self._seconds

    def left(self) -> float:
        """For how many seconds a wait that begins now may last."""
        return max(0.0, self._end - self._kept - self._monotonic())

    @contextmanager
    def keeping(self, share: float) -> Iterator[None]:
        """In the block nothing waits into the last `share` (0 to 1) of the whole time: that is
        for what comes after."""
        self._kept = share * self._seconds
        try:
            yield
        finally:
            self._kept = 0.0
