"""Lookups on many hosts: each a network namespace whose program asks for one symbol at a time."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from harness import tables
from harness.machines.asker import WARM_SECONDS, Figures
from harness.machines.cost import ALL_SYMBOLS
from harness.machines.network import Machine
from harness.machines.scene import API_PORT, Scene, scene
from harness.machines.usage import Usage, programs
from harness.processes import Process, finished, kill, module, start, tied, until


@dataclass(slots=True)
class Hosts:
    """The hosts that ask, and what serves them there."""

    scene: Scene
    folder: Path
    asking: list[Process] = field(default_factory=list)
    serving: dict[str, Process] = field(default_factory=dict)

    def begin(self, number: int, via: str, rate: float, seconds: float) -> None:
        """One host more."""
        machine = self.scene.network.machine(f"host{number}")
        address: object = self.scene.cluster.url("reader")
        if via == "api":
            self._serve(machine)
            address = API_PORT
        words = module("harness.machines.asker", via, address, rate, seconds)
        log = self.folder / f"{machine.name}.log"
        self.asking.append(start(tied(*machine.command(*words)), log, piped=True))

    def _serve(self, machine: Machine) -> None:
        command = machine.command(
            sys.executable, "api.py", "--from", self.scene.cluster.url("reader")
        )
        settings = {"FUNDING_API_PORT": API_PORT}
        copy = self.scene.takers["taker1"].group.folder
        log = self.folder / f"{machine.name}-api.log"
        name = f"{machine.name}: api.py"
        self.serving[name] = start(command, log, cwd=copy, settings=settings)
        asked = machine.command("curl", "-sf", f"http://127.0.0.1:{API_PORT}/readyz")

        def ready() -> bool:
            return finished(asked).returncode == 0

        until(ready, f"{name} is ready")

    def answers(self, seconds: float) -> list[Figures]:
        """What each saw, when all have ended."""
        return [Figures(*json.loads(each.communicate(timeout=seconds)[0])) for each in self.asking]

    def end(self) -> None:
        """Nothing of them runs any more."""
        for process in (*self.asking, *self.serving.values()):
            kill(process)
            process.wait()


def measure(
    hosts: int, rate: float, seconds: float, via: str, folder: Path,
    say: Callable[[str], None], server: Path | None,
) -> int:  # fmt: skip
    """One taker with all symbols, and `hosts` that ask; 1 where a lookup was missed."""
    with scene(
        folder, say, server=server, readers=("raw",), takers=("taker1",), count=(),
        symbols=ALL_SYMBOLS, settings={},
    ) as made:  # fmt: skip
        asked = Hosts(made, folder)
        try:
            for number in range(1, hosts + 1):
                asked.begin(number, via, rate, seconds)
            time.sleep(WARM_SECONDS + 1.0)
            served = {name: each.pid for name, each in asked.serving.items()}
            used = Usage({**programs(made), **served}, {})
            say(f"{hosts} hosts ask {rate:g} times a second each for {seconds:g} s, via {via}")
            answers = asked.answers(10 * seconds + 60)
            cpu, took = used.cpu(), used.seconds
        finally:
            asked.end()
    return _report(answers, cpu, took)


def _report(found: list[Figures], cpu: dict[str, float], took: float) -> int:
    rows = [
        (number, f"{each.asked:,}", each.missed, tables.number(each.p50_ms),
         tables.number(each.p99_ms), tables.number(each.call_p50_ms),
         f"{each.oldest_seconds:.1f}", f"{each.cpu_seconds:.1f}")
        for number, each in enumerate(found, 1)
    ]  # fmt: skip
    heads = (
        *("host", "lookups", "missed", "p50 from when it was due, ms", "p99"),
        *("p50 of the call", "oldest quote, s", "CPU, s"),
    )
    print(tables.table(rows, heads, "github"))
    programs_rows = [
        (name, f"{each:.1f}", f"{100 * each / took:.1f}") for name, each in sorted(cpu.items())
    ]
    print(tables.table(programs_rows, ("program", "CPU, s", "% of a core"), "github"))
    asked, missed = (sum(column) for column in zip(*(each[:2] for each in found), strict=True))
    print(f"{asked:,} lookups, {missed} missed")
    return 1 if missed else 0
