"""The machines of the proof: three servers, an exchange, two takers, and readers of every kind."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.group import tree
from harness.machines.network import Machine, Network, network
from harness.machines.observed import Kept, Line, kept, parse
from harness.machines.servers import Cluster, binary, cluster
from harness.machines.takers import Taker, taker
from harness.processes import ROOT, Process, kill, module, start, until
from harness.stand_in import FEW, stand_in

SYMBOLS = 39
"""Of the stand-in with few: one of its forty has no quote."""
API_PORT = 8888
SERVERS = ("nats1", "nats2", "nats3")
TAKERS = ("taker1", "taker2")
READERS = ("raw", "bucket", "client", "api")
DUMP_SECONDS = 120.0
TRAIL_STREAM = "FUNDING-TRAIL"
DEFAULTS: Mapping[str, object] = {
    "FUNDING_MIN_SYMBOLS": 20,
    "FUNDING_COMPARE_INTERVAL": 5,
    "FUNDING_COMPARE_ALL_INTERVAL": 10,
}
"""Of the takers: more comparisons than anybody needs, so that the trail is under load."""


@dataclass(slots=True)
class Observer:
    """A reader that writes down what it sees."""

    kind: str
    machine: Machine
    output: Path
    processes: list[Process] = field(default_factory=list)

    def lines(self) -> list[Line]:
        """So far."""
        return parse(self.output.read_text("utf-8")) if self.output.exists() else []


@dataclass(slots=True)
class Scene:
    """All of them, running."""

    folder: Path
    network: Network
    cluster: Cluster
    takers: dict[str, Taker]
    observers: dict[str, Observer]

    def lines(self, kind: str) -> list[Line]:
        """What the reader of this kind has seen so far."""
        return self.observers[kind].lines()

    def leader(self) -> str:
        """The taker whose feed messages came last; empty before the first."""
        told = [line["taker"] for line in self.lines("raw")[-2_000:] if line["kind"] == "feed"]
        return told[-1] if told else ""

    def wait_until_all_read(self, since: float) -> None:
        """Until every reader has a quote that it received after `since`."""
        for kind, observer in self.observers.items():
            wanted = "value" if kind == "bucket" else "quote"

            def read(seen: Observer = observer, word: str = wanted) -> bool:
                last = [line for line in seen.lines()[-2_000:] if line["kind"] == word]
                return bool(last) and last[-1]["at"] > since

            until(read, f"the reader `{kind}` has quotes", 90.0)

    def stream(self) -> list[Kept]:
        """Every message of the trail's stream."""
        machine = self.observers["raw"].machine
        command = machine.command(
            *module("harness.machines.dump", self.cluster.url("reader"), TRAIL_STREAM)
        )
        done = subprocess.run(
            command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=DUMP_SECONDS, check=True
        )
        return [kept(line["subject"], line["body"]) for line in parse(done.stdout)]


def _observe(scene_folder: Path, copy: Path, machine: Machine, kind: str, url: str) -> Observer:
    observer = Observer(kind, machine, scene_folder / f"{kind}.jsonl")
    address: object = url
    if kind == "api":
        address = API_PORT
        settings = {"FUNDING_API_PORT": API_PORT}
        served = machine.command(sys.executable, "api.py", "--from", url)
        log = scene_folder / "api.log"
        observer.processes.append(start(served, log, cwd=copy, settings=settings))
    command = machine.command(*module("harness.machines.observer", kind, address, observer.output))
    observer.processes.append(start(command, scene_folder / f"{kind}.log", cwd=copy))
    return observer


def _stopped(observers: Mapping[str, Observer]) -> None:
    for observer in observers.values():
        for process in observer.processes:
            kill(process)
            process.wait()


@contextmanager
def scene(
    folder: Path,
    say: Callable[[str], None],
    *,
    server: Path | None = None,
    sync: str = "always",
    readers: Sequence[str] = READERS,
    takers: Sequence[str] = TAKERS,
    count: Sequence[object] = FEW,
    symbols: int = SYMBOLS,
    settings: Mapping[str, object] = DEFAULTS,
) -> Iterator[Scene]:
    """All of it, with quotes at every reader; gone at the end."""
    with ExitStack() as stack:
        net = stack.enter_context(network())
        machines = [net.machine(name) for name in SERVERS]
        servers = cluster(machines, folder / "nats", server or binary(), sync)
        servers.wait_until_ready()
        say("three servers have a leader")
        place = net.machine("exchange")
        exchange = stack.enter_context(
            stand_in(folder, count=count, host=place.address, prefix=place.command())
        )
        url = servers.url("taker")
        running = {
            name: stack.enter_context(taker(net.machine(name), exchange, url, settings))
            for name in takers
        }
        for each in running.values():
            each.start()
        for each in running.values():
            each.wait_until_whole(symbols)
            say(f"{each.name} takes {symbols} symbols")
        copy = stack.enter_context(tree())
        observers: dict[str, Observer] = {}
        stack.callback(_stopped, observers)
        for kind in readers:
            observers[kind] = _observe(folder, copy, net.machine(kind), kind, servers.url("reader"))
        made = Scene(folder, net, servers, running, observers)
        made.wait_until_all_read(time.time())
        say("every reader has quotes")
        yield made
