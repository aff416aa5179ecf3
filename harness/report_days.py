"""All made-up days of the report on many seeds: how many are judged as they should be.

`.venv/bin/python -m harness.report_days --symbols 520 --seeds 2` takes about three seconds a day
and core. Exit 0 when each fair day says GO and no sabotaged one does.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from typing import NamedTuple

from tests.support import odd_days
from tests.support.odd_cases import FAIR, SABOTAGED
from tests.support.report_days import failed, run
from tests.support.report_world import tamper


class Judged(NamedTuple):
    """One day, and the criteria that it fails."""

    name: str
    seed: int
    fails: set[str]

    @property
    def right(self) -> bool:
        return bool(self.fails) is (self.name in SABOTAGED)


def judge(plain: Path, name: str, seed: int, many: int) -> Judged:
    """The day `name`, made of the fair day at `plain` or by itself."""
    case = {**FAIR, **SABOTAGED}[name]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "funding.db"
        if case.made:
            odd_days.build(path, seed, many=many, **case.made)
        else:
            shutil.copy(plain, path)
        tamper(path, case.script(many), honest=case.honest)
        _, report = run(path, "--no-store", now=odd_days.END)
    return Judged(name, seed, failed(report))


def judge_all(many: int, seeds: int, processes: int, names: Sequence[str]) -> list[Judged]:
    """Each of `names` on each seed."""
    os.environ["FUNDING_MIN_SYMBOLS"] = str(min(500, many - 20))
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(processes) as pool:
        plain = {seed: Path(folder) / f"{seed}.db" for seed in range(seeds)}
        for built in [pool.submit(odd_days.build, plain[s], s, many=many) for s in plain]:
            built.result()
        days = [pool.submit(judge, plain[s], name, s, many) for s, name in product(plain, names)]
        return [day.result() for day in days]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print each day that is judged wrongly, and the figures; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--symbols", type=int, default=520, help="(520)")
    parser.add_argument("--seeds", type=int, default=2, help="(2)")
    parser.add_argument("--processes", type=int, default=2, help="(2)")
    parser.add_argument("--only", action="append", metavar="DAY", help="a day, by its name (all)")
    asked = parser.parse_args(arguments)
    names = asked.only or [*FAIR, *SABOTAGED]
    found = judge_all(asked.symbols, asked.seeds, asked.processes, names)
    for day in found:
        if not day.right:
            print(f"{day.name}, seed {day.seed}: {', '.join(sorted(day.fails)) or 'GO'}")
    for kind, of_kind in (("fair", FAIR), ("sabotaged", SABOTAGED)):
        days = [day for day in found if day.name in of_kind]
        print(f"{sum(not day.fails for day in days)} of {len(days)} {kind} days say GO")
    return 0 if all(day.right for day in found) else 1


if __name__ == "__main__":
    sys.exit(main())
