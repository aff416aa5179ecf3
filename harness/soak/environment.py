"""What a fault meets and can do: the group, the exchange, and whether everything has recovered."""

import os
import random
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.group import Group, NotRunning
from harness.http_client import serves
from harness.processes import ROOT, module
from harness.soak.oracle import Oracle
from harness.soak.speed import Speed
from harness.stand_in import StandIn

INGEST, HISTORY, WATCHDOG = "funding:ingest", "funding:history", "funding:watchdog"
APIS = ("api:api_00", "api:api_01")
PROGRAMS = (INGEST, *APIS, HISTORY, WATCHDOG)


@dataclass(slots=True)
class Environment:
    """For the main thread."""

    group: Group
    oracle: Oracle
    speed: Speed
    chance: random.Random
    frozen: set[str] = field(default_factory=set)

    @property
    def exchange(self) -> StandIn:
        """The stand-in exchange."""
        return self.group.exchange

    def is_fresh(self, since: int) -> bool:
        """Whether health is 200 and every symbol, except the frozen ones, has a quote that was
        sent after the event time `since`."""
        if serves(self.group.port, "/funding/health") is None:
            return False
        answer = serves(self.group.port, "/funding")
        if answer is None:
            return False
        newest = {row["symbol"]: row["eventTime"] for row in answer.json["data"]}
        wanted = set(self.oracle.symbols) - self.frozen
        return all(newest.get(symbol, 0) > since for symbol in wanted)

    def signal(self, number: int, programs: Sequence[str]) -> dict[str, int]:
        """A signal to each of `programs`; the pids that had it, none unless all of them run."""
        pids = self.group.programs()
        if not set(programs) <= set(pids):
            return {}
        found = {name: pids[name] for name in programs}
        for pid in found.values():
            os.kill(pid, number)
        return found

    def are_replaced(self, old: dict[str, int]) -> bool:
        """Whether each of these programs runs as another process."""
        pids = self.group.programs()
        return all(pids.get(name, pid) != pid for name, pid in old.items())

    def damage(self, how: str) -> bool:
        """Damage the database by a process of its own; False where that cannot be done yet. See
        `harness.soak.damage`."""
        seed = self.chance.randrange(10**6)
        command = module("harness.soak.damage", self.group.database, how, seed)
        status = subprocess.run(command, cwd=ROOT, check=False, timeout=60).returncode
        if status not in (0, 3):
            raise NotRunning(f"harness.soak.damage {how}: status {status}")
        return status == 0
