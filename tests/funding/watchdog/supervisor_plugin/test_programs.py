"""Programs that ran before supervisord ended, alone and in a real supervisord."""

import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from funding.watchdog.supervisor import SupervisorClient
from funding.watchdog.supervisor_plugin.programs import FILE, StartedPrograms
from harness.processes import finished, until
from tests.funding.watchdog.supervisor_plugin.test_guard import PLUGIN
from tests.support.supervised import SLEEPS, supervisord


def process(name: str, *, autostart: bool = False) -> Any:
    group = SimpleNamespace(config=SimpleNamespace(name="funding"))
    return SimpleNamespace(config=SimpleNamespace(name=name, autostart=autostart), group=group)


def waiting(programs: StartedPrograms, *processes: Any) -> list[str]:
    group = SimpleNamespace(processes={each.config.name: each for each in processes})
    return [each.config.name for each in programs.waiting({"funding": group})]


def test_what_ran_is_remembered_and_what_was_stopped_is_not(tmp_path: Path) -> None:
    path, every = tmp_path / "started", [process("a"), process("b"), process("c", autostart=True)]
    first = StartedPrograms(path)
    assert waiting(first, *every) == []
    for each in every:
        first.started(each)
    assert waiting(StartedPrograms(path), *every) == ["a", "b"]
    first.stopped(every[0])
    assert waiting(StartedPrograms(path), *every) == ["b"]
    assert path.read_text() == "funding:b\n"


def test_damaged_memory_is_no_memory(tmp_path: Path) -> None:
    (tmp_path / "started").write_bytes(b"\xff\xfe")
    programs = StartedPrograms(tmp_path / "started")
    assert waiting(programs, process("a")) == []
    programs.started(process("a"))
    assert waiting(StartedPrograms(tmp_path / "started"), process("a")) == ["a"]


def test_without_a_file_nothing_is_remembered() -> None:
    programs = StartedPrograms(None)
    programs.started(process("a"))
    assert waiting(StartedPrograms(None), process("a")) == []


def test_group_that_is_defined_anew_was_not_stopped_by_an_operator(tmp_path: Path) -> None:
    programs, (a, b) = StartedPrograms(tmp_path / "started"), (process("a"), process("b"))
    always = process("c", autostart=True)
    for each in (a, b, always):
        programs.started(each)
    programs.stopping(a, 100.0)
    programs.stopped(a)  # by an operator, who then updates
    for each in (b, always):
        programs.stopping(each, 105.0)
        programs.stopped(each)
    assert waiting(programs, a, b, always) == []
    programs.removed("other", 106.0)
    assert waiting(programs, a, b, always) == []
    programs.removed("funding", 120.0)
    assert waiting(programs, a, b, always) == ["b"]
    programs.removed("funding", 121.0)
    assert waiting(programs, a, b, always) == ["b"]


def test_group_that_was_stopped_long_before_it_is_removed_stays_stopped(tmp_path: Path) -> None:
    programs, a = StartedPrograms(tmp_path / "started"), process("a")
    programs.started(a)
    programs.stopping(a, 100.0)
    programs.stopped(a)
    programs.removed("funding", 130.1)
    assert waiting(programs, a) == []


def test_update_leaves_started_programs_running(short_path: Path) -> None:
    waits = {"autostart": "false"}
    programs = {"watchdog": SLEEPS, "consumer": SLEEPS, "idle": SLEEPS}
    extra = PLUGIN + f"[supervisorctl]\nserverurl=unix://{short_path}/s\n"
    config = short_path / "supervisord.conf"
    command = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(config)]
    client = SupervisorClient(short_path / "s")

    def running() -> dict[str, int]:
        return {e.name.partition(":")[2]: e.pid for e in client.processes() if e.is_running}

    with supervisord(short_path, programs, extra, consumer=waits, idle=waits):
        until(lambda: running().keys() == {"watchdog"}, "the programs that start by themselves")
        client.start("funding:consumer")
        until(lambda: len(running()) == 2, "the one that is started by hand")
        before = running()
        config.write_text(
            config.read_text().replace("[program:idle]", "[program:idle]\npriority=1")
        )
        assert "updated process group" in finished([*command, "update"]).stdout

        def again() -> bool:
            now = running()
            return now.keys() == before.keys() and not set(now.values()) & set(before.values())

        until(again, "both of them, and not the idle one")


def test_started_programs_run_again_with_the_next_supervisord(short_path: Path) -> None:
    """By its orderly end and by its death; but not those that an operator stopped."""
    waits = {"autostart": "false"}
    programs = {"watchdog": SLEEPS, "consumer": SLEEPS, "stopped": SLEEPS, "idle": SLEEPS}
    extra = PLUGIN + f"[supervisorctl]\nserverurl=unix://{short_path}/s\n"
    config = short_path / "supervisord.conf"
    command = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(config)]
    client = SupervisorClient(short_path / "s")

    def running() -> set[str]:
        return {each.name.partition(":")[2] for each in client.processes() if each.is_running}

    for number, end in enumerate((signal.SIGTERM, signal.SIGKILL, signal.SIGTERM)):
        (short_path / "s").unlink(missing_ok=True)  # a killed supervisord leaves it behind
        with supervisord(
            short_path, programs, extra, consumer=waits, stopped=waits, idle=waits
        ) as process:
            if number == 0:
                until(lambda: running() == {"watchdog"}, "the programs that start by themselves")
                client.start("funding:consumer")
                client.start("funding:stopped")
                until(lambda: len(running()) == 3, "those that are started by hand")
                done = finished([*command, "stop", "funding:stopped"])
                assert "stopped" in done.stdout
            until(lambda: running() == {"watchdog", "consumer"}, f"the programs of life {number}")
            if end == signal.SIGTERM:
                process.send_signal(end)
                process.wait()
    assert (short_path / FILE).read_text() == "funding:consumer\n"
