"""Half a minute of a soak."""

import json
import signal
import sys
import time
from pathlib import Path

import pytest

from harness.processes import running, until


@pytest.mark.faults
def test_half_a_minute(tmp_path: Path) -> None:
    """Faults, a report, and nothing left; ended by Ctrl-C."""
    report, log = tmp_path / "report.json", tmp_path / "log"
    given = ["scripts/soak.py", "--few", "--json", str(report), "--seed", "3"]
    with running([sys.executable, *given], log) as process:
        began = time.monotonic()
        until(lambda: log.read_text().count(" s of ") >= 4 or process.poll(), "four faults", 60)
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0, log.read_text()
    found = json.loads(report.read_text("utf-8"))
    assert {each["verdict"] for each in found["criteria"]} <= {"PASS", "OPEN"}
    assert sum(each["times"] for each in found["faults"]) >= 4
    assert found["answers"]["200"] > 20 * (time.monotonic() - began) / 10
    (folder,) = (word for word in log.read_text().split() if word.startswith("/tmp/fs-"))
    assert not Path(folder).exists()
