"""Rows 1 and 5: what listening costs, in CPU, memory and disk, side by side on one stream."""

import sqlite3
import time
from contextlib import ExitStack, closing
from pathlib import Path

from harness.bench import goals, machine
from harness.bench.clients import LIBRARIES, Listener, uptime, wait
from harness.bench.figures import OURS
from harness.bench.held import attempt
from harness.bench.programs import module, running
from harness.bench.run import Run
from harness.bench.service import REDIS, Exchange, Service, older, redis

_START_SECONDS = 12.0
_SETTLE_SECONDS = 17.0
_BOUNDS = {
    "database file": "grows with the comparisons alone, and those are kept for days",
    "WAL file": "begun anew every ten seconds, so no larger after an hour",
}


def measure(
    run: Run,
    rows: set[int],
    folder: Path,
    at: Exchange,
    ours: Service,
    listeners: list[Listener],
) -> None:
    """All of them listen at once; CPU is read in windows, so that each sees the same frames."""
    with ExitStack() as stack:
        pids = {OURS: ours.processes["ingest"]}
        groups = {OURS: dict(ours.processes)}
        floor = module("harness.bench.floors.ingest", folder, 1)
        pids[goals.BARE] = stack.enter_context(running(floor, folder / "floor.log")).pid
        if run.peers:
            _, groups[goals.OLDER] = stack.enter_context(older(folder, at))
            pids[goals.OLDER] = groups[goals.OLDER]["ingest"]
            if REDIS is not None:
                _, groups["redis"] = stack.enter_context(redis(folder, at))
                pids["redis"] = groups["redis"]["ingest"]
        heard = wait(listeners, uptime(), _START_SECONDS)
        for one in listeners:
            if one.name in LIBRARIES and heard[one.name] is not None:
                pids[one.name] = one.pid
            elif one.name in LIBRARIES:
                run.figures.missing(1, goals.CPU, one.name, one.why_not())
        _settle(ours.database, run, rows)
        _windows(run, pids, groups)
        _memory(run, groups, ours.database)
    if run.peers and REDIS is None:
        run.figures.missing(1, goals.CPU, "redis", "no redis-server is installed")


def _settle(database: Path, run: Run, rows: set[int]) -> None:
    """Let pass what happens once: the watchdog's first comparison of all symbols, and the
    checkpoint of what that wrote. In the meantime, the largest rate held."""
    if 1 in rows:
        held(run)
    time.sleep(max(0.0, _SETTLE_SECONDS - _age(database)))


def _windows(run: Run, pids: dict[str, int], groups: dict[str, dict[str, int]]) -> None:
    # A multiple of the ten seconds between checkpoints, which write, too.
    count, seconds = int(run.pick(5, 24)), run.pick(2.0, 2.5)
    shares: dict[str, list[float]] = {name: [] for name in pids}
    before = {name: _written(group) for name, group in groups.items()}
    began = time.monotonic()
    for _ in range(count):
        start = {name: (machine.cpu_seconds(pid), time.monotonic()) for name, pid in pids.items()}
        time.sleep(seconds)
        for name, pid in pids.items():
            used, at = machine.cpu_seconds(pid), time.monotonic()
            shares[name].append(100 * (used - start[name][0]) / (at - start[name][1]))
    watched = time.monotonic() - began
    hours = watched / 3600
    for name, values in shares.items():
        run.figures.samples(1, goals.CPU, name, "%", values)
    for name, group in groups.items():
        handed, disk = _written(group)
        kernel = (handed - before[name].handed) / hours / 1e6
        note = f"{kernel:,.0f} MB handed to the kernel; reckoned from {watched:.0f} s"
        note += "; its snapshots, by a child, are not in it" if name == "redis" else ""
        rate = (disk - before[name].disk) / hours / 1e6
        run.figures.one(5, goals.DISK, name, "MB", rate, note)


def _written(group: dict[str, int]) -> machine.Written:
    each = [machine.written(pid) for pid in group.values()]
    return machine.Written(sum(one.handed for one in each), sum(one.disk for one in each))


def _memory(run: Run, groups: dict[str, dict[str, int]], database: Path) -> None:
    for name, group in groups.items():
        sizes = {each: machine.megabytes(pid) for each, pid in group.items()}
        parts = ", ".join(f"{each} {size:.1f}" for each, size in sizes.items())
        run.figures.one(5, goals.RSS, name, "MB", sum(sizes.values()), parts)
        shared = sum(machine.megabytes(pid, "Pss") for pid in group.values())
        run.figures.one(5, "memory in all, shared pages once, MB", name, "MB", shared)
        run.figures.one(5, goals.RSS_ONE, name, "MB", max(sizes.values()))
    wal = Path(f"{database}-wal")
    for what, path in (("database file", database), ("WAL file", wal)):
        note = f"{_age(database):.0f} s after the start; {_BOUNDS[what]}"
        run.figures.one(5, what, OURS, "MB", path.stat().st_size / 1e6, note)


def _age(database: Path) -> float:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as reader:
        (began,) = reader.execute("SELECT started_uptime FROM feed").fetchone()
    return uptime() - float(began)


def held(run: Run) -> None:
    """The largest multiple of the stream's rate that is stored without falling behind, while all
    the others listen at 1 ×."""
    best = 0.0
    note = ""
    for multiple in (50, 100) if run.quick else (25, 50, 75, 100, 150, 200, 300):
        note = _attempt(run, multiple, run.pick(2, 6))
        if note:
            break
        best = multiple
    seconds = run.pick(0, 60)
    while best and seconds and (again := _attempt(run, best, seconds)):
        note, best = again, best - 25
    why = f"for {seconds or 2:g} s; next: {note}" if note else f"for {seconds or 2:g} s"
    run.figures.one(1, goals.HELD, OURS, "×", best, why)


def _attempt(run: Run, multiple: float, seconds: float) -> str:
    return attempt(run.room(f"held-{multiple:g}-{seconds:g}"), multiple, seconds)
