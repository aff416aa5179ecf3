"""The programs that listen to the stream, and when each last heard data."""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

from harness.bench.contenders import peer
from harness.processes import ROOT, Process, running
from harness.stand_in import StandIn

LIBRARIES = {
    "cryptofeed": "cryptofeed_ingest",
    "ccxt.pro": "ccxt_ingest",
    "python-binance": "python_binance_ingest",
    "unicorn-binance": "unicorn_ingest",
}


def uptime() -> float:
    """Seconds since boot, as in the feed row."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Listener(Protocol):
    """A program that listens."""

    name: str
    pid: int

    def heard_after(self, moment: float) -> float | None:
        """The first data after this uptime, as far as is known by now."""

    def why_not(self) -> str:
        """The end of what it printed as its error."""

    def runs(self) -> bool:
        """Whether its process is there."""


class Ours:
    """Ingest, by the feed row that it writes."""

    def __init__(self, name: str, pid: int, database: Path) -> None:
        self.name, self.pid = name, pid
        self._reader = sqlite3.connect(f"file:{database}?mode=ro", uri=True)

    def heard_after(self, moment: float) -> float | None:
        """See `Listener`."""
        (last,) = self._reader.execute("SELECT last_frame_uptime FROM feed").fetchone()
        return float(last) if last is not None and last > moment else None

    def why_not(self) -> str:
        """See `Listener`."""
        return "no newer row"

    def runs(self) -> bool:
        """See `Listener`."""
        return True


class Peer:
    """A program that prints a line when data came in."""

    def __init__(self, name: str, process: Process, log: Path) -> None:
        self.name, self.pid = name, process.pid
        self._process, self._log = process, log
        self._times: list[float] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(ValueError, OSError):  # closed at the end
            for _ in self._process.stdout:
                self._times.append(uptime())

    def heard_after(self, moment: float) -> float | None:
        """See `Listener`."""
        return next((at for at in self._times if at > moment), None)

    def why_not(self) -> str:
        """See `Listener`."""
        text = self._log.read_text("utf-8", "replace")
        for afterwards in ("Exception ignored in", "Unclosed client session"):
            text = text.partition(afterwards)[0]
        lines = text.strip().splitlines()
        ended = "" if self.runs() else "it ended: "
        return (ended + (lines[-1] if lines else "no data and no output"))[:100]

    def runs(self) -> bool:
        """See `Listener`."""
        return self._process.poll() is None


@contextmanager
def library(name: str, folder: Path, at: StandIn) -> Iterator[Peer]:
    """One client library, listening."""
    log = folder / f"{LIBRARIES[name]}.log"
    command = peer(LIBRARIES[name], at.address)
    # In the temporary folder, since one of them writes a log into the folder it stands in.
    with running(command, log, piped=True, cwd=folder, settings={"PYTHONPATH": ROOT}) as process:
        yield Peer(name, process, log)


@contextmanager
def libraries(folder: Path, at: StandIn) -> Iterator[list[Peer]]:
    """All of them."""
    with ExitStack() as stack:
        yield [stack.enter_context(library(name, folder, at)) for name in LIBRARIES]


def wait(listeners: list[Listener], since: float, seconds: float) -> dict[str, float | None]:
    """Seconds from `since` until each heard data, None where that took more than `seconds`."""
    found: dict[str, float | None] = dict.fromkeys(one.name for one in listeners)
    while uptime() < since + seconds and any(
        found[one.name] is None and one.runs() for one in listeners
    ):
        for one in listeners:
            if found[one.name] is None and (at := one.heard_after(since)) is not None:
                found[one.name] = at - since
        time.sleep(0.02)
    return found
