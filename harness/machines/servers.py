"""Three nats-servers that are one cluster, each on a machine of its own, by deploy/nats.conf.

# Facts
- A server notices a peer that went silent by its pings alone: by default after some four minutes.
  `ping_interval` is also that of the routes between servers.
- Which server leads a stream or a bucket is told by `/jsz?streams=true` of its monitoring port.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.machines.network import Machine
from harness.processes import ROOT, Process, kill, start, until

CLIENTS, ROUTES, MONITORING = 4222, 6222, 8222
PASSWORDS = {"TAKER_PASSWORD": "takers-word", "READER_PASSWORD": "readers-word",
             "ROUTE_PASSWORD": "routes-word"}  # fmt: skip
SYNC_SINCE = (2, 10)
"""The first version of nats-server that knows `sync_interval`."""


class NoServer(Exception):
    """There is no nats-server to start."""


def binary() -> Path:
    """The nats-server of PATH, or else of the virtual environment."""
    for found in (shutil.which("nats-server"), ROOT / ".venv/bin/nats-server"):
        if found and Path(found).exists():
            return Path(found)
    raise NoServer("no nats-server: `apt install nats-server`, or requirements-dev.txt")


def version(server: Path) -> tuple[int, ...]:
    """Of a nats-server."""
    told = subprocess.run([server, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"v(\d+)\.(\d+)\.(\d+)", told)
    if found is None:
        raise NoServer(f"{server} is no nats-server: {told.strip()}")
    return tuple(map(int, found.groups()))


def configuration(
    text: str, machine: Machine, peers: Sequence[Machine], store: Path, sync: str
) -> str:
    """The text of deploy/nats.conf with what it says is to be changed; `sync` is the interval, for
    a server that knows it."""
    words = PASSWORDS["ROUTE_PASSWORD"]
    routes = ", ".join(f'"nats://route:{words}@{each.address}:{ROUTES}"' for each in peers)
    changes = {
        r"^server_name: .*$": f"server_name: {machine.name}",
        r'^listen: ".*:4222"': f'listen: "{machine.address}:{CLIENTS}"',
        r"^# http: ": "http: ",
        r'store_dir: ".*"': f'store_dir: "{store}"',
        r'listen: ".*:6222"': f'listen: "{machine.address}:{ROUTES}"',
        r"^    routes: \[": f"    routes: [ {routes}",
    }
    if sync:
        changes[r"# sync_interval: .*$"] = f"sync_interval: {sync}"
    for pattern, line in changes.items():
        text, count = re.subn(pattern, line.replace("\\", r"\\"), text, flags=re.MULTILINE)
        if count != 1:
            raise NoServer(f"deploy/nats.conf has {count} lines of {pattern}")
    return text


@dataclass(slots=True)
class Server:
    """One nats-server on `machine`."""

    machine: Machine
    command: list[str]
    log: Path
    process: Process | None = None

    def start(self) -> None:
        """Start it, without waiting."""
        self.process = start(self.machine.command(*self.command), self.log, settings=PASSWORDS)

    def kill(self) -> None:
        """It ends at once; what the system has in its caches stays."""
        assert self.process is not None
        kill(self.process)
        self.process.wait()

    def copy_store(self) -> None:
        """Keep what it has stored, as it is now."""
        shutil.copytree(self._store, self._copy)

    def put_store_back(self) -> None:
        """It has stored what it had at `copy_store`, and nothing since."""
        shutil.rmtree(self._store)
        self._copy.rename(self._store)

    @property
    def _store(self) -> Path:
        return self.log.parent / "jetstream"

    @property
    def _copy(self) -> Path:
        return self.log.parent / "copy"

    def monitoring(self, path: str) -> Any:
        """What its monitoring port answers; None where it does not."""
        url = f"http://127.0.0.1:{MONITORING}/{path}"
        asked = self.machine.command("curl", "-s", "-m", "2", url)
        done = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None


@dataclass(slots=True)
class Cluster:
    """The servers by the name of their machine."""

    servers: dict[str, Server] = field(default_factory=dict)

    def url(self, user: str) -> str:
        """What FUNDING_NATS_URL is set to by a `taker` and a `reader`."""
        words = PASSWORDS[f"{user.upper()}_PASSWORD"]
        addresses = (each.machine.address for each in self.servers.values())
        return ",".join(f"nats://{user}:{words}@{address}:{CLIENTS}" for address in addresses)

    def leader(self, stream: str, without: str = "") -> str:
        """The server that leads `stream`, as it says itself; empty where none does. `without` is
        one that is not asked: it is cut off, and may not know yet that it leads nothing."""
        for name, server in self.servers.items():
            if name == without:
                continue
            found = server.monitoring("jsz?streams=true&config=false") or {}
            for account in found.get("account_details", ()):
                for each in account.get("stream_detail") or ():
                    if each["name"] == stream and each.get("cluster", {}).get("leader") == name:
                        return name
        return ""

    def last(self, name: str, stream: str) -> int | None:
        """The last sequence number of `stream` that the server `name` has, once it follows."""
        found = self.servers[name].monitoring("jsz?streams=true") or {}
        for account in found.get("account_details", ()):
            for each in account.get("stream_detail") or ():
                if each["name"] == stream and each.get("cluster", {}).get("leader"):
                    return int(each["state"]["last_seq"])
        return None

    def wait_until_ready(self) -> None:
        """Until JetStream has a leader that all servers are with."""

        def ready() -> bool:
            metas = [each.monitoring("jsz") or {} for each in self.servers.values()]
            leaders = {each.get("meta_cluster", {}).get("leader") for each in metas}
            sizes = {each.get("meta_cluster", {}).get("cluster_size") for each in metas}
            return len(leaders) == 1 and leaders != {None} and sizes == {len(self.servers)}

        until(ready, "JetStream has a leader")


def cluster(
    machines: Sequence[Machine], folder: Path, server: Path, sync: str = "always"
) -> Cluster:
    """One server on each machine, started, by deploy/nats.conf; `sync` is its sync_interval, which
    an older server does not know."""
    made, known = Cluster(), sync if version(server) >= SYNC_SINCE else ""
    text = (ROOT / "deploy/nats.conf").read_text("utf-8")
    for machine in machines:
        store = folder / machine.name
        store.mkdir(parents=True, exist_ok=True)
        path = store / "nats.conf"
        peers = [each for each in machines if each is not machine]
        path.write_text(configuration(text, machine, peers, store, known), "utf-8")
        command = [str(server), "-c", str(path)]
        made.servers[machine.name] = each = Server(machine, command, store / "server.log")
        each.start()
    return made
