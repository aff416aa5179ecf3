#!/usr/bin/env python3
"""Measures speed and memory, beside what a user would run instead, in one run on one machine.

Starts real processes on free loopback ports, in a temporary folder. All of them are asked in turn,
round after round, so that ratios hold on a busy machine too. Takes about a quarter of an hour.
"""

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from harness.bench import figures_table, goals, peer_packages, process_figures  # noqa: E402
from harness.bench.contenders import (  # noqa: E402
    REDIS,
    older,
    redis,
    shared,
    wait_for_answer,
)
from harness.bench.figures import OURS  # noqa: E402
from harness.bench.listeners import LIBRARIES, Listener, Ours, libraries  # noqa: E402
from harness.bench.measuring import Run  # noqa: E402
from harness.bench.peer_packages import print_progress  # noqa: E402
from harness.bench.rows import growth, ingest, lookup, recovery, visibility  # noqa: E402
from harness.group import Group  # noqa: E402
from harness.processes import module  # noqa: E402
from harness.stand_in import StandIn, stand_in  # noqa: E402
from harness.tables import missing  # noqa: E402


@contextmanager
def services(run: Run, folder: Path) -> Iterator[tuple[StandIn, dict[str, Group]]]:
    """An exchange with all symbols, and every version of the service on it."""
    with ExitStack() as stack:
        at = stack.enter_context(stand_in(folder, count=()))
        yield at, {each.name: stack.enter_context(each.group(at)) for each in run.checkouts}


def listening(run: Run, rows: set[int]) -> None:
    """Rows 1, 5 and 7: all of them on one stream."""
    folder = run.make_folder("a")
    with ExitStack() as stack:
        at, groups = stack.enter_context(services(run, folder))
        listeners: list[Listener] = [
            Ours(OURS, groups[OURS].programs()["funding:ingest"], groups[OURS].database)
        ]
        if run.peers:
            listeners += stack.enter_context(libraries(folder, at))
        if rows & {1, 5}:
            ingest.measure(run, rows, folder, at, groups, listeners)
        if 7 in rows:
            recovery.measure(run, at, listeners)


def asking(run: Run) -> None:
    """Rows 3 and 4: all of them answer while ingest runs."""
    folder = run.make_folder("b")
    with ExitStack() as stack:
        at, groups = stack.enter_context(services(run, folder))
        constant = shared(module("harness.bench.floors.constant"), folder / "constant.log")
        ports = {name: group.port for name, group in groups.items()}
        ports[goals.CONSTANT] = stack.enter_context(constant)
        for name, peer in ((goals.OLDER, older), ("redis", redis)) if run.peers else ():
            if name != "redis" or REDIS:
                ports[name], _ = stack.enter_context(peer(folder, at.address))
            else:
                run.figures.missing(3, "one, 1 conn.", name, "no redis-server is installed")
        for port in ports.values():
            wait_for_answer(port)
        time.sleep(2)
        lookup.measure(run, groups[OURS], ports)


@contextmanager
def _progress(what: str) -> Iterator[None]:
    began = time.monotonic()
    print_progress(f"{what} …")
    yield
    print_progress(f"{what}: {time.monotonic() - began:.0f} s")


def measured(run: Run, rows: set[int]) -> None:
    """All rows that are asked for."""
    if rows & {1, 5, 7}:
        with _progress("listening: rows 1, 5, 7"):
            listening(run, rows)
    if 2 in rows:
        with _progress("visibility: row 2"):
            visibility.measure(run)
    if rows & {3, 4}:
        with _progress("asking: rows 3, 4"):
            asking(run)
    if 6 in rows:
        with _progress("growth: row 6"):
            growth.measure(run)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench.py", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="under two minutes, with less certain figures")
    add("--no-peers", action="store_true", help="ours and the floors; installs nothing")
    add("--rows", default="1234567", help="which rows of the table, such as 12 (1234567)")
    add("--json", metavar="FILE", help="the figures as JSON; - for stdout instead of the table")
    add("--html", metavar="FILE", help="the tables as a page")
    beside = "a checkout of another version, with its own .venv, to be measured in the same run"
    add("--beside", metavar="FOLDER", type=Path, help=beside)
    return parser


def main() -> int:
    """Exit codes: 0 measured, whatever was missed; 2 it cannot run."""
    given = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    roots = [root for root in (ROOT, given.beside) if root]
    bare = [f"{root} has no .venv" for root in roots if not (root / ".venv/bin/python").exists()]
    if why := missing() or "; ".join(bare):
        print(f"bench: {why}", file=sys.stderr)
        return 2
    if not given.no_peers:
        peer_packages.install()
    heading = f"{process_figures.machine()}, {'a quick run' if given.quick else 'a full run'}"
    beside = given.beside and given.beside.resolve()
    with tempfile.TemporaryDirectory(prefix="fb-", ignore_cleanup_errors=True) as folder:
        peers = not given.no_peers and not peer_packages.missing()
        run = Run(Path(folder), given.quick, peers, beside)
        measured(run, {int(each) for each in given.rows})
    if not run.peers:
        for name in (goals.OLDER, "redis", *LIBRARIES):
            run.figures.missing(1, goals.CPU, name, peer_packages.missing() or "--no-peers")
    heading += f"; the load took at most {run.busiest_load:.0%} of a core"
    report(given, run, heading)
    return 0


def report(given: argparse.Namespace, run: Run, heading: str) -> None:
    """The tables, and the files asked for."""
    judged = [each._asdict() for each in goals.judge(run.figures)]
    data = {"heading": heading, "figures": run.figures.data(), "goals": judged}
    if given.json == "-":
        print(json.dumps(data, ensure_ascii=False))
    else:
        print(figures_table.text(run.figures, heading))
        if given.json:
            Path(given.json).write_text(json.dumps(data, ensure_ascii=False, indent=1), "utf-8")
    if given.html:
        page = figures_table.text(run.figures, heading, "html")
        Path(given.html).write_text(f"<!doctype html><meta charset='utf-8'>\n{page}", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
