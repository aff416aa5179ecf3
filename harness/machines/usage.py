"""What the programs and the links of a scene use while something is measured."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.bench.process_figures import cpu_seconds
from harness.machines.network import Machine
from harness.machines.scene import Scene


@dataclass(slots=True)
class Usage:
    """CPU seconds by program and bytes (received, sent) by machine, since `began`."""

    pids: Mapping[str, int]
    machines: Mapping[str, Machine]
    began: float = field(default_factory=time.monotonic)
    _cpu: dict[str, float] = field(default_factory=dict)
    _bytes: dict[str, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._cpu = {name: cpu_seconds(pid) for name, pid in self.pids.items()}
        self._bytes = {name: each.bytes_passed() for name, each in self.machines.items()}

    @property
    def seconds(self) -> float:
        """So far."""
        return time.monotonic() - self.began

    def cpu(self) -> dict[str, float]:
        """By program."""
        return {name: cpu_seconds(pid) - self._cpu[name] for name, pid in self.pids.items()}

    def links(self) -> dict[str, tuple[int, int]]:
        """By machine: bytes received and sent, with all headers."""
        found = {}
        for name, each in self.machines.items():
            now, before = each.bytes_passed(), self._bytes[name]
            found[name] = now[0] - before[0], now[1] - before[1]
        return found


def programs(scene: Scene) -> dict[str, int]:
    """The pids of all programs of the servers and the takers, and of the readers."""
    found = {}
    for name, server in scene.cluster.servers.items():
        assert server.process is not None
        found[f"{name}: nats-server"] = server.process.pid
    for name, taker in scene.takers.items():
        for program, pid in taker.group.programs("RUNNING").items():
            found[f"{name}: {program}"] = pid
    for kind, observer in scene.observers.items():
        for number, process in enumerate(observer.processes):
            found[f"reader {kind}" if number == 0 else f"reader {kind}, asking"] = process.pid
    return found
