"""Rows 1 and 5: what listening costs, in CPU, memory and disk, side by side on one stream."""

import sqlite3
import time
from contextlib import ExitStack, closing
from pathlib import Path

from harness.bench import goals, process_figures
from harness.bench.contenders import REDIS, Checkout, group_pids, older, redis, wait_for_answer
from harness.bench.figures import OURS
from harness.bench.listeners import LIBRARIES, Listener, uptime, wait
from harness.bench.measuring import Run
from harness.bench.sustained_rate import attempt
from harness.group import Group
from harness.processes import module, running
from harness.stand_in import StandIn

_START_SECONDS = 12.0
_SETTLE_SECONDS = 17.0
_BOUNDS = {
    "database file": "grows with the comparisons alone, and those are kept for days",
    "WAL file": "starts again every ten seconds, so it is no larger after an hour",
}


def measure(
    run: Run,
    rows: set[int],
    folder: Path,
    at: StandIn,
    services: dict[str, Group],
    listeners: list[Listener],
) -> None:
    """All of them listen at once; CPU is read in windows, so that each sees the same frames."""
    ours = services[OURS]
    with ExitStack() as stack:
        groups = {name: group_pids(group) for name, group in services.items()}
        pids = {name: group["funding:ingest"] for name, group in groups.items()}
        floor = module("harness.bench.floors.bare_ingest", folder, 1)
        pids[goals.BARE] = stack.enter_context(running(floor, folder / "floor.log")).pid
        for name, peer in ((goals.OLDER, older), ("redis", redis)) if run.peers else ():
            if name != "redis" or REDIS:
                port, groups[name] = stack.enter_context(peer(folder, at.address))
                wait_for_answer(port)
                pids[name] = groups[name]["ingest"]
        heard = wait(listeners, uptime(), _START_SECONDS)
        for one in listeners:
            if one.name in LIBRARIES and heard[one.name] is not None:
                pids[one.name] = one.pid
            elif one.name in LIBRARIES:
                run.figures.missing(1, goals.CPU, one.name, one.why_not())
        _settle(ours.database, run, rows)
        _windows(run, pids, groups)
        _memory(run, groups, ours.database)
    if run.peers and not REDIS:
        run.figures.missing(1, goals.CPU, "redis", "no redis-server is installed")


def _settle(database: Path, run: Run, rows: set[int]) -> None:
    """Let pass what happens once: the watchdog's first comparison of all symbols, and the
    checkpoint of what that wrote. In the meantime, the largest rate that is sustained."""
    if 1 in rows:
        for checkout in run.checkouts:
            sustained_rate(run, checkout)
    time.sleep(max(0.0, _SETTLE_SECONDS - _age(database)))


def _windows(run: Run, pids: dict[str, int], groups: dict[str, dict[str, int]]) -> None:
    # A multiple of the ten seconds between checkpoints, which write, too.
    count, seconds = int(run.pick(5, 24)), run.pick(2.0, 2.5)
    shares: dict[str, list[float]] = {name: [] for name in pids}
    before = {name: _written(group) for name, group in groups.items()}
    began = time.monotonic()
    for _ in range(count):
        start = {
            name: (process_figures.cpu_seconds(pid), time.monotonic()) for name, pid in pids.items()
        }
        time.sleep(seconds)
        for name, pid in pids.items():
            used, at = process_figures.cpu_seconds(pid), time.monotonic()
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
        run.figures.single(5, goals.DISK, name, "MB", rate, note)


def _written(group: dict[str, int]) -> process_figures.Written:
    each = [process_figures.written(pid) for pid in group.values()]
    return process_figures.Written(sum(one.handed for one in each), sum(one.disk for one in each))


def _memory(run: Run, groups: dict[str, dict[str, int]], database: Path) -> None:
    for name, group in groups.items():
        sizes = {each: process_figures.megabytes(pid) for each, pid in group.items()}
        parts = ", ".join(f"{each} {size:.1f}" for each, size in sizes.items())
        run.figures.single(5, goals.RSS, name, "MB", sum(sizes.values()), parts)
        shared = sum(process_figures.megabytes(pid, "Pss") for pid in group.values())
        run.figures.single(5, "memory in all, shared pages once, MB", name, "MB", shared)
        run.figures.single(5, goals.RSS_ONE, name, "MB", max(sizes.values()))
    wal = Path(f"{database}-wal")
    for what, path in (("database file", database), ("WAL file", wal)):
        note = f"{_age(database):.0f} s after the start; {_BOUNDS[what]}"
        run.figures.single(5, what, OURS, "MB", path.stat().st_size / 1e6, note)


def _age(database: Path) -> float:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as reader:
        (began,) = reader.execute("SELECT started_uptime FROM feed").fetchone()
    return uptime() - float(began)


def sustained_rate(run: Run, checkout: Checkout) -> None:
    """The largest multiple of the stream's rate that is stored without falling behind, while all
    the others listen at 1 ×."""

    def falls_behind(multiple: float, seconds: float) -> str:
        folder = run.make_folder(f"{checkout.name}-{multiple:g}-{seconds:g}")
        return attempt(checkout, folder, multiple, seconds)

    best = 0.0
    note = ""
    for multiple in (50, 100) if run.quick else (25, 50, 75, 100, 150, 200, 300):
        note = falls_behind(multiple, run.pick(2, 6))
        if note:
            break
        best = multiple
    seconds = run.pick(0, 60)
    while best and seconds and (again := falls_behind(best, seconds)):
        note, best = again, best - 25
    why = f"for {seconds or 2:g} s" + (f"; next: {note}" if note else "")
    run.figures.single(1, goals.SUSTAINED, checkout.name, "×", best, why)
