"""Plays a recording to every connected client, byte for byte, at its own pace times `speed`.

It takes the place of the ticks: begins with the first client, and the program ends with it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from aiohttp import WSMsgType

from harness.sim.connection import Connection
from harness.sim.hub import Hub
from harness.sim.recording import Record, read

_LOOK_SECONDS = 0.002
_PATIENCE_SECONDS = 10.0


class Replay:
    """The messages of `files`, one file after the other."""

    def __init__(self, files: Sequence[Path], *, speed: float) -> None:
        self.files, self.speed = files, speed

    async def run(self, hub: Hub) -> None:
        """From the first client to the last message, which has left when this returns."""
        while not list(_listening(hub)):
            await asyncio.sleep(_LOOK_SECONDS)
        began, first_ns = time.monotonic(), 0
        for record in self.records():
            first_ns = first_ns or record.time_ns
            due = began + (record.time_ns - first_ns) / 1e9 / self.speed
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await _send(hub, record.payload)
        await _wait(lambda: all(one.empty for one in _listening(hub)))

    def records(self) -> Iterator[Record]:
        """All messages in order."""
        for path in self.files:
            yield from read(path)


def _listening(hub: Hub) -> Iterator[Connection]:
    for one in hub.connections:
        if one.routed and one.subscriptions and not (one.silenced or one.half_open or one.ending):
            yield one


async def _send(hub: Hub, payload: bytes) -> None:
    # A slow client slows the replay, whatever its speed: nothing of a recording is left out.
    await _wait(lambda: all(one.has_room(payload) for one in _listening(hub)))
    opcode = WSMsgType.TEXT if _is_text(payload) else WSMsgType.BINARY
    if not hub.faults.on("silence"):
        for one in _listening(hub):
            one.offer(payload, opcode)


async def _wait(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not done() and time.monotonic() < deadline:
        await asyncio.sleep(_LOOK_SECONDS)


def _is_text(payload: bytes) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True
