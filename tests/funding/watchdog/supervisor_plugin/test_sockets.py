"""The API's socket while nobody serves it, and supervisord's own when its file is gone."""

import os
import socket
import sys
from pathlib import Path

import pytest

from funding.watchdog.supervisor import SupervisorClient
from funding.watchdog.supervisor_plugin import sockets
from harness.http_client import connect
from harness.processes import WAIT_SECONDS, finished, until
from tests.conftest import free_port
from tests.funding.watchdog.supervisor_plugin.test_guard import PLUGIN, SERVER
from tests.support.supervised import SLEEPS, supervisord


def refused(port: int) -> bool:
    """Whether a client at `port` is refused at once."""
    try:
        connect(port).close()
    except ConnectionRefusedError:
        return True
    return False


def test_stopped_api_refuses_clients_and_keeps_its_port(short_path: Path) -> None:
    """Those that wait already are reset. One process that runs is enough to keep the others."""
    port = free_port()
    extra = PLUGIN + SERVER.format(python=sys.executable, port=port)
    extra += f"[supervisorctl]\nserverurl=unix://{short_path}/s\n"
    config = short_path / "supervisord.conf"
    ctl = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(config)]
    with supervisord(short_path, {"other": SLEEPS}, extra=extra):
        client = SupervisorClient(short_path / "s")

        def states() -> set[str]:
            return {each.state for each in client.processes() if each.name.startswith("server:")}

        until(lambda: states() == {"RUNNING"}, "both processes")
        finished([*ctl, "stop", "server:server_00"])
        with connect(port) as waits:
            waits.settimeout(WAIT_SECONDS)
            waits.sendall(b"GET / HTTP/1.0\r\n\r\n")
            finished([*ctl, "stop", "server:server_01"])
            with pytest.raises(ConnectionResetError):
                waits.recv(1)
        assert refused(port)
        with pytest.raises(OSError, match="in use"), socket.socket() as other:
            other.bind(("127.0.0.1", port))
        finished([*ctl, "start", "server:server_00"])
        until(lambda: states() == {"RUNNING", "STOPPED"}, "one process")
        assert not refused(port)
        # Until the next look at it, and the next: the one that runs keeps the socket.
        finished([*ctl, "restart", "server:*"])
        assert not refused(port)


@pytest.mark.parametrize("how", ["removed", "replaced", "moved"])
def test_supervisord_listens_again_where_its_socket_is_gone(short_path: Path, how: str) -> None:
    path = short_path / "s"
    with supervisord(short_path, {"watchdog": SLEEPS}, extra=PLUGIN):
        client = SupervisorClient(path)
        until(lambda: [each.is_running for each in client.processes()] == [True], "the program")
        pid = client.processes()[0].pid
        if how == "moved":
            path.rename(short_path / "elsewhere")
        else:
            path.unlink()
        if how == "replaced":
            path.write_text("no socket")
        until(path.is_socket, "the socket is back")
        assert client.processes()[0].pid == pid
        assert client.send_heartbeat(pid, 60.0) is not None
        assert path.stat().st_mode & 0o777 == 0o600
        log = (short_path / "supervisord.log").read_text()
        assert log.count("listening again") == 1
        os.kill(pid, 0)


def test_quiet_time_is_shorter_than_a_clients_patience() -> None:
    assert 0 < sockets.QUIET_SECONDS <= 5
