"""Faults of what the service stands on: supervisord and the clock."""

import os
import signal
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from funding.errors import StoreInUse
from funding.runtime.clock import SYSTEM
from funding.store.ingest_lock import IngestLock
from harness.group import Group, started, tree
from harness.processes import finished, processes_in, until
from harness.stand_in import stand_in
from tests.faults.catalogue import PROGRAMS, SHORT, SHORT_TICK, events, fresh_after, well
from tests.faults.conftest import Record
from tests.support.service import healthy_service

pytestmark = pytest.mark.faults


# supervisord


def test_a_supervisord_that_hangs_does_not_hang_the_watchdog(record: Record) -> None:
    settings = SHORT | {"FUNDING_STALE_AFTER": 60}
    with healthy_service(*SHORT_TICK, **settings) as service:
        pids = {program: service.pids(program) for program in PROGRAMS}
        supervisord = service.supervisord_pid()
        os.kill(supervisord, signal.SIGSTOP)
        try:
            command = [".venv/bin/python", "watchdog.py", "--once"]
            assert "supervisord does not answer" in finished(command, cwd=service.folder).stdout
            with service.exchange.faults(freeze_symbols=["ETHUSDT"]):
                began = SYSTEM.wall()
                until(lambda: has(service, "behind", began), "other checks go on", 60)
            fresh_after(service, SYSTEM.uptime())
        finally:
            os.kill(supervisord, signal.SIGCONT)
        until(lambda: well(service), "healthy again")
        ticks = SYSTEM.uptime() + 12
        until(lambda: SYSTEM.uptime() > ticks, "two looks of the guard")
        assert {program: service.pids(program) for program in PROGRAMS} == pids
    record("SIGSTOP of supervisord", "checks and quotes go on", "they do, nothing restarted")


def has(service: Group, kind: str, since: float) -> bool:
    """Whether there is such an event since Unix seconds."""
    return any(each[1] == kind for each in events(service, since))


def watches(service: Group) -> bool:
    """Whether the watchdog has stored its start."""
    return any(each[:2] == ("funding:watchdog", "start") for each in events(service))


def test_kill_9_of_supervisord_and_a_new_start(record: Record) -> None:
    """What it leaves behind is gone at once, stopped or not, so that it can be started again."""
    with tree() as folder, stand_in(folder, *SHORT_TICK) as exchange:
        with started(folder, exchange, **SHORT) as service:
            (victim,) = service.pids("ingest.py")
            os.kill(victim, signal.SIGSTOP)
            until(lambda: well(service), "it runs")
            os.kill(service.supervisord_pid(), signal.SIGKILL)
            assert service.process.wait(30) == 128 + signal.SIGKILL
            until(lambda: not processes_in(folder), "nothing is left")
        began = SYSTEM.uptime()
        with started(folder, exchange, **SHORT) as again:
            fresh_after(again, began)
            seen = SYSTEM.uptime() - began
            again.process.terminate()
            assert again.process.wait(30) == 0
    record("supervisord kill -9, started again", "all ended; serves ≤ 10 s", f"{seen:.1f} s")
    assert seen <= 10


def test_fatal_program_is_started_and_one_that_fails_for_ever_is_left(record: Record) -> None:
    """Another program holds the store: ingest becomes FATAL, is started three times, then left."""
    with tree() as folder, stand_in(folder, *SHORT_TICK) as exchange:
        conf = folder / "supervisord.conf"
        conf.write_text(conf.read_text().replace("startretries=20", "startretries=0", 1))
        with started(folder, exchange, **SHORT) as service, ExitStack() as held:
            (pid,) = service.pids("ingest.py")
            os.kill(pid, signal.SIGKILL)
            until(lambda: holds(service.database, held), "the lock is had before the next ingest")
            until(lambda: "FATAL" in service.supervisorctl("status", "funding:ingest").stdout, "F")
            until(lambda: has(service, "start", 0.0), "it is started")
            until(lambda: has(service, "waiting", 0.0), "the budget is spent")
            starts = [each for each in events(service) if each[:2] == ("watchdog", "start")]
            assert len(starts) == 3
            held.close()
            assert service.supervisorctl("start", "funding:ingest").returncode == 0
            until(lambda: well(service), "an operator's start heals it")
    record("ingest FATAL for a lasting reason", "3 starts, then a report", f"{len(starts)} starts")


def holds(database: Path, held: ExitStack) -> bool:
    """Whether the right to write is had until `held` is closed."""
    try:
        held.enter_context(closing(IngestLock(database, "binance")))
    except StoreInUse:
        return False
    return True


# The wall clock

SHIM = """
import time
_true = time.time
def _shifted():
    try:
        with open({path!r}) as file:
            return _true() + float(file.read() or 0)
    except (OSError, ValueError):
        return _true()
time.time = _shifted
"""


@pytest.mark.parametrize("step", [-3_600, 3_600])
def test_the_wall_clock_steps(record: Record, step: int) -> None:
    """Every Python program of the group, supervisord too, sees a shifted wall clock."""
    with tree() as folder, stand_in(folder, *SHORT_TICK) as exchange:
        shim, shift = folder / "shim", folder / "shift"
        shim.mkdir()
        (shim / "sitecustomize.py").write_text(SHIM.format(path=str(shift)))
        settings = SHORT | {"PYTHONPATH": shim}
        with started(folder, exchange, **settings) as service:
            pids = {program: service.pids(program) for program in PROGRAMS}
            # The watchdog has stored its start after its first look, which a step is seen from.
            until(lambda: watches(service), "the watchdog has looked")
            shift.write_text(str(step))
            until(lambda: has(service, "clock-step", 0.0), "the step is noticed")
            fresh_after(service, SYSTEM.uptime())
            assert well(service)
            with service.exchange.faults(silence=True):
                began = SYSTEM.uptime()
                until(lambda: service.ask("/funding/BTCUSDT").status == 503, "it is stale")
                stale = SYSTEM.uptime() - began
            until(lambda: well(service), "healthy again")
            assert {program: service.pids(program) for program in PROGRAMS} == pids
            service.process.terminate()
            assert service.process.wait(30) == 0
    limit = float(SHORT["FUNDING_STALE_AFTER"])
    result = f"stale after {stale:.1f} s"
    record(f"wall clock {step:+} s, then a dead feed", f"stale ≤ {limit:g} s, 0 restarts", result)
    assert limit - 1 <= stale <= limit + 1
