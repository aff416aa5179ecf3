"""Which ticks reached the store: a poller that writes down every event time of some symbols."""

import itertools
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from harness.processes import until

POLL_SECONDS = 0.02


class Ticks:
    """The event times (ms) seen in the store at `path`, by symbol, in order."""

    def __init__(self, path: Path, symbols: Sequence[str]) -> None:
        self._path = path
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.seen: dict[str, list[int]] = {symbol: [] for symbol in symbols}
        self.longest_poll = 0.0
        self._thread.start()

    def stop(self) -> None:
        """Poll no more."""
        self._stopping.set()
        self._thread.join()

    def missed(self, tick_ms: int) -> int:
        """How many ticks are missing between the first and the last seen, of all symbols."""
        return sum(
            (later - earlier) // tick_ms - 1
            for times in self.seen.values()
            for earlier, later in itertools.pairwise(times)
        )

    def count(self) -> int:
        """How many ticks the symbol with the fewest has."""
        return min(len(times) for times in self.seen.values())

    def _run(self) -> None:
        marks = ", ".join("?" * len(self.seen))
        select = f"SELECT symbol, event_time FROM quote WHERE symbol IN ({marks})"
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as database:
            last = time.monotonic()
            while not self._stopping.wait(POLL_SECONDS):
                with suppress(sqlite3.OperationalError):
                    for symbol, event_time in database.execute(select, [*self.seen]).fetchall():
                        times = self.seen[symbol]
                        if not times or times[-1] != event_time:
                            times.append(event_time)
                now = time.monotonic()
                self.longest_poll, last = max(self.longest_poll, now - last), now


@contextmanager
def ticks(path: Path, *symbols: str) -> Iterator[Ticks]:
    """Such a poller while the block runs, from its first ticks on."""
    made = Ticks(path, symbols)
    try:
        until(lambda: made.count() >= 1, "the first ticks")
        yield made
    finally:
        made.stop()
