"""What every row is given: where to work, how long, and where the figures go."""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from harness.bench.figures import Figures
from harness.bench.programs import PEERS_PYTHON, PYTHON, ROOT, environment, module

Samples = list[float]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the load saw: milliseconds per answer, errors, answers per second, its own CPU."""

    ms: Samples
    errors: int
    per_second: float
    cpu: float


@dataclass(slots=True)
class Run:
    """One run of the whole."""

    folder: Path
    quick: bool
    peers: bool
    figures: Figures = field(default_factory=Figures)
    busiest_load: float = 0.0

    def pick(self, quick: float, full: float) -> float:
        """One of two durations or counts."""
        return quick if self.quick else full

    def room(self, name: str) -> Path:
        """A folder of its own for one part; short, for unix sockets."""
        path = self.folder / name
        path.mkdir()
        return path

    def load(
        self, port: int, targets: list[str], connections: int, seconds: float, *options: str
    ) -> Loaded:
        """Ask that port, from a process of its own."""
        done = subprocess.run(
            module("harness.bench.load", port, connections, seconds, *options),
            cwd=ROOT, env=environment(), input=json.dumps(targets), stdout=subprocess.PIPE,
            text=True, timeout=seconds + 30, check=True,
        )  # fmt: skip
        seen = json.loads(done.stdout)
        if seen["ms"]:
            self.busiest_load = max(self.busiest_load, seen["cpu"])
        answers = len(seen["ms"]) / seen["seconds"]
        return Loaded(seen["ms"], seen["errors"], answers, seen["cpu"])


def missing_peers() -> str:
    """Why no peer can run; empty when they can."""
    if PEERS_PYTHON.exists():
        return ""
    return "var/bench-venv is not there: run without --no-peers, with a package index in reach"


def missing_service() -> str:
    """Why ours cannot run; empty when it can."""
    return "" if PYTHON.exists() else ".venv is not there: scripts/run or scripts/test makes it"
