"""Three nats-servers that are one cluster, each on a machine of its own.

# Facts
- A server notices a peer that went silent by its pings alone: by default after some four minutes.
  `ping_interval` of the whole configuration is also that of the routes between servers.
- Which server leads a stream or a bucket is told by `/jsz?streams=true` of its monitoring port.
"""

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.machines.network import Machine
from harness.processes import ROOT, Process, kill, start, until

CLIENTS, ROUTES, MONITORING = 4222, 6222, 8222
_CONFIGURATION = """
server_name: {name}
listen: "{address}:{clients}"
http: "127.0.0.1:{monitoring}"
ping_interval: "{ping_seconds}s"
ping_max: 2
jetstream {{
    store_dir: "{folder}"
    max_memory_store: 256M
    max_file_store: 1G
    {more}
}}
cluster {{
    name: funding
    listen: "{address}:{routes}"
    routes: [{peers}]
}}
"""


class NoServer(Exception):
    """There is no nats-server to start."""


def binary() -> Path:
    """The nats-server of PATH, or else of the virtual environment."""
    for found in (shutil.which("nats-server"), ROOT / ".venv/bin/nats-server"):
        if found and Path(found).exists():
            return Path(found)
    raise NoServer("no nats-server: `apt install nats-server`, or requirements-dev.txt")


@dataclass(slots=True)
class Server:
    """One nats-server on `machine`."""

    machine: Machine
    command: list[str]
    log: Path
    process: Process | None = None

    def start(self) -> None:
        """Start it, without waiting."""
        self.process = start(self.machine.command(*self.command), self.log)

    def kill(self) -> None:
        """It ends at once; what the system has in its caches stays."""
        assert self.process is not None
        kill(self.process)
        self.process.wait()

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

    @property
    def url(self) -> str:
        """What FUNDING_NATS_URL is set to."""
        addresses = (each.machine.address for each in self.servers.values())
        return ",".join(f"nats://{address}:{CLIENTS}" for address in addresses)

    def leader(self, stream: str) -> str:
        """The machine of the server that leads `stream`; empty where nobody does."""
        for name, server in self.servers.items():
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
    machines: Sequence[Machine],
    folder: Path,
    server: Path,
    *,
    more: str = "",
    ping_seconds: int = 2,
) -> Cluster:
    """One server on each machine, started; `more` are further lines for `jetstream`."""
    made = Cluster()
    peers = ", ".join(f'"nats-route://{each.address}:{ROUTES}"' for each in machines)
    for machine in machines:
        store = folder / machine.name
        store.mkdir(parents=True, exist_ok=True)
        configuration = store / "nats.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                name=machine.name, address=machine.address, folder=store, more=more, peers=peers,
                clients=CLIENTS, routes=ROUTES, monitoring=MONITORING, ping_seconds=ping_seconds,
            ),
            "utf-8",
        )  # fmt: skip
        command = [str(server), "-c", str(configuration)]
        made.servers[machine.name] = each = Server(machine, command, store / "server.log")
        each.start()
    return made
