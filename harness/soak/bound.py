"""`python -m harness.soak.bound PARENT COMMAND…`: a command that ends when process PARENT does.

# Facts
- PR_SET_PDEATHSIG survives exec, and is about the thread that forked (prctl(2)): whoever starts
  something this way does it in its main thread.
- A parent that ended before the call is noticed by nobody but us.
"""

import ctypes
import os
import signal
import sys

_SET_PDEATHSIG = 1


def command(*parts: object) -> list[str]:
    """`parts` as a command that does not outlive this process."""
    return [sys.executable, "-m", "harness.soak.bound", str(os.getpid()), *map(str, parts)]


def main() -> None:
    """Does not return."""
    parent, *given = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit(f"soak.bound: process {parent} is gone")
    os.execvp(given[0], given)  # noqa: S606 (our own commands)


if __name__ == "__main__":
    main()
