"""The client of supervisord, with a real supervisord."""

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from supervisor.xmlrpc import Faults

from funding.errors import SupervisorError
from funding.health.facts import Process, ProcessState
from funding.runtime.process import start_time
from funding.watchdog import supervisor
from funding.watchdog.restart_rules import Verb
from funding.watchdog.supervisor import SupervisorClient
from harness.processes import until
from tests.support.http_script import Turn, hangs, reply, scripted, sends, trickles
from tests.support.supervised import DEAF, ENDS, FATAL, SLEEPS, supervisord

STOPPED = {"autostart": "false"}
PROGRAMS = {"sleeper": SLEEPS, "deaf": DEAF, "stopped": SLEEPS, "fatal": ENDS}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with short_folder() as made, supervisord(made, PROGRAMS, stopped=STOPPED, fatal=FATAL):
        until(
            lambda: state_of(SupervisorClient(made / "s"), "fatal") == "FATAL",
            "the program that ends",
        )
        yield made


@contextmanager
def short_folder() -> Iterator[Path]:
    """As the fixture `short_path`, for a whole module."""
    with tempfile.TemporaryDirectory(prefix="fr-", dir="/tmp") as name:
        yield Path(name)


@pytest.fixture
def client(folder: Path) -> SupervisorClient:
    return SupervisorClient(folder / "s")


def program(client: SupervisorClient, name: str) -> Process:
    return next(each for each in client.processes() if each.name == f"funding:{name}")


def state_of(client: SupervisorClient, name: str) -> ProcessState:
    return program(client, name).state


def restarted(client: SupervisorClient, name: str, old: int) -> bool:
    now = program(client, name)
    return now.state == "RUNNING" and now.pid != old


def test_all_programs_are_listed(client: SupervisorClient) -> None:
    found = {each.name: each for each in client.processes()}
    assert {name: each.state for name, each in found.items()} == {
        "funding:sleeper": "RUNNING",
        "funding:deaf": "RUNNING",
        "funding:stopped": "STOPPED",
        "funding:fatal": "FATAL",
    }
    os.kill(found["funding:sleeper"].pid, 0)
    assert found["funding:stopped"].pid == 0
    assert "Exited too quickly" in found["funding:fatal"].description


def test_term_restarts_a_program(client: SupervisorClient) -> None:
    before = program(client, "sleeper").pid
    client.signal("funding:sleeper", Verb.TERM)
    until(lambda: restarted(client, "sleeper", before), "it runs again")


def test_kill_ends_a_program_that_ignores_term(client: SupervisorClient, folder: Path) -> None:
    until(
        lambda: any("deaf" in log.read_text() for log in folder.glob("deaf*.log")),
        "the handler of SIGTERM",
    )
    before = program(client, "deaf").pid
    client.signal("funding:deaf", Verb.TERM)
    assert program(client, "deaf").pid == before
    client.signal("funding:deaf", Verb.KILL)
    until(lambda: restarted(client, "deaf", before), "it runs again")


def test_signal_to_a_program_that_does_not_run_is_ignored(client: SupervisorClient) -> None:
    for name in ("stopped", "fatal"):
        before = state_of(client, name)
        client.signal(f"funding:{name}", Verb.TERM)
        assert state_of(client, name) == before


def test_signal_without_supervisord_finds_only_the_process_that_was_meant(
    client: SupervisorClient,
) -> None:
    process = program(client, "sleeper")
    began = start_time(process.pid)
    with pytest.raises(SupervisorError, match="no process"):
        client.signal_directly(process, Verb.KILL)
    with pytest.raises(SupervisorError, match="no process"):
        client.signal_directly(process._replace(began=(began or 0.0) + 1.0), Verb.KILL)
    assert program(client, "sleeper").pid == process.pid
    client.signal_directly(process._replace(began=began), Verb.KILL)
    until(lambda: restarted(client, "sleeper", process.pid), "it runs again")


def test_start_does_not_wait_and_can_be_repeated(client: SupervisorClient) -> None:
    client.start("funding:fatal")
    assert state_of(client, "fatal") in ("STARTING", "BACKOFF", "FATAL")
    until(lambda: state_of(client, "fatal") == "FATAL", "it ends again")
    client.start("funding:sleeper")
    assert state_of(client, "sleeper") == "RUNNING"


@pytest.mark.parametrize("name", ["sleeper", "funding:nobody", "other:sleeper"])
def test_unknown_name_is_refused(client: SupervisorClient, name: str) -> None:
    for call in (client.start, lambda name: client.signal(name, Verb.TERM)):
        with pytest.raises(SupervisorError, match="refuses"):
            call(name)


def test_suspended_supervisord_is_not_waited_for(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with supervisord(short_path, {"sleeper": SLEEPS}) as process:
        client = SupervisorClient(short_path / "s")
        monkeypatch.setattr(supervisor, "TIMEOUT_SECONDS", 0.2)
        process.send_signal(signal.SIGSTOP)
        for _ in range(2):
            with pytest.raises(SupervisorError, match="does not answer"):
                client.processes()
        process.send_signal(signal.SIGCONT)
        monkeypatch.setattr(supervisor, "TIMEOUT_SECONDS", 20.0)
        assert [each.name for each in client.processes()] == ["funding:sleeper"]


def test_new_supervisord_is_found(short_path: Path) -> None:
    client = SupervisorClient(short_path / "s")

    def once() -> int:
        with supervisord(short_path, {"sleeper": SLEEPS}) as process:
            until(lambda: state_of(client, "sleeper") == "RUNNING", "the program")
            pid = program(client, "sleeper").pid
            process.send_signal(signal.SIGTERM)
            process.wait()
        with pytest.raises(SupervisorError, match="does not answer"):
            client.processes()
        return pid

    assert once() != once()


def test_missing_socket_and_socket_without_a_listener(short_path: Path) -> None:
    client = SupervisorClient(short_path / "s")
    with pytest.raises(SupervisorError, match="FileNotFoundError"):
        client.processes()
    with scripted(hangs, unix=str(short_path / "s")):
        pass
    with pytest.raises(SupervisorError, match="ConnectionRefusedError"):
        client.processes()


@pytest.mark.parametrize(
    "turn",
    [
        hangs,
        trickles(b"", reply(body=b"<x/>" * 50)),
        sends(b"", close=True),
        sends(b"rubbish\r\n\r\n", close=True),
        sends(reply(500)),
        sends(reply(401)),
        sends(reply(body=b"no XML")),
        sends(reply(body=b"<methodResponse></methodResponse>")),
    ],
    ids=["hangs", "trickles", "closes", "rubbish", "500", "401", "no XML", "no value"],
)
def test_invalid_answer_is_an_error(
    short_path: Path, monkeypatch: pytest.MonkeyPatch, turn: Turn
) -> None:
    monkeypatch.setattr(supervisor, "TIMEOUT_SECONDS", 0.2)
    with scripted(turn, unix=str(short_path / "s")):
        with pytest.raises(SupervisorError, match="does not answer"):
            SupervisorClient(short_path / "s").processes()
        with pytest.raises(SupervisorError, match="does not answer"):
            SupervisorClient(short_path / "s").signal("funding:ingest", Verb.TERM)


def test_ignored_fault_codes_are_those_of_supervisord() -> None:
    ours = (supervisor.UNKNOWN_METHOD, supervisor.ALREADY_STARTED, supervisor.NOT_RUNNING)
    assert ours == (Faults.UNKNOWN_METHOD, Faults.ALREADY_STARTED, Faults.NOT_RUNNING)
