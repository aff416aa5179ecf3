"""harness/machines/servers.py: what the monitoring port says of who leads and what is stored."""

from pathlib import Path
from typing import Any

import pytest

from harness.machines.network import Machine
from harness.machines.servers import Cluster, NoServer, Server, binary


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
    assert servers.leader("other") == ""
    assert servers.url == "nats://10.0.0.1:4222,nats://10.0.0.2:4222,nats://10.0.0.3:4222"


def test_last_message_that_a_server_has(servers: Cluster) -> None:
    assert [servers.last(name, "S") for name in "abc"] == [4, 5, None]


def test_without_a_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("harness.machines.servers.ROOT", tmp_path)
    with pytest.raises(NoServer, match="apt install"):
        binary()
