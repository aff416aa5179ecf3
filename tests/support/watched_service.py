"""A service that the watchdog looks at: a real store and real processes, with a clock and a
supervisord that the test sets."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from funding import errors
from funding.health.facts import Facts, LastComparison, Process, ProcessState
from funding.model.event import EventKind
from funding.model.feed import Feed
from funding.model.quote import Quote
from funding.runtime.clock import SYSTEM
from funding.settings.service import read
from funding.store.durable import DurableConnection
from funding.store.events import Events
from funding.store.reader import Reader
from funding.watchdog.collector import FactsCollector
from funding.watchdog.monitor import Monitor
from funding.watchdog.restart_rules import Verb
from funding.watchdog.supervisor import PluginReport
from tests.conftest import free_port
from tests.support.clock import ManualClock, feed_at, rows, write

INGEST = "funding:ingest"
OLD, NEW = os.getpid(), os.getppid()
"""Processes that exist, as the age and memory of each program's process are read."""
PERIODS = {EventKind.UNHEALTHY, EventKind.UNOBSERVED}
TIME = 1_764_725_610_000


class FakeSupervisor:
    """supervisord, as `SupervisorClient` shows it."""

    def __init__(self) -> None:
        self.programs: dict[str, Process] = {}
        self.orders: list[tuple[Verb, str]] = []
        self.refuses = False
        self.silent = False
        self.reachable = True
        self.direct: list[tuple[Verb, int]] = []
        self.reports: list[PluginReport] = []
        self.heartbeats: list[tuple[int, float]] = []

    def send_heartbeat(self, pid: int, seconds: float, stored: int) -> list[PluginReport]:
        self.heartbeats.append((pid, seconds))
        self.reports = [report for report in self.reports if report.number > stored]
        return self.reports

    def put(self, name: str, state: ProcessState, pid: int = 0) -> None:
        """Let the program `name` be in `state`."""
        self.programs[name] = Process(name, state, pid, f"says {state}")

    def processes(self) -> list[Process]:
        self.reachable = not self.silent
        if self.silent:
            raise errors.SupervisorError("supervisord does not answer")
        return list(self.programs.values())

    def signal(self, name: str, signal: Verb) -> None:
        self._order(name, signal)

    def signal_directly(self, process: Process, signal: Verb) -> None:
        self.direct.append((signal, process.pid))

    def start(self, name: str) -> None:
        self._order(name, Verb.START)

    def _order(self, name: str, verb: Verb) -> None:
        if self.refuses:
            raise errors.SupervisorError("supervisord refuses")
        self.orders.append((verb, name))


class WatchedService:
    """A service that is healthy at first, and its monitor."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "funding.db"
        self.hand = ManualClock(
            uptime=SYSTEM.uptime() + 1_000
        )  # every process is older than any grace
        self.supervisor = FakeSupervisor()
        self.last_comparison: LastComparison | None = None
        self.feed: Feed = feed_at(self.hand.clock(), OLD)
        self.clock = self.hand.clock()
        self.store = DurableConnection(self.path)
        self.audit = Events(self.store)
        self.reader = Reader(self.path, "binance", self.clock)
        self.write_quotes()
        self.supervisor.put(INGEST, ProcessState.RUNNING, OLD)
        self.monitor = self.new_monitor()

    def new_monitor(self) -> Monitor:
        """Another watchdog, as after the end of the one before."""
        settings, _ = read(
            {
                "FUNDING_DB": str(self.path),
                "FUNDING_MIN_SYMBOLS": "2",
                "FUNDING_API_PORT": str(free_port()),
                "FUNDING_SUPERVISOR": str(self.folder / "supervisor.sock"),
            }
        )
        supervisor: Any = self.supervisor
        collector = FactsCollector(
            settings,
            reader=self.reader,
            supervisor=supervisor,
            clock=self.clock,
            last_comparison=lambda: self.last_comparison,
        )
        return Monitor(
            collector,
            events=self.audit,
            supervisor=supervisor,
            check_interval=settings.check_interval,
            clock=self.clock,
        )

    def write_quotes(self, names: Sequence[str] = ("BTCUSDT", "ETHUSDT", "DATED")) -> None:
        """Ingest writes a frame with `names`: BTCUSDT has a rate, DATED has no funding."""
        at = TIME + int(self.hand.uptime)
        quotes = [
            Quote(
                *(name, 100.0, 100.0, 0.0001 if name == "BTCUSDT" else None),
                None if name == "DATED" else TIME,
                at,
            )
            for name in names
        ]
        write(self.path, self.clock, quotes, self.feed)

    def write_heartbeat(self) -> None:
        """Ingest writes its feed row without a frame."""
        write(self.path, self.clock, feed=self.feed)

    def restart_ingest(self, pid: int = NEW) -> None:
        """Another process of ingest runs and writes."""
        self.supervisor.put(INGEST, ProcessState.RUNNING, pid)
        self.feed.pid = pid
        self.write_quotes()

    def damage(self) -> bytes:
        """Put a file that is not a database in the store's place; the old content."""
        content = self.path.read_bytes()
        self.remove_store()
        self.path.write_bytes(b"no database" * 100)
        return content

    def remove_store(self) -> None:
        for name in ("", "-wal", "-shm"):
            Path(f"{self.path}{name}").unlink(missing_ok=True)

    def step(self, seconds: float = 0.0) -> Facts:
        """One look after `seconds`, and what follows from it."""
        self.hand.advance(seconds)
        facts = self.monitor.look()
        self.monitor.act(facts)
        return facts

    def events(self, *kinds: EventKind) -> list[tuple[str, str]]:
        """Kind and detail of the watchdog's events; only those of `kinds`, if any are named, else
        all except the periods of its looks."""
        found = rows(self.path, "SELECT kind, detail FROM event WHERE source = 'watchdog'")
        return [
            (kind, detail) for kind, detail in found if kind in (kinds or set(EventKind) - PERIODS)
        ]

    def crashes(self) -> list[tuple[float, str, str]]:
        return rows(self.path, "SELECT at, source, detail FROM event WHERE kind = 'crash'")

    def crash_report(self, pid: int, text: str = "by a signal", number: int = 1) -> PluginReport:
        """The plugin's report of a process of ingest that has just ended."""
        return PluginReport(
            number, self.hand.wall, EventKind.CRASH, INGEST, pid, f"{INGEST}: {text}"
        )

    def close(self) -> None:
        self.store.close()
        self.reader.close()
