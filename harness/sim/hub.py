"""The open connections: fed at every tick, kept alive, and ended.

# Facts

- The server pings every 3 minutes with the time in ms; without a pong in 10 minutes it disconnects
  (Connect page). A connection lives 24 hours at most.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, cast

from aiohttp import WSMsgType

from harness.sim.broadcast import Broadcaster
from harness.sim.connection import Connection
from harness.sim.faults import FaultState
from harness.sim.frames import FrameMaker
from harness.sim.ticks import TickSource

_DAY_SECONDS = 86_400.0
_CARE_SECONDS = 0.05
_CLOSE_SECONDS = 1.0


class Hub:
    """Broadcasts ticks, keeps connections alive and ends them."""

    def __init__(
        self, source: TickSource, frames: FrameMaker, faults: FaultState, *,
        ping_seconds: float, pong_seconds: float,
    ) -> None:  # fmt: skip
        self.source, self.frames, self.faults = source, frames, faults
        self.ping_seconds, self.pong_seconds = ping_seconds, pong_seconds
        self.connections: set[Connection] = set()
        self.broadcaster = Broadcaster(frames, faults)
        self.ticks = self.accepted = self.attempts = 0
        self.sent_before = self.skipped_before = 0
        self.build_seconds = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Sends every tick, for ever."""
        async for tick in self.source.ticks():
            began = time.perf_counter()
            self.broadcaster.send(tick, self.connections)
            self.ticks += tick.class_name == "main"
            self.build_seconds += time.perf_counter() - began

    async def care(self) -> None:
        """Pings, and ends what has lived too long or stays silent, for ever."""
        while True:
            now = time.monotonic()
            life = self.faults.seconds("life_seconds", _DAY_SECONDS)
            for one in [one for one in self.connections if not one.ending]:
                if now - one.opened_at >= life:
                    self._start(one.close(1006 if self.faults.on("life_abort") else 1001))
                elif not one.half_open:
                    self._ping(one, now)
            await asyncio.sleep(_CARE_SECONDS)

    def faults_changed(self, posted: dict[str, object]) -> None:
        """Carries out what a change of faults means for the connections open now; `posted` are
        the faults just put in force, one-shot ones among them."""
        self.frames.faults_changed()
        for one in list(self.connections):
            silenced = one.silenced or "silence_open" in posted
            one.silenced = silenced and self.faults.on("silence_open")
            if "half_open" in posted:
                one.go_half_open()
            elif one.half_open and not self.faults.on("half_open"):
                one.reset()
        for name, value in posted.items():
            self._carry_out(name, value)

    def remove(self, connection: Connection) -> None:
        """Forgets a connection that has ended."""
        if connection in self.connections:
            self.connections.discard(connection)
            self.sent_before += connection.sent
            self.skipped_before += connection.skipped

    async def close_all(self, code: int, reason: str = "") -> None:
        """Closes every connection and waits for it, though not for long."""
        tasks = [asyncio.ensure_future(one.close(code, reason)) for one in self.connections]
        if tasks:
            await asyncio.wait(tasks, timeout=_CLOSE_SECONDS)

    def _carry_out(self, name: str, value: object) -> None:
        for one in list(self.connections):
            if name == "close":
                how = cast("dict[str, Any]", value)
                self._start(one.close(how["code"], how["reason"]))
            elif name == "abort":
                one.reset()
            elif name == "server_shutdown" and not one.half_open:
                event = {"e": "serverShutdown", "E": int(self.source.clock.now_ms())}
                one.offer(json.dumps({"event": event}, separators=(",", ":")).encode())

    def _ping(self, one: Connection, now: float) -> None:
        if one.unheard_since > one.heard_at and now - one.unheard_since > self.pong_seconds:
            self._start(one.close(1008, "Pong timeout"))
        elif now - one.pinged_at >= self.ping_seconds:
            one.pinged_at = now
            if one.unheard_since <= one.heard_at:
                one.unheard_since = now
            one.offer(str(int(self.source.clock.now_ms())).encode(), WSMsgType.PING)

    def _start(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
