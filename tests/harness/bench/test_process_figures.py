"""What the kernel says of a process: here of ourselves."""

import os
import time
from pathlib import Path

from harness.bench.process_figures import cpu_seconds, machine, megabytes, written


def test_cpu_time_is_counted() -> None:
    before, own = cpu_seconds(os.getpid()), time.process_time()
    while time.process_time() - own < 0.05:  # counted in hundredths, twice rounded down
        pass
    assert 0.03 <= cpu_seconds(os.getpid()) - before < 5


def test_memory_with_shared_pages_is_more_than_without() -> None:
    resident, proportional = megabytes(os.getpid()), megabytes(os.getpid(), "Pss")
    assert 5 < proportional <= resident < 5_000


def test_what_is_written_is_counted(tmp_path: Path) -> None:
    before = written(os.getpid()).handed
    (tmp_path / "file").write_bytes(b"x" * 100_000)
    assert written(os.getpid()).handed - before >= 100_000


def test_the_machine_is_described() -> None:
    assert "cores" in machine()
