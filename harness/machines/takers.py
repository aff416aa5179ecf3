"""A machine that takes the feeds: the whole group, in a copy of the tree of its own."""

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from harness.group import Group, NotRunning, tree
from harness.machines.network import Machine
from harness.processes import kill, until
from harness.sim.contracts import default_contracts
from harness.stand_in import StandIn

_PORT = 8888
SIGNALLED = 12
LEVELS = [step / 5_000 for step in range(-17, 18)]
"""Shares of its base by which a mark price of the stand-in goes up and down: within 41 seconds it
crosses two or three of them."""


def thresholds() -> str:
    """A signals.toml by which some signals come every few seconds: prices of a few contracts."""
    contracts = default_contracts(seed=1, main=30, tradfi=10)[:SIGNALLED]
    return "".join(
        f'[[threshold]]\nsymbol = "{each.symbol}"\nfield = "mark_price"\n'
        f"above = {each.mark_base * (1 + level)}\n"
        for each in contracts
        for level in LEVELS
    )


@dataclass(slots=True)
class Taker:
    """The group on `machine`."""

    machine: Machine
    group: Group

    @property
    def name(self) -> str:
        """What FUNDING_TAKER says."""
        return self.machine.name

    def start(self) -> None:
        """Start it, without waiting."""
        self.group.start()

    def wait_until_whole(self, symbols: int) -> None:
        """Until ingest has stored so many quotes, and publish.py runs."""

        def whole() -> bool:
            if self.group.has_ended():
                raise NotRunning(self.group.log())
            running = {"funding:ingest", "funding:publish"} <= self.group.programs("RUNNING").keys()
            return running and self._count() >= symbols

        try:
            until(whole, f"{self.name} takes all symbols", 120.0)
        except AssertionError as error:
            raise NotRunning(f"{error}\n{self.group.log()}") from None

    def _count(self) -> int:
        with suppress(sqlite3.Error):
            return int(self.group.rows("SELECT count(*) FROM quote")[0][0])
        return 0

    def rows(self, statement: str, *bindings: object) -> list[Any]:
        """What its database answers."""
        return self.group.rows(statement, *bindings)

    def lose_power(self) -> float:
        """The machine is gone; when that was."""
        at = time.time()
        self.machine.lose_power()
        kill(self.group.process)
        self.group.process.wait()
        return at

    def boot(self) -> None:
        """The machine comes back, and with it the group."""
        self.machine.plug()
        self.start()


@contextmanager
def taker(
    machine: Machine, exchange: StandIn, nats_url: str, settings: Mapping[str, object]
) -> Iterator[Taker]:
    """The group on `machine`, not started; it is gone at the end."""
    with tree() as folder:
        (folder / "signals.toml").write_text(thresholds(), "utf-8")
        own = {
            "FUNDING_NATS_URL": nats_url,
            "FUNDING_NATS_REPLICAS": 3,
            "FUNDING_TAKER": machine.name,
            **settings,
        }
        group = Group(folder, exchange, own, port=_PORT, prefix=machine.command())
        yield Taker(machine, group)
