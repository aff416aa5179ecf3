#!/usr/bin/env python3
"""Feeds damaged input to everything that reads input from outside.

Cases are new each time. The first one that is not refused as documented is reduced to its smallest
form and printed.
"""

import argparse
import random
import signal
import sys
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

try:
    from hypothesis import HealthCheck, given, seed, settings

    from harness.fuzz.targets import TARGETS, Target
except ModuleNotFoundError as error:
    sys.exit(f"{error.name} is missing: scripts/test installs what this needs")

LONGEST_SECONDS = 60
"""For one case: what takes longer hangs, and that is a finding."""
ROUND = 500
"""Cases before the next seed."""


class Hangs(Exception):
    """A case took too long."""


def main() -> int:
    """Exit codes: 0 nothing found, 1 something was."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--minutes", type=float, default=1.0, help="for each target (1)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    options = parser.parse_args()
    unknown = set(options.targets) - TARGETS.keys()
    if unknown:
        parser.error(f"no target {', '.join(sorted(unknown))}")
    found = 0
    for name in options.targets or TARGETS:
        cases, error = fuzz(TARGETS[name], options.minutes * 60, options.seed)
        print(
            f"{name}: {cases:,} cases, {'nothing found' if error is None else 'FOUND'}", flush=True
        )
        if error is not None:
            found = 1
            traceback.print_exception(error)
    return found


def fuzz(target: Target, seconds: float, first_seed: int) -> tuple[int, BaseException | None]:
    """How many cases were tried, and what came of the first bad one."""

    def hangs(_number: int, _frame: object) -> None:
        raise Hangs(f"a case of more than {LONGEST_SECONDS} s")

    signal.signal(signal.SIGALRM, hangs)
    tried, end, number = 0, time.monotonic() + seconds, first_seed
    with target.world() as check:

        def test(case: object) -> None:
            nonlocal tried
            if time.monotonic() < end:
                tried += 1
                signal.alarm(LONGEST_SECONDS)
                check(case)
                signal.alarm(0)

        many = settings(
            max_examples=ROUND,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        while time.monotonic() < end:
            try:
                seed(number)(many(given(target.cases)(test)))()
            except (Exception, ExceptionGroup) as error:  # noqa: BLE001 - what it is, is the finding
                return tried, error
            finally:
                signal.alarm(0)
            number += 1
    return tried, None


if __name__ == "__main__":
    sys.exit(main())
