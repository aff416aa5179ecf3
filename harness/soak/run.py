"""One soak, from the first process to the verdict."""

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from harness.soak.answers import together
from harness.soak.audit import Audit, acknowledged, integrity, refused
from harness.soak.chaos import Chaos
from harness.soak.clients import Client, clients
from harness.soak.group import (
    START_SECONDS,
    Group,
    NotRunning,
    Process,
    bound,
    copy_of_the_tree,
    exchange,
)
from harness.soak.growth import Samples, slopes
from harness.soak.oracle import Oracle
from harness.soak.pace import Pace
from harness.soak.reading import gather
from harness.soak.scene import Scene
from harness.soak.seen import Seen

GENTLE_FROM = 0.4
"""The share of the run after which no program is killed or stopped any more, so that each lives
long enough for growth to be seen, under all other faults."""
_TURN_SECONDS = 0.1
_SAMPLE_SECONDS = 2.0
_BROKEN = (OSError, subprocess.SubprocessError, NotRunning, KeyError)
"""What a fault's course may meet where something is gone for good."""


@dataclass(slots=True)
class Soak:
    """`run` it once, in the main thread. `stopping` is looked at all the while."""

    seconds: float
    pace: Pace
    seed: int
    tell: Callable[[str], None]
    stopping: list[int] = field(default_factory=list)
    _samples: Samples = field(default_factory=Samples)
    _wal_bytes: int = 0
    _loads: list[float] = field(default_factory=list)
    _gentle_pids: dict[str, set[int]] = field(default_factory=dict)
    _supervisor: int = 0

    def run(self, folder: Path) -> Seen:
        """In the empty `folder`. `NotRunning` where it could not begin."""
        copy_of_the_tree(folder)
        with ExitStack() as stack:
            scene = self._begin(stack, folder)
            group, audit = scene.group, Audit(scene.group.database, folder / "acknowledged")
            helpers = [
                self._helper(stack, group, "writing", str(audit.file)),
                self._helper(stack, group, "reading", str(folder / "found"), self._world()),
            ]
            limit = self.pace.seconds("FUNDING_STALE_AFTER")
            asking = clients(group.port, scene.oracle, limit, self.seed)
            for client in asking:
                client.start()
            chaos = Chaos(scene, self.tell, audit.check, lambda: audit.begun_anew(time.monotonic()))
            self._loop(chaos)
            for client in asking:
                client.stop()
            for client in asking:
                client.join()
            audit.check()
            seen = self._seen(chaos, audit, asking)
            seen.ended_by_itself += _unexpected(group, helpers)
            seen.stop = _stop(group)
            seen.checks.append(integrity(group.database))
        seen.read_rows, failed, wrong = gather(folder / "found")
        seen.odd, seen.wrong = seen.odd + failed, wrong + seen.wrong
        seen.wrongs += len(wrong)
        return seen

    def _world(self) -> str:
        """The arguments of `Oracle` as JSON."""
        tick = self.pace.tick
        return json.dumps({"seed": self.seed, "few": self.pace.few, "tick_seconds": tick})

    def _begin(self, stack: ExitStack, folder: Path) -> Scene:
        """Exchange and service, healthy."""
        at = stack.enter_context(exchange(folder, self.pace, self.seed))
        address = f"127.0.0.1:{at.port}"
        settings = self.pace.settings() | {
            "FUNDING_WS_URL": f"ws://{address}/market/stream?streams=!markPrice@arr@1s",
            "FUNDING_REST_URL": f"http://{address}",
        }
        oracle = Oracle(**json.loads(self._world()))
        scene = Scene(Group(folder, settings), at, oracle, self.pace, Random(self.seed))
        scene.group.start()
        stack.callback(scene.group.stop)
        deadline = time.monotonic() + START_SECONDS
        while not scene.fresh(0):
            if scene.group.has_ended() or time.monotonic() > deadline or self.stopping:
                raise NotRunning(f"the service\n{scene.group.log()}")
            time.sleep(_TURN_SECONDS)
        return scene

    @staticmethod
    def _helper(stack: ExitStack, group: Group, name: str, *given: str) -> Process:
        """`soak.NAME`, which reads or writes the database."""
        command = [sys.executable, "-m", f"harness.soak.{name}", str(group.database), *given]
        return stack.enter_context(bound(command, group.folder / f"{name}.log", group.folder))

    def _loop(self, chaos: Chaos) -> None:
        """Until the time is over and what was begun has healed, or nothing can be saved."""
        began = sampled = time.monotonic()
        while True:
            now = time.monotonic()
            over = now - began >= self.seconds or bool(self.stopping)
            if chaos.given_up or (over and not chaos.going):
                return
            gentle = now - began >= GENTLE_FROM * self.seconds
            try:
                chaos.turn(now, gentle=gentle, more=not over)
            except _BROKEN as error:
                chaos.given_up = f"{type(error).__name__}: {error}"
            if now - sampled >= _SAMPLE_SECONDS:
                sampled = now
                deadly = any(wound.injury.kind.deadly for wound in chaos.going)
                self._sample(chaos.scene.group, now, calm=gentle and not deadly)
            time.sleep(max(0.0, _TURN_SECONDS - (time.monotonic() - now)))

    def _sample(self, group: Group, now: float, *, calm: bool) -> None:
        pids = group.pids()
        if pids and not Path(f"/proc/{self._supervisor}").exists():
            with suppress(NotRunning):
                self._supervisor = group.supervisor()
        self._loads.append(os.getloadavg()[0])
        self._samples.take(pids | {"supervisord": self._supervisor}, now)
        with suppress(OSError):
            size = Path(f"{group.database}-wal").stat().st_size
            self._wal_bytes = max(self._wal_bytes, size)
        if calm:
            for name, pid in pids.items():
                self._gentle_pids.setdefault(name, set()).add(pid)

    def _seen(self, chaos: Chaos, audit: Audit, asking: list[Client]) -> Seen:
        answers, odd, wrong, wrongs, rows = together(client.seen for client in asking)
        failures = [client.failure for client in asking if client.failure]
        return Seen(
            self.pace,
            injuries=[*chaos.done, *(wound.injury for wound in chaos.going)],
            given_up=chaos.given_up,
            answers=answers,
            odd=odd,
            wrong=[*failures, *wrong],
            wrongs=wrongs,
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
            wal_bytes=self._wal_bytes,
            load=sum(self._loads) / max(1, len(self._loads)),
            ended_by_itself=[
                f"{name}: {len(pids)} processes in the gentle part"
                for name, pids in self._gentle_pids.items()
                if len(pids) > 1
            ],
        )


def _unexpected(group: Group, helpers: list[Process]) -> list[str]:
    """What of ours has ended, and what the watchdog had to leave to a person."""
    bad = [f"{each.args!r} ended" for each in helpers if each.poll() is not None]
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


def room() -> Path:
    """A folder whose name is short enough for a unix socket."""
    return Path(tempfile.mkdtemp(prefix="fs-", dir="/tmp"))
