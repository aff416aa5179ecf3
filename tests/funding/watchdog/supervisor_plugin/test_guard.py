"""The part of the watchdog inside supervisord: alone, and in a real supervisord."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from supervisor import events
from supervisor.states import ProcessStates

from funding.watchdog.restart_rules import Verb
from funding.watchdog.supervisor import PluginReport, SupervisorClient
from funding.watchdog.supervisor_plugin.guard import FIRST_BEAT_SECONDS, TICK_SECONDS, Guard
from funding.watchdog.supervisor_plugin.reports import MAX_REPORTS
from harness.http_client import connect
from harness.processes import WAIT_SECONDS, finished, until
from tests.conftest import free_port
from tests.support.supervised import ENDS, FATAL, HEAD, PROGRAM, SLEEPS, supervisord

PLUGIN = """[rpcinterface:guard]
supervisor.rpcinterface_factory=funding.watchdog.supervisor_plugin.guard:make
"""
HUNG = """
import os, time
from pathlib import Path
from funding.watchdog.supervisor import SupervisorClient
SupervisorClient(Path('{socket}')).send_heartbeat(os.getpid(), 0.1)
time.sleep(600)
"""


@dataclass
class Supervised:
    """supervisord with one program, as the plugin sees it; the test sets the clock."""

    pid: int = 7
    state: int = ProcessStates.RUNNING
    now: float = 1_000.0
    signals: list[int] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)

    def get_state(self) -> int:
        return self.state

    def signal(self, number: int) -> None:
        self.signals.append(number)

    def guard(self) -> Guard:
        group = SimpleNamespace(processes={"watchdog": self})
        logger = SimpleNamespace(critical=self.logged.append)
        options = SimpleNamespace(logger=logger, server_configs=[], httpservers=[])
        outer = SimpleNamespace(process_groups={"funding": group}, options=options)
        return Guard(outer, lambda: self.now, lambda: self.now + 1e9)

    def advance(self, guard: Guard, seconds: float) -> None:
        for _ in range(int(seconds / TICK_SECONDS)):
            self.now += TICK_SECONDS
            guard._on_tick(None)


def test_living_watchdog_is_left_alone() -> None:
    world = Supervised()
    guard = world.guard()
    for _ in range(100):
        assert guard.beat(7, 6.0) == []
        world.advance(guard, 5)
    assert (world.signals, world.logged) == ([], [])


def test_silent_watchdog_is_killed_once_and_reported_to_the_next_one() -> None:
    world = Supervised()
    guard = world.guard()
    guard.beat(7, 20.0)
    world.advance(guard, 20)
    assert world.signals == []
    world.advance(guard, 5)
    assert world.signals == [signal.SIGKILL]
    world.pid = 8
    (report,) = guard.beat(8, 20.0)
    text = "funding:watchdog (hung watchdog): no beat of process 7"
    assert report == (1, 1e9 + 1_025.0, "kill", "funding:watchdog", 7, text, "")
    assert guard.beat(8, 20.0, 1) == []
    assert world.logged == [text]


def test_new_watchdog_has_time_for_its_first_beat() -> None:
    world = Supervised()
    guard = world.guard()
    world.advance(guard, FIRST_BEAT_SECONDS)
    assert world.signals == []
    world.advance(guard, 2 * TICK_SECONDS)
    assert world.signals == [signal.SIGKILL]


@pytest.mark.parametrize("state", [ProcessStates.STOPPED, ProcessStates.BACKOFF])
def test_watchdog_that_does_not_run_is_left_alone(state: int) -> None:
    world = Supervised(state=state)
    guard = world.guard()
    guard.beat(7, 1.0)
    world.advance(guard, 1_000)
    assert world.signals == []


def test_delay_of_supervisord_is_not_counted() -> None:
    world = Supervised()
    guard = world.guard()
    guard.beat(7, 20.0)
    world.now += 3_600
    guard._on_tick(None)
    world.advance(guard, 10)
    assert world.signals == []
    world.advance(guard, 15)
    assert world.signals == [signal.SIGKILL]


def test_defect_of_the_plugin_does_not_end_supervisord() -> None:
    world = Supervised()
    guard = world.guard()
    world.get_state = lambda: 1 / 0  # type: ignore[assignment, method-assign, return-value]
    guard._on_tick(None)
    assert "ZeroDivisionError" in world.logged[0]


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
def test_process_that_ends_unasked_is_reported(status: int | None, how: str) -> None:
    guard = Supervised().guard()
    guard._on_state(ended(9, status))
    guard._on_state(ended(10, 0, expected=True))
    crash, stop = guard.beat(7, 6.0)
    text = f"api:api_00 ended by itself: {how}"
    assert crash == (1, 1e9 + 1_000.0, "crash", "api:api_00", 9, text, "")
    assert stop[2:] == ("stop", "api:api_00", 10, "api:api_00 ended: exit status 0", "")


def test_new_watchdog_receives_what_the_dead_one_did_not_store() -> None:
    guard = Supervised().guard()
    guard._on_state(ended(9, -1))
    first = guard.beat(7, 6.0)
    guard._on_state(ended(10, -1))
    again = guard.beat(8, 6.0)
    assert [report[4] for report in again] == [9, 10]
    assert again[:1] == first
    assert guard.beat(8, 6.0, 1) == again[1:]
    assert guard.beat(8, 6.0, 2) == []


def test_reports_that_nobody_asks_for_are_bounded() -> None:
    guard = Supervised().guard()
    guard._on_state(ended(1, -1))
    guard.beat(7, 6.0)
    for pid in range(2, MAX_REPORTS + 3):
        guard._on_state(ended(pid, -1))
    assert [report[4] for report in guard.beat(7, 6.0)] == list(range(3, MAX_REPORTS + 3))


def test_killed_watchdog_is_not_a_crash() -> None:
    world = Supervised()
    guard = world.guard()
    world.advance(guard, FIRST_BEAT_SECONDS + 2 * TICK_SECONDS)
    guard._on_state(ended(7, -1))
    assert [report[2] for report in guard.beat(8, 20.0)] == ["kill"]


ENDINGS = """
[program:ended]
command={python} -c "import time; time.sleep(600)"
startsecs=0
autorestart=true
"""


def running(client: SupervisorClient) -> dict[str, int]:
    """The processes that supervisord calls started, by program."""
    return {each.name: each.pid for each in client.processes() if each.state == "RUNNING"}


OBEYS = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0));"
    " print('obeys', flush=True); time.sleep(600)"
)
ALIKE = ("funding:watchdog", "ended:ended", "funding:obeys", "funding:stopped")
"""Programs that run, are ended once, and run again."""


@pytest.fixture
def ended_once(short_path: Path) -> Iterator[tuple[dict[str, int], SupervisorClient]]:
    """A supervisord whose programs have all ended once, each in its way, and the processes that
    ran before. One more program, `broken`, ended before it was called started."""
    programs = {"watchdog": SLEEPS, "stopped": SLEEPS, "obeys": OBEYS, "broken": ENDS}
    options = {
        "broken": FATAL,
        "obeys": {"stdout_logfile": str(short_path / "obeys.log")},
    }
    extra = PLUGIN + ENDINGS.format(python=sys.executable)
    extra += f"[supervisorctl]\nserverurl=unix://{short_path}/s\n"
    with supervisord(short_path, programs, extra, **options):
        client = SupervisorClient(short_path / "s")
        until(lambda: len(running(client)) == len(ALIKE), "the programs")
        first = running(client)
        until((short_path / "obeys.log").read_text, "a process that obeys TERM")
        for name in ("funding:watchdog", "ended:ended"):
            os.kill(first[name], signal.SIGKILL)
        client.signal("funding:obeys", Verb.TERM)
        config = str(short_path / "supervisord.conf")
        command = [sys.executable, "-m", "supervisor.supervisorctl", "-c", config]
        done = finished([*command, "restart", "funding:stopped"])
        assert "started" in done.stdout, done.stdout + done.stderr
        until(
            lambda: len({*running(client).items()} - {*first.items()}) == len(ALIKE),
            "the processes that follow",
        )
        until(lambda: any(each.state == "FATAL" for each in client.processes()), "one gives up")
        yield first, client


def test_each_start_and_each_end_is_reported_by_its_kind(
    ended_once: tuple[dict[str, int], SupervisorClient],
) -> None:
    """Crashes are SIGKILL, a program that cannot start, and the watchdog's own end; a stop by an
    operator and an obeyed TERM are stops."""
    first, client = ended_once
    second = running(client)
    reports = client.send_heartbeat(1, 60.0)
    assert {(each.program, each.kind, each.rule) for each in reports} == {
        *((name, "start", "") for name in ALIKE),
        ("funding:watchdog", "crash", ""),
        ("ended:ended", "crash", ""),
        ("funding:broken", "crash", ""),
        ("funding:obeys", "stop", ""),
        ("funding:stopped", "stop", "operator"),
    }
    starts = [each for each in reports if each.kind == "start"]
    assert {(each.program, each.pid) for each in starts} == {*first.items(), *second.items()}
    stopped = next(each for each in reports if each.rule == "operator")
    assert stopped.text == "funding:stopped was stopped by an operator"
    killed = next(each for each in reports if each[2:4] == ("crash", "ended:ended"))
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


def test_api_listens_where_the_settings_say(short_path: Path) -> None:
    """The configuration names a placeholder, since it can read no settings."""
    port = free_port()
    section = SERVER.format(python=sys.executable, port=1).replace(":server]", ":api]")
    section = section.replace("tcp://127.0.0.1:1", f"unix://{short_path}/api")
    settings = {"FUNDING_API_PORT": port}
    with supervisord(short_path, {"other": SLEEPS}, extra=PLUGIN + section, settings=settings):
        client = SupervisorClient(short_path / "s")
        until(lambda: sum("api:" in p.name and p.pid > 0 for p in client.processes()) == 2, "api")
        with socket.create_connection(("127.0.0.1", port), timeout=WAIT_SECONDS):
            assert not (short_path / "api").exists()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("FUNDING_STALE_AFTER", "FUNDING_STALE_AFTER='x': expected seconds, 1 to 86400"),
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
        config.write_text(head + program + PLUGIN + section)
        done = finished(
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(config)], **settings
        )
    assert done.returncode == 2
    assert f"supervisord: {reason.format(port=port)}\n" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr + done.stdout


def test_listening_socket_outlives_all_processes(short_path: Path) -> None:
    """It is closed with its group, so that a changed group can take its place."""
    port = free_port()
    server = SERVER.format(python=sys.executable, port=port)
    server += f"[supervisorctl]\nserverurl=unix://{short_path}/s\n"
    with supervisord(short_path, {"other": SLEEPS}, extra=PLUGIN + server):
        client = SupervisorClient(short_path / "s")

        def pids() -> set[int]:
            return {p.pid for p in client.processes() if p.name.startswith("server:") and p.pid}

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


def test_hung_watchdog_is_killed_by_a_real_supervisord(short_path: Path) -> None:
    code = HUNG.replace("{socket}", str(short_path / "s")).strip().replace("\n", "\\n")
    programs = {"watchdog": f"exec('''{code}''')", "other": SLEEPS}
    with supervisord(short_path, programs, extra=PLUGIN):
        client = SupervisorClient(short_path / "s")

        def running() -> dict[str, int]:
            return {each.name: each.pid for each in client.processes() if each.state == "RUNNING"}

        until(lambda: len(running()) == 2, "both programs")
        first = running()
        until(
            lambda: running().get("funding:watchdog", 0) not in (0, first["funding:watchdog"]),
            "a new watchdog",
        )
        assert running()["funding:other"] == first["funding:other"]


def test_heartbeat_without_the_plugin_is_not_an_error(short_path: Path) -> None:
    with supervisord(short_path, {"other": SLEEPS}):
        assert SupervisorClient(short_path / "s").send_heartbeat(1, 1.0) == []
