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

from harness.bench import goals, machine, setup, table  # noqa: E402
from harness.bench.clients import LIBRARIES, Listener, Ours, libraries  # noqa: E402
from harness.bench.figures import OURS  # noqa: E402
from harness.bench.page import page  # noqa: E402
from harness.bench.programs import complain, module  # noqa: E402
from harness.bench.rows import growth, ingest, lookup, recovery, visibility  # noqa: E402
from harness.bench.run import Run, missing_peers, missing_service  # noqa: E402
from harness.bench.service import REDIS, exchange, older, redis, service, shared  # noqa: E402


def listening(run: Run, rows: set[int]) -> None:
    """Rows 1, 5 and 7: everybody on one stream."""
    folder = run.room("a")
    with ExitStack() as stack:
        at = stack.enter_context(exchange(folder))
        ours = stack.enter_context(service(folder / "s", at.stream, f"http://{at.address}"))
        listeners: list[Listener] = [Ours(ours.processes["ingest"], ours.database)]
        if run.peers:
            listeners += stack.enter_context(libraries(folder, at))
        if rows & {1, 5}:
            ingest.measure(run, rows, folder, at, ours, listeners)
        if 7 in rows:
            recovery.measure(run, at, listeners)


def asking(run: Run, _rows: set[int]) -> None:
    """Rows 3 and 4: everybody answers while ingest runs."""
    folder = run.room("b")
    with ExitStack() as stack:
        at = stack.enter_context(exchange(folder))
        ours = stack.enter_context(service(folder / "s", at.stream, f"http://{at.address}"))
        constant = shared(module("harness.bench.floors.constant"), folder / "constant.log")
        ports = {OURS: ours.port, goals.CONSTANT: stack.enter_context(constant)}
        if run.peers:
            ports[goals.OLDER], _ = stack.enter_context(older(folder, at))
            if REDIS is not None:
                ports["redis"], _ = stack.enter_context(redis(folder, at))
            else:
                run.figures.missing(3, "one, 1 conn.", "redis", "no redis-server is installed")
        time.sleep(2)
        lookup.measure(run, ours, ports)


@contextmanager
def _said(what: str) -> Iterator[None]:
    began = time.monotonic()
    complain(f"{what} …")
    yield
    complain(f"{what}: {time.monotonic() - began:.0f} s")


def measured(run: Run, rows: set[int]) -> None:
    """All rows that are asked for."""
    if rows & {1, 5, 7}:
        with _said("listening: rows 1, 5, 7"):
            listening(run, rows)
    if 2 in rows:
        with _said("visibility: row 2"):
            visibility.measure(run)
    if rows & {3, 4}:
        with _said("asking: rows 3, 4"):
            asking(run, rows)
    if 6 in rows:
        with _said("growth: row 6"):
            growth.measure(run)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench.py", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="under two minutes, with less certain figures")
    add("--no-peers", action="store_true", help="ours and the floors; installs nothing")
    add("--rows", default="1234567", help="which rows of the table, such as 12 (1234567)")
    add("--json", metavar="FILE", help="the figures as JSON; - for stdout instead of the table")
    add("--html", metavar="FILE", help="the figures as a page with bars")
    return parser


def main() -> int:
    """Exit codes: 0 measured, whether or not the goals are met; 2 it cannot run."""
    given = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    if why := missing_service():
        print(f"bench: {why}", file=sys.stderr)
        return 2
    if not given.no_peers:
        setup.prepare()
    heading = f"{machine.described()}, {'a quick run' if given.quick else 'a full run'}"
    with tempfile.TemporaryDirectory(prefix="fb-", ignore_cleanup_errors=True) as folder:
        run = Run(Path(folder), given.quick, not given.no_peers and not missing_peers())
        measured(run, {int(each) for each in given.rows})
    if not run.peers:
        for name in (goals.OLDER, "redis", *LIBRARIES):
            run.figures.missing(1, goals.CPU, name, missing_peers() or "--no-peers")
    heading += f"; the load took at most {run.busiest_load:.0%} of a core"
    report(given, run, heading)
    return 0


def report(given: argparse.Namespace, run: Run, heading: str) -> None:
    """The table, and the files asked for."""
    data = {"heading": heading, "figures": run.figures.data(), "goals": table.goals(run.figures)}
    if given.json == "-":
        print(json.dumps(data, ensure_ascii=False))
    else:
        print(table.text(run.figures, heading))
        if given.json:
            Path(given.json).write_text(json.dumps(data, ensure_ascii=False, indent=1), "utf-8")
    if given.html:
        Path(given.html).write_text(page(run.figures, heading), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
