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
from pathlib import Path

from harness import tables
from harness.bench.process_figures import machine
from harness.machines import faults, verdicts
from harness.machines.network import NetworkError, why_not
from harness.machines.scene import scene
from harness.machines.servers import NoServer

PARTITION_SECONDS = 30.0
QUICK_SECONDS = 10.0


def prove(chosen: list[str], seconds: float, server: Path | None, more: str) -> int:
    """Do the faults, one after the other, and judge; the exit code."""
    began = time.monotonic()

    def say(words: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {words}", flush=True)

    found: list[tables.Criterion] = []
    with (
        tempfile.TemporaryDirectory(prefix="fm-") as folder,
        scene(Path(folder), say, server=server, more=more) as made,
    ):
        for name in chosen:
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


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m harness.machines", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="three faults, partitions of 10 s: some 2 minutes")
    add("--fault", choices=list(faults.FAULTS), action="append", help="this one alone")
    add("--seconds", type=float, default=0.0, help="how long partitions last (30)")
    add("--server", type=Path, help="this nats-server instead of the one of PATH")
    add("--jetstream", default="", metavar="LINE", help="as in `sync_interval: always`")
    given = parser.parse_args()
    if words := why_not() or tables.missing():
        print(f"harness.machines: {words}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that all of it is removed
    usual = faults.QUICK if given.quick else list(faults.FAULTS)
    seconds = given.seconds or (QUICK_SECONDS if given.quick else PARTITION_SECONDS)
    print(machine(), flush=True)
    try:
        return prove(list(given.fault or usual), seconds, given.server, given.jetstream)
    except (NetworkError, NoServer) as error:
        print(f"harness.machines: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
