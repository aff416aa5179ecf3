"""One soak, from the first process to the observations."""

import json
import os
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from harness.group import Group, NotRunning, copy_of_the_tree
from harness.processes import WAIT_SECONDS, Process, module, running, stop, tied
from harness.soak.answer_checks import together
from harness.soak.audit import Audit, acknowledged, integrity, refused
from harness.soak.chaos import Chaos
from harness.soak.clients import Client, clients
from harness.soak.database_reader import gather
from harness.soak.environment import Environment
from harness.soak.observations import Observations
from harness.soak.oracle import COUNTS, Oracle
from harness.soak.slopes import Samples, slopes
from harness.soak.speed import Speed
from harness.stand_in import stand_in

GENTLE_FROM = 0.4
"""The share of the run after which no program is killed or stopped any more, so that each lives
long enough for growth to be seen, under all other faults."""
_TURN_SECONDS = 0.1
_SAMPLE_SECONDS = 2.0
_BROKEN = (OSError, subprocess.SubprocessError, NotRunning, KeyError)
"""What the course of a fault may meet where something is gone for good."""


@dataclass(slots=True)
class Soak:
    """`run` it once, in the main thread; it ends early when something is added to `stopping`."""

    seconds: float
    speed: Speed
    seed: int
    tell: Callable[[str], None]
    stopping: list[int] = field(default_factory=list)
    _samples: Samples = field(default_factory=Samples)
    _wal_bytes: int = 0
    _loads: list[float] = field(default_factory=list)
    _gentle_pids: dict[str, set[int]] = field(default_factory=dict)
    _supervisord: int = 0

    def run(self, folder: Path) -> Observations:
        """In the empty `folder`. `NotRunning` where it could not begin."""
        copy_of_the_tree(folder)
        with ExitStack() as stack:
            environment = self._begin(stack, folder)
            group = environment.group
            audit = Audit(group.database, folder / "acknowledged")
            programs = [
                self._program(stack, group, "comparison_writer", audit.file),
                self._program(stack, group, "database_reader", folder / "found", self._world()),
            ]
            limit = self.speed.seconds("FUNDING_STALE_AFTER")
            asking = clients(group.port, environment.oracle, limit, self.seed)
            for client in asking:
                client.start()
            chaos = Chaos(environment, self.tell, audit.check, audit.database_replaced)
            self._loop(chaos)
            for client in asking:
                client.stop()
            for client in asking:
                client.join()
            audit.check()
            audit.check_stream()
            seen = self._observations(chaos, audit, asking)
            seen.unexpected_ends += _unexpected(group, programs)
            seen.stop = _stop(group)
            seen.checks.append(integrity(group.database))
        seen.read_rows, failed, wrong = gather(folder / "found")
        seen.anomalies, seen.wrong = seen.anomalies + failed, wrong + seen.wrong
        seen.wrong_count += len(wrong)
        return seen

    def _world(self) -> str:
        """The arguments of `Oracle` as JSON."""
        tick = self.speed.tick
        return json.dumps({"seed": self.seed, "few": self.speed.few, "tick_seconds": tick})

    def _begin(self, stack: ExitStack, folder: Path) -> Environment:
        """Exchange and service, healthy."""
        main, tradfi = COUNTS[self.speed.few]
        count = ("--main", main, "--tradfi", tradfi)
        options = ("--seed", self.seed, "--tick", self.speed.tick)
        try:
            at = stack.enter_context(stand_in(folder, *options, count=count))
        except AssertionError as error:
            raise NotRunning(str(error)) from error
        group = Group(folder, at, self.speed.settings())
        oracle = Oracle(**json.loads(self._world()))
        environment = Environment(group, oracle, self.speed, Random(self.seed))
        group.start()
        stack.callback(group.stop)
        deadline = time.monotonic() + WAIT_SECONDS
        while not environment.is_fresh(0):
            if group.has_ended() or time.monotonic() > deadline or self.stopping:
                raise NotRunning(f"the service\n{group.log()}")
            time.sleep(_TURN_SECONDS)
        return environment

    @staticmethod
    def _program(stack: ExitStack, group: Group, name: str, *arguments: object) -> Process:
        """`harness.soak.NAME`, which reads or writes the database until told to end."""
        command = tied(*module(f"harness.soak.{name}", group.database, *arguments))
        process = stack.enter_context(running(command, group.folder / f"{name}.log"))
        stack.callback(stop, process)
        return process

    def _loop(self, chaos: Chaos) -> None:
        """Until the time is over and every fault has recovered, or nothing can be saved."""
        began = sampled = time.monotonic()
        while True:
            now = time.monotonic()
            over = now - began >= self.seconds or bool(self.stopping)
            if chaos.given_up or (over and not chaos.active):
                return
            gentle = now - began >= GENTLE_FROM * self.seconds
            try:
                chaos.turn(now, gentle=gentle, more=not over)
            except _BROKEN as error:
                chaos.given_up = f"{type(error).__name__}: {error}"
            if now - sampled >= _SAMPLE_SECONDS:
                sampled = now
                deadly = any(each.fault.kind.deadly for each in chaos.active)
                self._sample(chaos.environment.group, now, calm=gentle and not deadly)
            time.sleep(max(0.0, _TURN_SECONDS - (time.monotonic() - now)))

    def _sample(self, group: Group, now: float, *, calm: bool) -> None:
        pids = group.programs()
        if pids and not Path(f"/proc/{self._supervisord}").exists():
            with suppress(NotRunning):
                self._supervisord = group.supervisord_pid()
        self._loads.append(os.getloadavg()[0])
        self._samples.take(pids | {"supervisord": self._supervisord}, now)
        with suppress(OSError):
            size = Path(f"{group.database}-wal").stat().st_size
            self._wal_bytes = max(self._wal_bytes, size)
        if calm:
            for name, pid in pids.items():
                self._gentle_pids.setdefault(name, set()).add(pid)

    def _observations(self, chaos: Chaos, audit: Audit, asking: list[Client]) -> Observations:
        answers, anomalies, wrong, wrong_count, rows = together(each.checker for each in asking)
        failures = [client.failure for client in asking if client.failure]
        return Observations(
            self.speed,
            faults=[*chaos.done, *(each.fault for each in chaos.active)],
            given_up=chaos.given_up,
            answers=answers,
            anomalies=anomalies,
            wrong=[*failures, *wrong],
            wrong_count=wrong_count,
            rows=rows,
            clients=len(asking),
            acknowledged=len(acknowledged(audit.file)),
            asked=len(audit.asked),
            missing=audit.missing,
            salvaged=audit.salvaged,
            unsalvaged=audit.unsalvaged,
            destroyed=audit.excused(),
            refused=refused(audit.file),
            slopes={name: slopes(each) for name, each in self._samples.longest().items()},
            checks=audit.checks,
            contradictions=audit.contradictions,
            told=audit.told,
            wal_bytes=self._wal_bytes,
            load=sum(self._loads) / max(1, len(self._loads)),
            unexpected_ends=[
                f"{name}: {len(pids)} processes in the gentle part"
                for name, pids in self._gentle_pids.items()
                if len(pids) > 1
            ],
        )


def _unexpected(group: Group, programs: list[Process]) -> list[str]:
    """The soak's own programs that have ended, and what the watchdog left to a person."""
    bad = [f"{each.args!r} ended" for each in programs if each.poll() is not None]
    select = "SELECT detail FROM event WHERE source = 'watchdog' AND kind = 'waiting'"
    try:
        uri = f"file:{group.database}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as database:
            return bad + [str(detail) for (detail,) in database.execute(select)]
    except sqlite3.Error as error:
        return [*bad, f"the events cannot be read: {error}"]


def _stop(group: Group) -> str:
    """Stop as Ctrl-C does; what was not clean about it."""
    status = group.stop()
    if status != 0:
        return f"ended with {status}\n{group.log()}"
    left = group.leftovers()
    return f"left {left}" if left else ""


def make_folder() -> Path:
    """A folder whose name is short enough for a unix socket."""
    return Path(tempfile.mkdtemp(prefix="fs-", dir="/tmp"))
