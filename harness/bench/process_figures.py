"""The kernel's figures of a process (CPU, memory, bytes written), and of the machine.

# Facts
- The CPU clock of another process has the id (~pid << 3) | 2 (clock_getcpuclockid(3)): ns, and
  threads that have ended are in it. /proc/PID/stat counts the same in ticks of 10 ms.
- `write_bytes` counts pages that became dirty, `cancelled_write_bytes` those that were dropped
  again before the disk saw them (proc(5)); `wchar` all that was handed to write().
"""

import os
import platform
import re
import time
from pathlib import Path
from typing import NamedTuple

_CPUCLOCK_SCHED = 2


class Written(NamedTuple):
    """Bytes handed to the kernel, and those that the disk had to write."""

    handed: int
    disk: int


def cpu_seconds(pid: int) -> float:
    """CPU time of a process, all threads."""
    return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)


def megabytes(pid: int, kind: str = "Rss") -> float:
    """Its memory. Rss counts shared pages in full, so a sum of it over processes is an upper bound;
    Pss divides them among the processes that share them."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
    found = re.search(rf"^{kind}: +(\d+) kB", text, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def written(pid: int) -> Written:
    """Bytes since the process began."""
    text = Path(f"/proc/{pid}/io").read_text("ascii")
    counts = {name: int(value) for name, value in re.findall(r"(\w+): (\d+)", text)}
    disk = counts["write_bytes"] - counts["cancelled_write_bytes"]
    return Written(counts["wchar"], disk)


def machine() -> str:
    """For the table's heading."""
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores, load at the start {load:.1f}, Python {platform.python_version()}"
    )
