"""What every row is given: where to work, how long, what is compared, where the figures go."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from harness.bench.contenders import BEFORE, Checkout
from harness.bench.figures import Figures
from harness.processes import module, output


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the load saw: milliseconds per answer, errors, answers per second, its own CPU."""

    ms: list[float]
    errors: int
    per_second: float
    cpu: float


@dataclass(slots=True)
class Run:
    """One run. With `beside`, a checkout of another version is measured, too."""

    folder: Path
    quick: bool
    peers: bool
    beside: Path | None = None
    figures: Figures = field(default_factory=Figures)
    busiest_load: float = 0.0

    @property
    def checkouts(self) -> list[Checkout]:
        """Ours first."""
        return [Checkout(), *([Checkout(BEFORE, self.beside)] if self.beside else [])]

    def pick(self, quick: float, full: float) -> float:
        """One of two durations or counts."""
        return quick if self.quick else full

    def make_folder(self, name: str) -> Path:
        """A folder of its own for one part; short, for unix sockets."""
        path = self.folder / name
        path.mkdir()
        return path

    def load(
        self, port: int, targets: list[str], connections: int, seconds: float, *options: str
    ) -> Loaded:
        """Ask that port, from a process of its own."""
        command = module("harness.bench.load", port, connections, seconds, *options)
        seen = json.loads(output(command, seconds + 30, json.dumps(targets)))
        if seen["ms"]:
            self.busiest_load = max(self.busiest_load, seen["cpu"])
        answers = len(seen["ms"]) / seen["seconds"]
        return Loaded(seen["ms"], seen["errors"], answers, seen["cpu"])
