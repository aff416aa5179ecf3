"""`python harness/tied.py PARENT COMMAND…`: a command that ends when process PARENT ends.

# Facts
- PR_SET_PDEATHSIG survives exec, and is about the thread that forked (prctl(2)): start such a
  command in the main thread.
- A parent that ended before the call sends no signal, so it is looked for afterwards.
"""

import ctypes
import os
import signal
import sys

_SET_PDEATHSIG = 1


def main() -> None:
    """Becomes the command: does not return."""
    parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit(f"tied: process {parent} is gone")
    os.execvp(command[0], command)  # noqa: S606 (our own commands)


if __name__ == "__main__":
    main()
