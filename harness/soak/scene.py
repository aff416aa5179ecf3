"""What a fault sees and can do: the group, the exchange, and whether all is well again."""

import os
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.soak.group import Exchange, Group, NotRunning
from harness.soak.oracle import Oracle
from harness.soak.pace import Pace
from harness.soak.web import OK, Way

INGEST, WATCHDOG = "funding:ingest", "funding:watchdog"
APIS = ("api:api_00", "api:api_01")
PROGRAMS = (INGEST, *APIS, WATCHDOG)


@dataclass(slots=True)
class Scene:
    """For the main thread."""

    group: Group
    exchange: Exchange
    oracle: Oracle
    pace: Pace
    chance: random.Random
    frozen: set[str] = field(default_factory=set)
    _way: Way | None = None

    def ask(self, target: str) -> Any:
        """The body of a 200 of the API, else None."""
        if self._way is None:
            self._way = Way(self.group.port, keep=False)
        got = self._way.get(target)
        return got.body if got.outcome == OK else None

    def fresh(self, since: int) -> bool:
        """Whether every symbol has a quote that was sent after the event time `since`, but for the
        frozen ones, and health is 200."""
        if self.ask("/funding/health") is None:
            return False
        found = self.ask("/funding")
        if found is None:
            return False
        newest = {row["symbol"]: row["eventTime"] for row in found["data"]}
        wanted = set(self.oracle.symbols) - self.frozen
        return all(newest.get(symbol, 0) > since for symbol in wanted)

    def kill(self, number: int, programs: Sequence[str]) -> dict[str, int]:
        """A signal to each of `programs`; the pids that had it, none unless all of them run."""
        pids = self.group.pids()
        if not set(programs) <= set(pids):
            return {}
        found = {name: pids[name] for name in programs}
        for pid in found.values():
            os.kill(pid, number)
        return found

    def renewed(self, old: dict[str, int]) -> bool:
        """Whether each of these programs runs as another process."""
        pids = self.group.pids()
        return all(pids.get(name, pid) != pid for name, pid in old.items())

    def damage(self, how: str) -> bool:
        """The database, broken by a process of its own, or not yet: see `soak.damage`."""
        seed = str(self.chance.randrange(10**6))
        given = [sys.executable, "-m", "harness.soak.damage", str(self.group.database), how, seed]
        status = subprocess.run(given, cwd=self.group.folder, check=False, timeout=60).returncode
        if status not in (0, 3):
            raise NotRunning(f"soak.damage {how}: status {status}")
        return status == 0
