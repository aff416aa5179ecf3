"""Orders to a real supervisord."""

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from supervisor.xmlrpc import Faults

from funding.errors import SupervisorError
from funding.health.checks import Process
from funding.watchdog import supervisor
from funding.watchdog.supervisor import SupervisorClient
from tests.support.http_script import Turn, hangs, reply, scripted, sends, trickles
from tests.support.processes import until
from tests.support.supervised import DEAF, ENDS, SLEEPS, supervisord

FATAL = {"startsecs": "1", "startretries": "0"}
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
def orders(folder: Path) -> SupervisorClient:
    return SupervisorClient(folder / "s")


def seen(orders: SupervisorClient, name: str) -> Process:
    return next(each for each in orders.processes() if each.name == f"funding:{name}")


def state_of(orders: SupervisorClient, name: str) -> str:
    return seen(orders, name).state


def runs_anew(orders: SupervisorClient, name: str, old: int) -> bool:
    now = seen(orders, name)
    return now.state == "RUNNING" and now.pid != old


def test_all_programs_are_seen(orders: SupervisorClient) -> None:
    found = {each.name: each for each in orders.processes()}
    assert {name: each.state for name, each in found.items()} == {
        "funding:sleeper": "RUNNING",
        "funding:deaf": "RUNNING",
        "funding:stopped": "STOPPED",
        "funding:fatal": "FATAL",
    }
    os.kill(found["funding:sleeper"].pid, 0)
    assert found["funding:stopped"].pid == 0
    assert "Exited too quickly" in found["funding:fatal"].description


def test_term_is_a_restart(orders: SupervisorClient) -> None:
    before = seen(orders, "sleeper").pid
    orders.signal("funding:sleeper", "TERM")
    until(lambda: runs_anew(orders, "sleeper", before), "it runs anew")


def test_kill_ends_what_does_not_hear_term(orders: SupervisorClient, folder: Path) -> None:
    until(lambda: any("deaf" in log.read_text() for log in folder.glob("deaf*.log")), "deafness")
    before = seen(orders, "deaf").pid
    orders.signal("funding:deaf", "TERM")
    assert seen(orders, "deaf").pid == before
    orders.signal("funding:deaf", "KILL")
    until(lambda: runs_anew(orders, "deaf", before), "it runs anew")


def test_a_signal_to_what_does_not_run_is_none(orders: SupervisorClient) -> None:
    for name in ("stopped", "fatal"):
        before = state_of(orders, name)
        orders.signal(f"funding:{name}", "TERM")
        assert state_of(orders, name) == before


def test_start_does_not_wait_and_may_be_repeated(orders: SupervisorClient) -> None:
    orders.start("funding:fatal")
    assert state_of(orders, "fatal") in ("STARTING", "BACKOFF", "FATAL")
    until(lambda: state_of(orders, "fatal") == "FATAL", "it ends again")
    orders.start("funding:sleeper")
    assert state_of(orders, "sleeper") == "RUNNING"


@pytest.mark.parametrize("name", ["sleeper", "funding:nobody", "other:sleeper"])
def test_an_unknown_name_is_refused(orders: SupervisorClient, name: str) -> None:
    for call in (orders.start, lambda name: orders.signal(name, "TERM")):
        with pytest.raises(SupervisorError, match="refuses"):
            call(name)


def test_a_stopped_supervisord_is_not_waited_for(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with supervisord(short_path, {"sleeper": SLEEPS}) as process:
        orders = SupervisorClient(short_path / "s")
        monkeypatch.setattr(supervisor, "TIMEOUT_SECONDS", 0.2)
        process.send_signal(signal.SIGSTOP)
        for _ in range(2):
            with pytest.raises(SupervisorError, match="does not answer"):
                orders.processes()
        process.send_signal(signal.SIGCONT)
        monkeypatch.setattr(supervisor, "TIMEOUT_SECONDS", 20.0)
        assert [each.name for each in orders.processes()] == ["funding:sleeper"]


def test_a_new_supervisord_is_found(short_path: Path) -> None:
    orders = SupervisorClient(short_path / "s")

    def once() -> int:
        with supervisord(short_path, {"sleeper": SLEEPS}) as process:
            until(lambda: state_of(orders, "sleeper") == "RUNNING", "the program")
            pid = seen(orders, "sleeper").pid
            process.send_signal(signal.SIGTERM)
            process.wait()
        with pytest.raises(SupervisorError, match="does not answer"):
            orders.processes()
        return pid

    assert once() != once()


def test_no_socket_and_nobody_at_it(short_path: Path) -> None:
    orders = SupervisorClient(short_path / "s")
    with pytest.raises(SupervisorError, match="FileNotFoundError"):
        orders.processes()
    with scripted(hangs, unix=str(short_path / "s")):
        pass
    with pytest.raises(SupervisorError, match="ConnectionRefusedError"):
        orders.processes()


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
def test_an_answer_that_is_none(
    short_path: Path, monkeypatch: pytest.MonkeyPatch, turn: Turn
) -> None:
    monkeypatch.setattr(supervisor, "TIMEOUT_SECONDS", 0.2)
    with scripted(turn, unix=str(short_path / "s")):
        with pytest.raises(SupervisorError, match="does not answer"):
            SupervisorClient(short_path / "s").processes()
        with pytest.raises(SupervisorError, match="does not answer"):
            SupervisorClient(short_path / "s").signal("funding:ingest", "TERM")


def test_the_faults_that_are_no_failure_are_those_of_supervisord() -> None:
    ours = (supervisor.UNKNOWN_METHOD, supervisor.ALREADY_STARTED, supervisor.NOT_RUNNING)
    assert ours == (Faults.UNKNOWN_METHOD, Faults.ALREADY_STARTED, Faults.NOT_RUNNING)
