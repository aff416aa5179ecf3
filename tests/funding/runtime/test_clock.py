"""The system's clocks."""

import subprocess
import sys
import time

import pytest

from funding.runtime.clock import SYSTEM


def test_wall_clock_is_unix_time() -> None:
    assert abs(SYSTEM.wall() - time.time()) < 5.0


def test_uptime_never_goes_back() -> None:
    times = [SYSTEM.uptime() for _ in range(1_000)]
    assert times == sorted(times)


@pytest.mark.skipif(sys.platform != "linux", reason="the clock of one boot is Linux's")
def test_another_process_has_the_same_uptime_and_boot() -> None:
    code = "from funding.runtime.clock import SYSTEM; print(SYSTEM.boot, SYSTEM.uptime())"
    before = SYSTEM.uptime()
    boot, uptime = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert boot == SYSTEM.boot
    assert before <= float(uptime) <= SYSTEM.uptime()
