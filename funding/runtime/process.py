"""This machine: the age and the size of a process, who listens where, the space on a disk.

# Facts
- PR_SET_PDEATHSIG sends a process the signal when its parent ends, for whatever reason (prctl(2)).
  A fork clears it, and so does exec of a set-user-ID program. A parent that ended before the call
  sends none; process 1 has its children then, as a rule.
- /proc/PID/stat has the start in clock ticks since boot (proc(5)), so an age taken from it does
  not change when the wall clock steps.
"""

import ctypes
import os
import signal
import socket
import sys
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_ENDED = ("Z", "X")


_SET_PDEATHSIG = 1


def end_with_parent(name: str) -> None:
    """Have the kernel kill this process when its parent ends, which runs the program `name`, or end
    at once where it has ended before; on Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() == 1 and name.encode() not in Path("/proc/1/cmdline").read_bytes():
            os.kill(os.getpid(), signal.SIGKILL)


def listens(path: Path) -> bool:
    """Whether a process listens at the unix socket `path`, or at the one that it links to."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1.0)
            client.connect(str(path))
    except OSError:
        return False
    return True


def start_time(pid: int) -> float | None:
    """When process `pid` began, in seconds since boot; None when there is none, or when it has
    ended and nobody has taken note of that. With its pid this names a process: a pid is used
    again."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in _ENDED else int(fields[19]) / _TICKS


def age_seconds(pid: int, uptime: float) -> float:
    """Seconds since process `pid` began, at `uptime` seconds since boot; 0 when there is none."""
    began = start_time(pid)
    return 0.0 if began is None else max(0.0, uptime - began)


def name(pid: int) -> str:
    """The name of process `pid`, as `ps` shows it; "?" when there is none."""
    try:
        return Path(f"/proc/{pid}/comm").read_text("utf-8", "replace").strip()
    except OSError:
        return "?"


def send_signal(pid: int, began: float, number: int) -> bool:
    """Send a signal to process `pid`, if it is the one that began at `began` (see `start_time`);
    whether it was sent."""
    if start_time(pid) != began:
        return False
    try:
        os.kill(pid, number)
    except OSError:
        return False
    return True


def memory_bytes(pid: int) -> int:
    """Resident memory of process `pid`; 0 when there is none."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * _PAGE
    except OSError:
        return 0


def file_bytes(path: Path) -> int:
    """The size of a file; 0 when there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def disk_free_bytes(folder: Path) -> int | None:
    """What an unprivileged process may still write at `folder`; None when that does not exist."""
    try:
        status = os.statvfs(folder)
    except OSError:
        return None
    return status.f_bavail * status.f_frsize
