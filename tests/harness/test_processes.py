"""Processes that are started, waited for and ended."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.processes import (
    WAIT_SECONDS,
    environment,
    finished,
    free_port,
    listening,
    module,
    output,
    port_of,
    processes_in,
    running,
    start,
    stop,
    until,
)

SLEEPS = "import time; print('up', flush=True); time.sleep(60)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEPS
PARENT = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', {!r}]); " + SLEEPS


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_waiting_returns_what_was_waited_for_and_ends() -> None:
    answers = iter(["", "", "there"])
    assert until(lambda: next(answers), "it") == "there"
    with pytest.raises(AssertionError, match="the moon: not within"):
        until(lambda: None, "the moon", 0.1)


def test_a_process_gets_the_settings_that_are_named_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("FUNDING_DB", "https_proxy", "PYTHONDONTWRITEBYTECODE"):
        monkeypatch.setenv(name, "x")
    assert not environment().keys() & {"FUNDING_DB", "https_proxy", "PYTHONDONTWRITEBYTECODE"}
    code = "import os; print(sorted(n for n in os.environ if n.startswith('FUNDING')))"
    assert finished(python(code), FUNDING_API_PORT=1).stdout == "['FUNDING_API_PORT']\n"


def test_the_output_of_a_command() -> None:
    assert output(python("print(input())"), WAIT_SECONDS, "text\n") == "text\n"
    assert "usage" in output(module("harness.sim", "--help"), WAIT_SECONDS)
    with pytest.raises(subprocess.CalledProcessError):
        output(python("raise SystemExit(3)"), WAIT_SECONDS)


def test_what_runs_is_gone_after_the_block_with_its_children(tmp_path: Path) -> None:
    with running(python(PARENT.format(SLEEPS)), tmp_path / "log", cwd=tmp_path) as process:
        until(lambda: (tmp_path / "log").read_text().count("up") == 2, "both run")
        assert len(processes_in(tmp_path)) == 2
    assert process.returncode == -signal.SIGKILL
    until(lambda: not processes_in(tmp_path), "nothing is left")


def test_a_log_is_new_for_each_block_and_goes_on_otherwise(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for code, expected in (("print(1)", "1\n"), ("print(2)", "2\n")):
        with running(python(code), log) as process:
            process.wait(WAIT_SECONDS)
        assert log.read_text() == expected
    with start(python("print(3)"), log) as process:
        process.wait(WAIT_SECONDS)
    assert log.read_text() == "2\n3\n"


@pytest.mark.parametrize(("code", "status"), [(SLEEPS, -15), (DEAF, -9)])
def test_a_process_is_told_to_end_and_killed_when_it_does_not(
    tmp_path: Path, code: str, status: int
) -> None:
    with running(python(code), tmp_path / "log") as process:
        until(lambda: (tmp_path / "log").read_text(), "it runs")
        assert stop(process, seconds=0.3 if code == DEAF else WAIT_SECONDS) == status
        assert stop(process) == status, "again"


def test_a_piped_process_can_be_read(tmp_path: Path) -> None:
    with running(python(SLEEPS), tmp_path / "log", piped=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
    assert (tmp_path / "log").read_text() == ""


def test_a_listening_socket_has_a_port_and_a_free_port_has_no_listener() -> None:
    with listening() as listener:
        assert port_of(listener) > 0
        assert free_port() != port_of(listener)
