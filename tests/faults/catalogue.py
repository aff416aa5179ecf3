"""What a fault of the catalogue is, and how it is run: cause it, see it noticed, see fresh data.

Recovery is measured by the store itself: `received_uptime` of the first newer quote of a symbol of
each class, less the moment the fault began or, for one that lasts, ended.
"""

import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from funding.runtime.clock import SYSTEM
from funding.watchdog.supervisor import SupervisorClient
from harness.group import Group, log_of
from harness.processes import WAIT_SECONDS, until

MAIN, TRADFI = "BTCUSDT", "TSLAUSDT"
PROGRAMS = INGEST, API, WATCHDOG, HISTORY = "ingest.py", "api.py", "watchdog.py", "history.py"

SHORT: dict[str, Any] = {
    "FUNDING_STALL_AFTER": 1,
    "FUNDING_STALE_AFTER": 5,
    "FUNDING_BACKOFF_MAX": 1,
    "FUNDING_CHECK_INTERVAL": 0.5,
    "FUNDING_COMPARE_INTERVAL": 1,
    "FUNDING_MIN_SYMBOLS": 30,
}
"""Settings under which faults are noticed in seconds; ticks are of `SHORT_TICK` seconds then."""
SHORT_TICK = ("--tick", "0.2")

Cause = Callable[[Group], AbstractContextManager[None]]


@dataclass
class Goals:
    """Whether goals in seconds are held. They are where nothing else runs: beside other tests they
    would judge the machine."""

    held: bool = True

    def limit(self, seconds: float) -> float:
        """Seconds that something may take whose goal are these."""
        return seconds if self.held else WAIT_SECONDS


GOALS = Goals()


@dataclass(frozen=True, slots=True)
class Fault:
    """One row: `cause` breaks something; `goal` is in seconds until both classes are fresh.

    `noticed` are an event's kind, or several with | between, and words of its detail. `replaced`
    are the programs of which a process, or with `all_new` each, is new after it; all others are
    the ones from before.
    `lasts`: the time counts from the end of the fault, which is ended as soon as it was noticed
    and has been in force for `seconds`; meanwhile `holds` is true.
    """

    name: str
    cause: Cause
    goal: float
    noticed: tuple[str, str] = ("", "")
    replaced: frozenset[str] = frozenset()
    all_new: bool = False
    lasts: bool = False
    seconds: float = 0.0
    holds: Callable[[Group], bool] = lambda service: True
    patience: float = WAIT_SECONDS

    def __str__(self) -> str:
        return self.name


def posted(**faults: object) -> Cause:
    """Faults of the stand-in exchange, in force until the row is over."""
    return lambda service: service.exchange.faults(**faults)


def killed(number: int, *programs: str, one: bool = False) -> Cause:
    """A signal to all processes of `programs`, or to `one` of each."""

    @contextmanager
    def cause(service: Group) -> Iterator[None]:
        for program in programs:
            for pid in sorted(service.pids(program))[: 1 if one else None]:
                os.kill(pid, number)
        yield

    return cause


def stopped_between_transactions(program: str) -> Cause:
    """SIGSTOP of `program` while it does not hold the database's write lock: with it, all others
    would wait for as long as it hangs."""

    @contextmanager
    def cause(service: Group) -> Iterator[None]:
        (pid,) = service.pids(program)

        def holds_no_lock() -> bool:
            os.kill(pid, signal.SIGSTOP)
            try:
                with closing(sqlite3.connect(service.database, timeout=0.5)) as database:
                    database.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                os.kill(pid, signal.SIGCONT)
                return False
            return True

        until(holds_no_lock, f"{program} holds no lock")
        yield

    return cause


def removed(service: Group) -> AbstractContextManager[None]:
    """The database file is gone, what belongs to it stays."""
    service.database.unlink()
    return nullcontext()


def damaged(start: int | None) -> Cause:
    """The database file is overwritten from byte `start` on; None: cut in the middle."""

    def cause(service: Group) -> AbstractContextManager[None]:
        # A WAL that has all pages, as that of a young database, would heal it.
        until(lambda: has_moved_its_wal(service.database), "the WAL is empty")
        size = service.database.stat().st_size
        if start is None:
            os.truncate(service.database, size // 2)
        else:
            with service.database.open("r+b") as file:
                file.seek(start)
                file.write(random.Random(start).randbytes(size - start))
        return nullcontext()

    return cause


def has_moved_its_wal(path: Path) -> bool:
    """Move what is in the WAL into the file; whether that could be done."""
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(path)) as database:
        busy, *_ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy
    return False


def flows(symbol_class: str) -> Callable[[Group], bool]:
    """Whether quotes of that class are younger than a second and a half, and true."""

    def probe(service: Group) -> bool:
        symbol = MAIN if symbol_class == "main" else TRADFI
        event_time, uptime = quotes(service)[symbol]
        row = service.ask(f"/funding/{symbol}").json
        sent = service.exchange_says(f"/sim/row?symbol={symbol}&event_time={row['eventTime']}")
        young = SYSTEM.uptime() - uptime < GOALS.limit(1.5) and row["eventTime"] >= event_time
        return young and row["markPrice"] == float(sent["p"])

    return probe


def is_restful(service: Group) -> bool:
    """Whether the service is well whatever REST does."""
    return flows("main")(service) and service.is_healthy()


def prove(service: Group, fault: Fault) -> tuple[float, float]:
    """Run one row; seconds until data were fresh, and until all was well. Leaves it so."""
    try:
        seen, well_after = recovery(service, fault)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{log_of(service.folder)}") from error
    assert seen <= GOALS.limit(fault.goal), (
        f"{fault.name}: fresh after {seen:.1f} s, at most {fault.goal:g}"
    )
    return seen, well_after


def recovery(service: Group, fault: Fault) -> tuple[float, float]:
    """The same, whatever the goal is."""
    if "crash" in fault.noticed[0]:
        until(lambda: all_run(service), "the watchdog knows them all")
    before = {program: service.pids(program) for program in PROGRAMS}
    began = time.time()
    with fault.cause(service):
        since = SYSTEM.uptime()
        if fault.lasts:
            endure(service, fault, began)
            since = SYSTEM.uptime()
        else:
            seen = fresh_after(service, since, fault.patience)
    if fault.lasts:
        seen = fresh_after(service, since)
    until(lambda: noticed(service, fault, began), f"an event for {fault.name}", fault.patience)

    def as_it_should_be() -> bool:
        new = {program: service.pids(program) for program in fault.replaced}
        return all(changed(before[program], new[program], fault.all_new) for program in new)

    until(as_it_should_be, f"{', '.join(fault.replaced)} new after {fault.name}", fault.patience)
    until(lambda: well(service), f"healthy after {fault.name}")
    for program in set(PROGRAMS) - fault.replaced:
        assert service.pids(program) == before[program], f"{fault.name}: {program} was restarted"
    return seen, SYSTEM.uptime() - since


def all_run(service: Group) -> bool:
    """Whether no program is STARTING any more: what ends before that is no crash yet."""
    processes = SupervisorClient(service.folder / "var" / "supervisor.sock").processes()
    return all(each.state in ("RUNNING", "STOPPED") for each in processes)


def endure(service: Group, fault: Fault, began: float) -> None:
    """Wait until the fault was noticed and has lasted; what must hold meanwhile does."""
    since = SYSTEM.uptime()
    until(lambda: fault.holds(service), f"{fault.name}: what must hold")
    until(lambda: noticed(service, fault, began), f"an event for {fault.name}")

    def over() -> bool:
        assert fault.holds(service), f"{fault.name}: what must hold"
        return SYSTEM.uptime() - since >= fault.seconds

    until(over, f"{fault.name} is over", fault.seconds + WAIT_SECONDS)


def changed(old: set[int], new: set[int], all_new: bool = False) -> bool:
    """Whether as many processes run as before, and one is new, or all are."""
    return len(new) == len(old) and (not old & new if all_new else new != old)


def fresh_after(service: Group, uptime: float, patience_seconds: float = WAIT_SECONDS) -> float:
    """Seconds from `uptime` until both classes had a newer quote, as the store recorded it."""

    def received() -> float | None:
        found = quotes(service)
        times = [found.get(symbol, (0, 0.0))[1] for symbol in (MAIN, TRADFI)]
        return max(times) if min(times) > uptime else None

    return until(received, "fresh data", patience_seconds) - uptime


def quotes(service: Group) -> dict[str, tuple[int, float]]:
    """Event time in ms and uptime of receipt by symbol; empty while there is no database."""
    with suppress(sqlite3.Error):
        rows = service.rows("SELECT symbol, event_time, received_uptime FROM quote")
        return {symbol: (event_time, uptime or 0.0) for symbol, event_time, uptime in rows}
    return {}


def events(service: Group, since: float = 0.0) -> list[tuple[str, str, str]]:
    """Source, kind and detail of what the audit trail tells since Unix seconds."""
    with suppress(sqlite3.Error):
        return service.rows(
            "SELECT source, kind, detail FROM event WHERE at >= ? ORDER BY id", since
        )
    return []


MERGED_SECONDS = 60.0


def noticed(service: Group, fault: Fault, since: float) -> bool:
    """Whether the audit trail tells of `fault` since Unix seconds. One event of a minute stands for
    all of its kind: then it counts, and keeps its time."""
    kind, words = fault.noticed
    found = [each for each in events(service, since) if words in each[2]]
    if not kind or any(each[1] in kind.split("|") for each in found):
        return True
    with suppress(sqlite3.Error):
        marks = ", ".join("?" * len(kind.split("|")))
        merged = f"SELECT 1 FROM event WHERE count > 1 AND at >= ? AND kind IN ({marks})"
        return bool(service.rows(merged, since - MERGED_SECONDS, *kind.split("|")))
    return False


def well(service: Group) -> bool:
    """Whether the API says that the service is healthy, whatever it does meanwhile."""
    with suppress(OSError):
        return service.is_healthy()
    return False
