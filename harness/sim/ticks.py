"""When frames are due: the exchange's clock, and the ticks of both classes as one async source.

Consumers of ticks do not know their source, so that recorded ones can be played too.

# Facts

- Main rows carry E on the whole second, TradFi rows tick on a phase of their own, E …684 (captures
  of 2026-10-07).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from harness.sim.contracts import ClassName

_TRADFI_PHASE = 0.684
# Lateness, wall seconds, up to which every tick is made up for; beyond it ticks are left out.
_CATCH_UP_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Tick:
    """One frame's instant: its class, its number, and its true event time, epoch ms."""

    class_name: ClassName
    number: int
    event_time_ms: int


class Clock:
    """The exchange's time, epoch ms: the wall clock at start, then `speed` times real time.

    It follows the monotonic clock, so that a step of the machine's clock does not move it.
    """

    def __init__(self, *, speed: float = 1.0) -> None:
        self.speed = speed
        self._wall_ms, self._start = time.time() * 1000, time.monotonic()

    def now_ms(self) -> float:
        """Now."""
        return self._wall_ms + (time.monotonic() - self._start) * 1000 * self.speed

    def seconds_until(self, exchange_ms: float) -> float:
        """Real seconds until the exchange's clock shows this; negative when it has."""
        return (exchange_ms - self.now_ms()) / 1000 / self.speed


class TickSource:
    """Two ticks per step, main then TradFi, each at its time, E strictly rising in each class."""

    def __init__(self, clock: Clock, *, step_ms: int) -> None:
        self.clock, self.step_ms = clock, step_ms
        self.phase_ms = round(step_ms * _TRADFI_PHASE)
        self.left_out = 0

    def latest_ms(self, class_name: ClassName, at_ms: float) -> int:
        """The event time of the newest tick of this class that was due at that instant."""
        phase = self.phase_ms if class_name == "tradfi" else 0
        return int(at_ms - phase) // self.step_ms * self.step_ms + phase

    async def ticks(self) -> AsyncIterator[Tick]:
        """Ticks, for ever."""
        number = int(self.clock.now_ms()) // self.step_ms + 1
        while True:
            for class_name, phase in self._phases():
                due = number * self.step_ms + phase
                # A sleep of 0 when late: other tasks get a turn between two ticks.
                await asyncio.sleep(max(0.0, self.clock.seconds_until(due)))
                yield Tick(class_name, number, due)
            number += 1
            if self.clock.seconds_until(number * self.step_ms) < -_CATCH_UP_SECONDS:
                current = int(self.clock.now_ms()) // self.step_ms
                self.left_out += current - number
                number = current

    def _phases(self) -> tuple[tuple[ClassName, int], tuple[ClassName, int]]:
        return ("main", 0), ("tradfi", self.phase_ms)
