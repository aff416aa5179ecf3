"""harness/machines/servers.py: what the monitoring port says of who leads and what is stored."""

from pathlib import Path
from typing import Any

import pytest

from harness.machines.network import Machine
from harness.machines.servers import Cluster, NoServer, Server, binary, configuration
from harness.processes import ROOT


def told(leader: str | None, last: int) -> dict[str, Any]:
    stream = {"name": "S", "cluster": {"leader": leader}, "state": {"last_seq": last}}
    return {"account_details": [{"stream_detail": [stream]}]}


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    answers = {"a": told("b", 4), "b": told("b", 5), "c": None}
    monkeypatch.setattr(Server, "monitoring", lambda self, _path: answers[self.machine.name])
    return Cluster(
        {
            name: Server(Machine(name, name, f"10.0.0.{n}", "", ""), [], Path("log"))
            for n, name in enumerate(answers, 1)
        }
    )


def test_leader_is_who_says_so_itself(servers: Cluster) -> None:
    assert servers.leader("S") == "b"
    assert servers.leader("S", without="b") == ""
    assert servers.leader("other") == ""
    first, *others = servers.url("reader").split(",")
    assert first == "nats://reader:readers-word@10.0.0.1:4222"
    assert len(others) == 2


def test_last_message_that_a_server_has(servers: Cluster) -> None:
    assert [servers.last(name, "S") for name in "abc"] == [4, 5, None]


@pytest.mark.parametrize("sync", ["always", ""])
def test_the_file_for_operators_is_what_the_servers_get(tmp_path: Path, sync: str) -> None:
    machines = [Machine(name, name, f"10.0.0.{n}", "", "") for n, name in enumerate("abc", 1)]
    text = (ROOT / "deploy/nats.conf").read_text("utf-8")
    made = configuration(text, machines[0], machines[1:], tmp_path, sync)
    assert 'listen: "10.0.0.1:4222"' in made
    assert made.count("nats://route:routes-word@10.0.0.") == 2
    assert f'store_dir: "{tmp_path}"' in made
    assert ("\n    sync_interval: always" in made) is bool(sync)


def test_a_file_that_has_changed_is_told(tmp_path: Path) -> None:
    machine = Machine("a", "a", "10.0.0.1", "", "")
    with pytest.raises(NoServer, match="0 lines"):
        configuration("server_name: x", machine, [], tmp_path, "")


def test_without_a_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("harness.machines.servers.ROOT", tmp_path)
    with pytest.raises(NoServer, match="apt install"):
        binary()
