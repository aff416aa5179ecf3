"""A command that ends when its parent does."""

import signal
import subprocess
import sys
from pathlib import Path

from harness.processes import ROOT, running, tied, until


def test_a_tied_process_ends_with_its_parent(tmp_path: Path) -> None:
    started = (
        "import subprocess, sys, time; from harness.processes import tied;"
        "child = subprocess.Popen(tied(sys.executable, '-c', 'import time; time.sleep(60)'));"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    log = tmp_path / "log"
    with running([sys.executable, "-c", started], log) as parent:
        child = Path("/proc") / until(log.read_text, "a child").strip()
        until(lambda: b"time.sleep" in (child / "cmdline").read_bytes(), "it has begun")
        parent.send_signal(signal.SIGKILL)
        until(lambda: not child.exists() or not (child / "cmdline").read_bytes(), "it is gone")


def test_a_command_whose_parent_has_ended_does_not_start() -> None:
    given = tied(sys.executable, "-c", "print('it runs')")
    given[2] = "1"  # a parent that is not ours
    done = subprocess.run(given, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "is gone" in done.stderr
