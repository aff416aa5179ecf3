"""Progress on a terminal, or as plain lines where there is none."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

LINE_SECONDS = 10.0


@contextmanager
def progress(
    total: int, unit: str = "symbol", lines: Callable[[str], object] | None = None
) -> Iterator[Callable[[], object]]:
    """A bar of `total` units; within the block, call what it yields after each of them.

    The bar, with the time that is left, is shown where standard error is a terminal. Elsewhere
    `lines`, if it is given, is called with a line every ten seconds.
    """
    hidden = sys.stderr is None or None  # None: tqdm looks whether it is a terminal
    with tqdm(total=total, unit=unit, disable=hidden, leave=False, file=sys.stderr) as bar:
        if lines is None or not bar.disable:
            yield bar.update
        else:
            yield Lines(total, unit, lines, time.monotonic).advance


class Lines:
    """The same as lines of text; `now` is in seconds."""

    def __init__(
        self, total: int, unit: str, lines: Callable[[str], object], now: Callable[[], float]
    ) -> None:
        self._total = total
        self._unit = unit
        self._lines = lines
        self._now = now
        self._done = 0
        self._began = self._said = now()

    def advance(self) -> None:
        """One more is done."""
        self._done += 1
        now = self._now()
        if now - self._said < LINE_SECONDS:
            return
        self._said = now
        left = (now - self._began) / self._done * (self._total - self._done)
        share = f"{self._done} of {self._total} {self._unit}s"
        self._lines(f"{share}, about {left // 60:.0f} min {left % 60:.0f} s left")
