#!/usr/bin/env python3
"""Breaks one place of a core module at a time, and prints the mutants that its own tests miss.

Places are drawn at random; the same seed draws the same ones. Only a copy of the tree is changed.
The own tests of `funding/store/outbox.py` are `tests/funding/store/test_outbox*.py`.
"""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 120.0  # for the tests of one mutant: what takes longer hangs, and is noticed
CORE = {
    "funding/exchanges/binance": ("rows", "stream"),
    "funding/comparison": ("difference", "pair"),
    "funding/health": ("checks", "data_checks"),
    "funding/watchdog": ["restart_rules"],
    "funding/ingest": ("connection_policy", "connection_slot", "liveness", "bars", "meaning"),
    "funding/statistics": ("score", "zones", "signals", "thresholds"),
    "funding/consumers": ("volume_rules", "open_interest_rules"),
    "funding/notify": ["sender"],
    "funding/store": ("outbox", "writer", "quote_table"),
    "funding/rest": ["limiter"],
    "validation/criteria": ("agreement", "coverage"),
}
MODULES = [f"{room}/{name}.py" for room, names in CORE.items() for name in names]


def tests_of(root: Path, module: str) -> list[str]:
    """The test files of `module` under `root`: the trees are the same, and some files are split."""
    return sorted(map(str, (root / "tests" / module).parent.glob(f"test_{Path(module).stem}*.py")))


def mutants(source: str) -> dict[tuple[int, int], list[str]]:
    """By place (line, column): `source` with each change that Cosmic Ray knows for it."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator, operator_names

    found: dict[tuple[int, int], list[str]] = {}
    for operator in map(get_operator, operator_names()):
        if operator.arguments() or "_BitOr_" in operator.__name__:  # here, `|` stands in types
            continue
        each: Any = operator()
        places = [at for node in ast_nodes(get_ast(source)) for at in each.mutation_positions(node)]
        for number, (begin, _) in enumerate(places):
            with suppress(AttributeError):  # it cannot replace the `errors.X` of an `except`
                changed = mutate_code(source, each, number)
                found.setdefault(begin, []).append(changed)
    return found


def noticed(copy: Path, module: str) -> bool:
    """Whether the tests of `module` in `copy` fail or hang."""
    command = [sys.executable, "-Bm", "pytest", "-qxp", "no:cacheprovider", *tests_of(copy, module)]
    how: dict[str, Any] = {"cwd": copy, "capture_output": True, "timeout": SECONDS}
    try:
        return subprocess.run(command, check=False, **how).returncode != 0  # noqa: S603
    except subprocess.TimeoutExpired:
        return True


def judge(copy: Path, module: str, count: int, seed: str) -> int:
    """Print which of `count` mutants the tests of `module` miss; returns how many."""
    path = copy / module
    source = path.read_text("utf-8")
    if noticed(copy, module):
        sys.exit(f"the tests of {module} fail as it is")
    dice, every, missed = random.Random(f"{seed} {module}"), mutants(source), 0
    places = sorted(dice.sample(sorted(every), min(count, len(every))))
    for line, column in places:
        changed = dice.choice(every[line, column])
        path.write_text(changed, "utf-8")
        if not noticed(copy, module):
            missed += 1
            before, after = (text.splitlines()[line - 1].strip() for text in (source, changed))
            print(f"{module}:{line}:{column}\n  - {before}\n  + {after}")
    path.write_text(source, "utf-8")
    print(f"{module}: {len(places) - missed} of {len(places)} noticed", flush=True)
    return missed


def main() -> int:
    """Exit codes: 0 each mutant was noticed, 1 some were missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="instead of all core modules")
    parser.add_argument("--count", type=int, default=15, help="mutants of each module (15)")
    parser.add_argument("--seed", default=str(random.SystemRandom().getrandbits(32)))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    with tempfile.TemporaryDirectory() as folder:
        copy, left_out = Path(folder, "copy"), shutil.ignore_patterns(".*", "var", "__pycache__")
        shutil.copytree(ROOT, copy, ignore=left_out)
        modules = options.modules or MODULES
        missed = [judge(copy, module, options.count, options.seed) for module in modules]
    return int(any(missed))


if __name__ == "__main__":
    sys.exit(main())
