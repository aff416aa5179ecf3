"""Several machines on one: `python -m harness.machines`, as root. See docs/machines.md.

Three nats-servers, two takers with one stand-in exchange, and readers of every kind, each in a
network namespace of its own. Faults are done to them one after the other. Exit 0 when every goal
was met, 1 when one was missed, 2 when it cannot be tried here.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from harness import tables
from harness.bench.process_figures import machine
from harness.machines import cost, faults, lookups, verdicts
from harness.machines.network import NetworkError, why_not
from harness.machines.scene import scene
from harness.machines.servers import NoServer

PARTITION_SECONDS = 30.0
QUICK_SECONDS = 10.0
MEASURED_SECONDS = 60.0


def prove(given: argparse.Namespace, folder: Path, say: Callable[[str], None]) -> int:
    """Do the faults, one after the other, and judge; the exit code."""
    usual = faults.QUICK if given.quick else list(faults.FAULTS)
    seconds = given.seconds or (QUICK_SECONDS if given.quick else PARTITION_SECONDS)
    found: list[tables.Criterion] = []
    with scene(folder, say, server=given.server, sync=given.sync) as made:
        for name in given.fault or usual:
            say(f"fault: {name}")
            judged = faults.FAULTS[name](made, seconds)
            for each in judged:
                say(f"  {each.verdict}  {each.name}: {each.figures}")
            found += judged
        say("the trail and the order")
        found += [*verdicts.trail(made), *verdicts.order(made)]
        told = list(verdicts.duplicates(made))
    print(tables.criteria_table(found, "github"))
    for line in told:
        print(line)
    for missed in tables.failed(found):
        print("\n".join((f"missed: {missed.name}: {missed.figures}", *missed.details)))
    return 1 if tables.failed(found) else 0


def measure(given: argparse.Namespace, folder: Path, say: Callable[[str], None]) -> int:
    """What publishing costs; 0."""
    cost.measure(given.seconds or MEASURED_SECONDS, folder, say, given.server)
    return 0


def look_up(given: argparse.Namespace, folder: Path, say: Callable[[str], None]) -> int:
    """Lookups on many hosts; 1 where one was missed."""
    seconds = given.seconds or MEASURED_SECONDS
    asked = given.hosts, given.rate, seconds, given.via
    return lookups.measure(*asked, folder, say, given.server)


RUNS = {"faults": prove, "cost": measure, "lookups": look_up}


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(prog="python -m harness.machines", description=__doc__)
    add = made.add_argument
    add("run", choices=list(RUNS), nargs="?", default="faults", help="what is done (faults)")
    add("--quick", action="store_true", help="three faults, partitions of 10 s: two minutes")
    add("--fault", choices=list(faults.FAULTS), action="append", help="this one alone")
    add("--seconds", type=float, default=0.0, help="of a partition (30) or of measuring (60)")
    add("--hosts", type=int, default=10, help="that look up (10)")
    add("--rate", type=float, default=1_000.0, help="lookups a second on each (1000)")
    add("--via", choices=["client", "api"], default="client", help="what they ask (client)")
    add("--server", type=Path, help="this nats-server instead of the one of PATH")
    add("--sync", default="always", help="sync_interval of the servers (always)")
    return made


def main() -> int:
    """The exit code."""
    given, began = parser().parse_args(), time.monotonic()
    if words := why_not() or tables.missing():
        print(f"harness.machines: {words}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that all of it is removed
    print(machine(), flush=True)

    def say(words: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {words}", flush=True)

    try:
        with tempfile.TemporaryDirectory(prefix="fm-") as folder:
            return RUNS[given.run](given, Path(folder), say)
    except (NetworkError, NoServer) as error:
        print(f"harness.machines: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("harness.machines: stopped; all of it is removed", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
