"""harness/machines/network.py: namespaces, where this user may make them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.machines import network
from harness.machines.network import Machine, Network
from harness.processes import until

CAN_LISTEN = """
import socket, sys
server = socket.create_server((sys.argv[1], 4000))
while True:
    server.accept()[0].sendall(b"here")
"""
CAN_ASK = """
import socket, sys
with socket.create_connection((sys.argv[1], 4000), timeout=float(sys.argv[2])) as asked:
    print(asked.recv(9).decode())
"""


@pytest.fixture
def net() -> Iterator[Network]:
    if words := network.why_not():
        pytest.skip(words)
    with network.network() as made:
        yield made


def run(machine: Machine, program: str, *arguments: object) -> str:
    command = machine.command(sys.executable, "-c", program, *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def test_a_machine_can_be_cut_off_and_everything_is_removed(net: Network, tmp_path: Path) -> None:
    one, two = net.machine("one"), net.machine("two")
    with (tmp_path / "log").open("wb") as log:
        listens = subprocess.Popen(
            one.command(sys.executable, "-c", CAN_LISTEN, one.address), stderr=log
        )
    until(lambda: run(two, CAN_ASK, one.address, 5) == "here", "it answers")
    for cut, mend in ((one.silence, one.hear), (one.unplug, one.plug)):
        cut()
        assert run(two, CAN_ASK, one.address, 0.3) == ""
        mend()
        until(lambda: run(two, CAN_ASK, one.address, 5) == "here", "it answers again")
    assert one.pids() == [listens.pid]
    assert sum(one.bytes_passed()) > 500
    one.lose_power()
    assert listens.wait() != 0
    namespaces = network.ip("netns", "list")
    assert one.namespace in namespaces
    assert two.namespace in namespaces


def test_what_a_killed_run_left_is_removed() -> None:
    if words := network.why_not():
        pytest.skip(words)
    with network.network() as made:
        machine = made.machine("one")
        mine = made.prefix
        assert mine == f"fm{os.getpid()}"
        network.remove_leftovers()  # is not of this one: this process lives
        assert machine.namespace in network.ip("netns", "list")
    assert f"{mine}-" not in network.ip("netns", "list")
    ended = subprocess.Popen(["true"])
    ended.wait()
    network.ip("netns", "add", f"fm{ended.pid}-switch")
    network.remove_leftovers()
    assert f"fm{ended.pid}-" not in network.ip("netns", "list")


def test_why_not_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "root" in network.why_not()
    monkeypatch.setenv("PATH", "/nowhere")
    assert "iproute2" in network.why_not()
