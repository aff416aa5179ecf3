"""What stands above the watchdog: a guard in supervisord."""

import os
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from supervisor import events
from supervisor.states import ProcessStates

from funding.watchdog.supervisor import PluginReport, SupervisorClient
from funding.watchdog.supervisor_plugin import FIRST_SECONDS, TICK_SECONDS, TOLD_MOST, Guard
from tests.conftest import free_port
from tests.support.processes import connect, finished, until
from tests.support.supervised import ENDS, HEAD, PROGRAM, SLEEPS, supervisord

GUARD = """[rpcinterface:guard]
supervisor.rpcinterface_factory=funding.watchdog.supervisor_plugin:make
"""
HUNG = """
import os, time
from pathlib import Path
from funding.watchdog.supervisor import SupervisorClient as Control
Control(Path('{socket}')).beat(os.getpid(), 0.1)
time.sleep(600)
"""


@dataclass
class Supervised:
    """supervisord with one program, seen from the guard, and a clock set by hand."""

    pid: int = 7
    state: int = ProcessStates.RUNNING
    now: float = 1_000.0
    signals: list[int] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def get_state(self) -> int:
        return self.state

    def signal(self, number: int) -> None:
        self.signals.append(number)

    def guard(self) -> Guard:
        group = SimpleNamespace(processes={"watchdog": self})
        logger = SimpleNamespace(critical=self.said.append)
        options = SimpleNamespace(logger=logger)
        outer = SimpleNamespace(process_groups={"funding": group}, options=options)
        return Guard(outer, lambda: self.now, lambda: self.now + 1e9)

    def pass_seconds(self, guard: Guard, seconds: float) -> None:
        for _ in range(int(seconds / TICK_SECONDS)):
            self.now += TICK_SECONDS
            guard._tick(None)


def test_a_watchdog_that_beats_is_left() -> None:
    world = Supervised()
    guard = world.guard()
    for _ in range(100):
        assert guard.beat(7, 6.0) == []
        world.pass_seconds(guard, 5)
    assert (world.signals, world.said) == ([], [])


def test_one_that_does_not_is_killed_once_and_the_next_is_told() -> None:
    world = Supervised()
    guard = world.guard()
    guard.beat(7, 20.0)
    world.pass_seconds(guard, 20)
    assert world.signals == []
    world.pass_seconds(guard, 5)
    assert world.signals == [signal.SIGKILL]
    world.pid = 8
    (told,) = guard.beat(8, 20.0)
    text = "funding:watchdog (hung watchdog): no beat of process 7"
    assert told == (1, 1e9 + 1_025.0, "kill", "funding:watchdog", 7, text)
    assert guard.beat(8, 20.0, 1) == []
    assert world.said == [text]


def test_a_new_one_has_time_for_its_first_beat() -> None:
    world = Supervised()
    guard = world.guard()
    world.pass_seconds(guard, FIRST_SECONDS)
    assert world.signals == []
    world.pass_seconds(guard, 2 * TICK_SECONDS)
    assert world.signals == [signal.SIGKILL]


@pytest.mark.parametrize("state", [ProcessStates.STOPPED, ProcessStates.BACKOFF])
def test_what_does_not_run_is_left(state: int) -> None:
    world = Supervised(state=state)
    guard = world.guard()
    guard.beat(7, 1.0)
    world.pass_seconds(guard, 1_000)
    assert world.signals == []


def test_a_supervisord_that_was_held_up_gives_the_time_back() -> None:
    world = Supervised()
    guard = world.guard()
    guard.beat(7, 20.0)
    world.now += 3_600
    guard._tick(None)
    world.pass_seconds(guard, 10)
    assert world.signals == []
    world.pass_seconds(guard, 15)
    assert world.signals == [signal.SIGKILL]


def test_a_defect_of_the_guard_does_not_end_supervisord() -> None:
    world = Supervised()
    guard = world.guard()
    world.get_state = lambda: 1 / 0  # type: ignore[assignment, method-assign, return-value]
    guard._tick(None)
    assert "ZeroDivisionError" in world.said[0]


def ended(pid: int, status: int | None, *, expected: bool = False) -> events.ProcessStateEvent:
    """The event of one program's end; of one before startsecs when it has no `status`."""
    names = SimpleNamespace(config=SimpleNamespace(name="api_00"), pid=pid, exitstatus=status)
    names.group = SimpleNamespace(config=SimpleNamespace(name="api"))
    names.spawnerr, names.backoff = "Exited too quickly", 1
    if status is None:
        return events.ProcessStateBackoffEvent(names, ProcessStates.STARTING)
    return events.ProcessStateExitedEvent(names, ProcessStates.RUNNING, expected)


@pytest.mark.parametrize(
    ("status", "how"), [(-1, "by a signal"), (3, "exit status 3"), (None, "Exited too quickly")]
)
def test_what_ends_unasked_is_told(status: int | None, how: str) -> None:
    guard = Supervised().guard()
    guard._ended(ended(9, status))
    guard._ended(ended(10, 0, expected=True))
    told = (1, 1e9 + 1_000.0, "crash", "api:api_00", 9, f"api:api_00 ended by itself: {how}")
    assert guard.beat(7, 6.0) == [told]


def test_what_a_watchdog_took_into_its_grave_the_next_one_hears() -> None:
    guard = Supervised().guard()
    guard._ended(ended(9, -1))
    first = guard.beat(7, 6.0)
    guard._ended(ended(10, -1))
    again = guard.beat(8, 6.0)
    assert [told[4] for told in again] == [9, 10]
    assert again[:1] == first
    assert guard.beat(8, 6.0, 1) == again[1:]
    assert guard.beat(8, 6.0, 2) == []


def test_what_nobody_asks_for_is_bounded() -> None:
    guard = Supervised().guard()
    guard._ended(ended(1, -1))
    guard.beat(7, 6.0)
    for pid in range(2, TOLD_MOST + 3):
        guard._ended(ended(pid, -1))
    assert [told[4] for told in guard.beat(7, 6.0)] == list(range(3, TOLD_MOST + 3))


def test_what_the_guard_killed_did_not_crash() -> None:
    world = Supervised()
    guard = world.guard()
    world.pass_seconds(guard, FIRST_SECONDS + 2 * TICK_SECONDS)
    guard._ended(ended(7, -1))
    assert [told[2] for told in guard.beat(8, 20.0)] == ["kill"]


ENDINGS = """
[program:ended]
command={python} -c "import time; time.sleep(600)"
startsecs=0
autorestart=true
"""


def test_crashes_are_told_by_supervisord_and_orderly_ends_are_not(short_path: Path) -> None:
    """SIGKILL, a program that cannot start, and the watchdog's own end; a stop and a TERM that is
    obeyed are none."""
    obeys = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0));"
        " print('obeys', flush=True); time.sleep(600)"
    )
    programs = {"watchdog": SLEEPS, "stopped": SLEEPS, "obeys": obeys, "broken": ENDS}
    broken = {"startsecs": "1", "startretries": "0"}
    ending = ENDINGS.format(python=sys.executable)
    ending += f"[supervisorctl]\nserverurl=unix://{short_path}/s\n"
    said = short_path / "obeys.log"
    with supervisord(
        short_path, programs, GUARD + ending, broken=broken, obeys={"stdout_logfile": str(said)}
    ):
        orders = SupervisorClient(short_path / "s")

        def pids() -> dict[str, int]:
            return {each.name: each.pid for each in orders.processes() if each.pid}

        until(lambda: len(pids()) >= 4 and "obeys" in said.read_text(), "the programs")
        first = pids()
        for name in ("funding:watchdog", "ended:ended"):
            os.kill(first[name], signal.SIGKILL)
        orders.signal("funding:obeys", "TERM")
        config = str(short_path / "supervisord.conf")
        command = [sys.executable, "-m", "supervisor.supervisorctl", "-c", config]
        done = finished([*command, "restart", "funding:stopped"])
        assert "started" in done.stdout, done.stdout + done.stderr
        alike = ("funding:watchdog", "ended:ended", "funding:obeys", "funding:stopped")
        until(
            lambda: (
                all(pids().get(name, first[name]) != first[name] for name in alike)
                and any(each.state == "FATAL" for each in orders.processes())
            ),
            "their successors",
        )
        told = orders.beat(1, 60.0)
        assert {(each.program, each.kind) for each in told} == {
            ("funding:watchdog", "crash"),
            ("ended:ended", "crash"),
            ("funding:broken", "crash"),
        }
        killed = next(each for each in told if each.program == "ended:ended")
        assert isinstance(killed, PluginReport)
        assert killed.pid == first["ended:ended"]
        assert killed.text == "ended:ended ended by itself: by a signal"


SERVER = """
[fcgi-program:server]
command={python} -c "import time; time.sleep(600)"
socket=tcp://127.0.0.1:{port}
numprocs=2
process_name=%(program_name)s_%(process_num)02d
autorestart=true
startsecs=0
stopwaitsecs=1
"""


def test_the_api_listens_where_the_settings_say(short_path: Path) -> None:
    """The configuration names a placeholder, since it can read no settings."""
    port = free_port()
    section = SERVER.format(python=sys.executable, port=1).replace(":server]", ":api]")
    section = section.replace("tcp://127.0.0.1:1", f"unix://{short_path}/api")
    settings = {"FUNDING_API_PORT": port}
    with supervisord(short_path, {"other": SLEEPS}, extra=GUARD + section, settings=settings):
        orders = SupervisorClient(short_path / "s")
        until(lambda: sum("api:" in p.name and p.pid > 0 for p in orders.processes()) == 2, "api")
        with socket.create_connection(("127.0.0.1", port), timeout=10):
            assert not (short_path / "api").exists()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("FUNDING_STALE_AFTER", "FUNDING_STALE_AFTER='x': expected seconds, at least 1"),
        ("FUNDING_API_PORT", "cannot listen on 127.0.0.1:{port}: Address already in use"),
    ],
)
def test_supervisord_refuses_to_start_with_one_line(
    short_path: Path, name: str, reason: str
) -> None:
    section = SERVER.format(python=sys.executable, port=1).replace(":server]", ":api]")
    section = section.replace("tcp://127.0.0.1:1", f"unix://{short_path}/api")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings: dict[str, Any] = {name: port if name.endswith("PORT") else "x"}
        config = short_path / "supervisord.conf"
        head = HEAD.format(folder=short_path, names="other")
        program = PROGRAM.format(name="other", python=sys.executable, code=SLEEPS)
        config.write_text(head + program + GUARD + section)
        done = finished(
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(config)], **settings
        )
    assert done.returncode == 2
    assert f"supervisord: {reason.format(port=port)}\n" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr + done.stdout


def test_the_listening_socket_outlives_all_processes(short_path: Path) -> None:
    """And is given back with its group, so that a changed one can be put in its place."""
    port = free_port()
    server = SERVER.format(python=sys.executable, port=port)
    server += f"[supervisorctl]\nserverurl=unix://{short_path}/s\n"
    with supervisord(short_path, {"other": SLEEPS}, extra=GUARD + server):
        orders = SupervisorClient(short_path / "s")

        def pids() -> set[int]:
            return {p.pid for p in orders.processes() if p.name.startswith("server:") and p.pid}

        until(lambda: len(pids()) == 2, "both processes")
        first = pids()
        for pid in first:
            os.kill(pid, signal.SIGKILL)
        until(lambda: len(pids()) == 2 and not first & pids(), "two new processes")
        connect(port).close()
        log = (short_path / "supervisord.log").read_text()
        assert log.count("Creating socket") == log.count("Closing socket") + 1 == 2
        config = short_path / "supervisord.conf"
        config.write_text(config.read_text().replace("numprocs=2", "numprocs=1"))
        command = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(config), "update"]
        done = finished(command)
        assert "server: updated process group" in done.stdout, done.stdout + done.stderr
        until(lambda: len(pids()) == 1, "one process")
        connect(port).close()


def test_under_supervisord(short_path: Path) -> None:
    code = HUNG.replace("{socket}", str(short_path / "s")).strip().replace("\n", "\\n")
    programs = {"watchdog": f"exec('''{code}''')", "other": SLEEPS}
    with supervisord(short_path, programs, extra=GUARD):
        orders = SupervisorClient(short_path / "s")

        def running() -> dict[str, int]:
            return {each.name: each.pid for each in orders.processes() if each.state == "RUNNING"}

        until(lambda: len(running()) == 2, "both programs")
        first = running()
        until(
            lambda: running().get("funding:watchdog", 0) not in (0, first["funding:watchdog"]),
            "a new watchdog",
        )
        assert running()["funding:other"] == first["funding:other"]


def test_without_a_guard_a_beat_is_no_error(short_path: Path) -> None:
    with supervisord(short_path, {"other": SLEEPS}):
        assert SupervisorClient(short_path / "s").beat(1, 1.0) == []
