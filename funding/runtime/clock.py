"""The clocks: wall time for people, time since boot for ages.

# Facts
- CLOCK_BOOTTIME is the same in every process of one boot, never steps and counts suspended
  time (clock_gettime(2)); the wall clock may be set back by an hour, and a dead feed would look
  fresh for that hour.
- /proc/sys/kernel/random/boot_id tells one boot from another (random(4)).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def _uptime() -> float:
    return time.clock_gettime(_CLOCK)


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return "unknown"


@dataclass(frozen=True, slots=True)
class Clock:
    """`wall()` is Unix seconds, `uptime()` seconds since boot, `boot` names the boot."""

    wall: Callable[[], float]
    uptime: Callable[[], float]
    boot: str


SYSTEM = Clock(wall=time.time, uptime=_uptime, boot=_boot_id())
