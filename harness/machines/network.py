"""Machines on one machine: a network namespace each, on a bridge that stands in one of its own.

Nothing of this is seen by, or reaches, the network of the machine itself: the bridge is in a
namespace, too. All of it is removed at the end, with every process in it.

# Facts
- `ip netns delete` takes the name away; the namespace lives on while a process is in it, and its
  veth pairs end with it (ip-netns(8)). So its processes are killed before.
- `ip netns exec` becomes the command: the process that was started is the command itself.
- With its port down the machine loses its carrier, as with a cable that is pulled out. With its
  port taken from the bridge it sees nothing but silence, as behind a switch that fails.
- A unix socket with a path is reached from every namespace: supervisorctl works from outside.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from harness.processes import until

_PREFIX = "fm"
_SUBNET = "10.77.0"
_COMMAND_SECONDS = 20.0


class NetworkError(Exception):
    """The namespaces cannot be made here; the message says why."""


def why_not() -> str:
    """What keeps this process from making namespaces; empty where nothing does."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    if shutil.which("ip") is None:
        return "the command `ip` is not found: install iproute2"
    if os.geteuid() != 0:
        return "network namespaces need root: start this with sudo"
    try:
        _command("unshare", "--net", "--mount", "true")
    except (NetworkError, OSError) as error:
        return f"no network namespaces here: {error}"
    return ""


def ip(*words: object) -> str:
    """What `ip` prints; NetworkError with its own words where it fails."""
    return _command("ip", *words)


def _command(*words: object) -> str:
    done = subprocess.run(
        [str(word) for word in words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=_COMMAND_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode:
        raise NetworkError(f"{' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine: the namespace `namespace` with `address`, at the port `port` of the switch."""

    name: str
    namespace: str
    address: str
    switch: str
    port: str

    def command(self, *words: object) -> list[str]:
        """`words`, as a command that runs on this machine."""
        return ["ip", "netns", "exec", self.namespace, *map(str, words)]

    def unplug(self) -> None:
        """Its cable is pulled out."""
        ip("-n", self.switch, "link", "set", self.port, "down")

    def plug(self) -> None:
        """Its cable is put in again."""
        ip("-n", self.switch, "link", "set", self.port, "up")

    def silence(self) -> None:
        """Every packet to it and from it is lost; its link stays up."""
        ip("-n", self.switch, "link", "set", self.port, "nomaster")

    def hear(self) -> None:
        """Packets pass again."""
        ip("-n", self.switch, "link", "set", self.port, "master", "bridge")

    def pids(self) -> list[int]:
        """The processes that run on it."""
        return [int(word) for word in ip("netns", "pids", self.namespace).split()]

    def kill_all(self) -> None:
        """Every process on it ends at once, without a last word."""

        def none_left() -> bool:
            found = self.pids()
            for pid in found:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not found

        until(none_left, f"nothing runs on {self.name}")

    def freeze(self) -> None:
        """Every process on it stands still."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """They go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def lose_power(self) -> None:
        """The machine is gone: nobody hears of it that its connections end."""
        self.unplug()
        self.kill_all()

    def bytes_passed(self) -> tuple[int, int]:
        """What it received and sent so far, with all headers from Ethernet on."""
        counts = _command(*self.command("cat", "/proc/net/dev"))
        for line in counts.splitlines():
            device, _, figures = line.strip().partition(":")
            if device == "eth0":
                words = figures.split()
                return int(words[0]), int(words[8])
        raise NetworkError(f"{self.name} has no eth0")


@dataclass(slots=True)
class Network:
    """The bridge, and the machines that were made so far."""

    prefix: str
    machines: dict[str, Machine] = field(default_factory=dict)

    @property
    def switch(self) -> str:
        """The namespace of the bridge."""
        return f"{self.prefix}-switch"

    def machine(self, name: str) -> Machine:
        """A new machine."""
        number = len(self.machines) + 1
        made = Machine(
            name, f"{self.prefix}-{name}", f"{_SUBNET}.{number}", self.switch, f"p{number}"
        )
        self.machines[name] = made  # before the namespace is there: removed in any case
        inside = ("-n", made.namespace)
        ip("netns", "add", made.namespace)
        ends = ("eth0", "netns", made.namespace, "type", "veth", "peer", "name", made.port)
        ip("link", "add", *ends, "netns", self.switch)
        ip("-n", self.switch, "link", "set", made.port, "master", "bridge", "up")
        ip(*inside, "link", "set", "lo", "up")
        ip(*inside, "address", "add", f"{made.address}/24", "dev", "eth0")
        ip(*inside, "link", "set", "eth0", "up")
        return made


def _remove(namespace: str) -> None:
    Machine(namespace, namespace, "", "", "").kill_all()
    ip("netns", "delete", namespace)


def remove_leftovers() -> list[str]:
    """Remove the namespaces of a run that was killed; their names."""
    removed = []
    for line in ip("netns", "list").splitlines():
        name = line.split()[0]
        owner = re.fullmatch(rf"{_PREFIX}([0-9]+)-[a-z0-9-]+", name)
        if owner and not Path("/proc", owner[1]).exists():
            with suppress(NetworkError):  # another run removes them too
                _remove(name)
                removed.append(name)
    return removed


@contextmanager
def network() -> Iterator[Network]:
    """A network without machines, while the block runs; NetworkError where it cannot be made."""
    if words := why_not():
        raise NetworkError(words)
    remove_leftovers()
    made = Network(f"{_PREFIX}{os.getpid()}")
    try:
        ip("netns", "add", made.switch)
        ip("-n", made.switch, "link", "add", "bridge", "type", "bridge")
        ip("-n", made.switch, "link", "set", "bridge", "up")
        yield made
    finally:
        for name in [*(each.namespace for each in made.machines.values()), made.switch]:
            with suppress(NetworkError):  # was never made
                _remove(name)
