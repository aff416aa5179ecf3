#!/usr/bin/env python3
"""Runs the whole group under supervisord against the stand-in exchange, with a random fault every
few seconds and clients that ask meanwhile, and gives a verdict at the end.

At speed S ticks come S times as often, and the settings that are seconds are an S-th of their
defaults. In the first two fifths of the time programs are killed and stopped and databases are
destroyed too. After that only those faults go on that every program must survive, so that growth
can be seen. Ctrl-C ends it with the report so far.
Exit codes: 0 nothing failed, 1 something failed, 2 it cannot run.
"""

import argparse
import os
import platform
import shutil
import signal
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from harness.group import NotRunning  # noqa: E402
from harness.soak.report import data, markdown  # noqa: E402
from harness.soak.run import Soak, make_folder  # noqa: E402
from harness.soak.speed import Speed  # noqa: E402
from harness.soak.verdict import verdicts  # noqa: E402
from harness.tables import failed, missing  # noqa: E402


def _number(least: float, most: float) -> "type[float]":
    def cast(text: str) -> float:
        value = float(text)
        if not least <= value <= most:
            raise ValueError
        return value

    cast.__name__ = f"number from {least:g} to {most:g}"
    return cast  # type: ignore[return-value]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/soak.py", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add = parser.add_argument
    add("--hours", type=_number(0.002, 1000), default=1.0, help="how long (1)")
    add("--speed", type=_number(0.2, 20), default=5.0, help="ticks per second and class (5)")
    add("--seed", type=int, default=1, help="another order of faults, other prices (1)")
    add("--few", action="store_true", help="40 symbols instead of 962")
    add("--json", metavar="FILE", help="everything that was measured, as JSON")
    return parser


def main() -> int:
    """The exit code."""
    given = _parser().parse_args()
    if why := missing():
        print(f"soak: {why}", file=sys.stderr)
        return 2
    speed, began = Speed(given.speed, given.few), time.monotonic()

    def tell(text: str) -> None:
        print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)

    soak = Soak(given.hours * 3600, speed, given.seed, tell)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda caught, _: soak.stopping.append(caught))
    folder = make_folder()
    tell(f"soaking in {folder}")
    try:
        seen = soak.run(folder)
    except NotRunning as error:
        print(f"soak: cannot run: {error}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        return 2
    found = verdicts(seen)
    minutes = (time.monotonic() - began) / 60
    heading = (
        f"{minutes:.0f} minutes at speed {given.speed:g} with seed {given.seed},"
        f" {len(seen.faults)} faults; {os.cpu_count()} cores, load {seen.load:.1f} on average,"
        f" Python {platform.python_version()}"
    )
    print(f"\n{markdown(heading, found, seen)}")
    if given.json:
        Path(given.json).write_bytes(data(heading, found, seen))
    if failed(found):
        print(f"\nlogs and databases are kept in {folder}")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
