"""`.venv/bin/supervisord -c supervisord.conf` without scripts/run: from any working folder, in a
folder whose name has a space, with no variable set. Settings come from funding.env."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.group import copy_of_the_tree, tree
from harness.http_client import ask
from harness.processes import finished, free_port, running, until
from harness.stand_in import FEW, StandIn, stand_in


class Own:
    """The group in `folder`; its API at `port`."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command of .venv, as an operator types it in another terminal."""
        program = self.folder / ".venv/bin" / command[0]
        return finished([program, *command[1:]], cwd=self.folder)

    def is_healthy(self) -> bool:
        """Whether it is, and serves what it was asked for."""
        try:
            return {ask(self.port, path).status for path in ("/health", "/funding/BTCUSDT")} == {
                200
            }
        except OSError:
            return False


def settings_file(exchange: StandIn, port: int) -> str:
    return (
        f"FUNDING_WS_URL={exchange.ws_url}\nFUNDING_REST_URL={exchange.rest_url}\n"
        f"FUNDING_API_PORT={port}\nFUNDING_MIN_SYMBOLS=1\nFUNDING_DB=var/own name.db\n"
    )


@pytest.fixture(scope="module")
def own() -> Iterator[Own]:
    with tree() as outer, stand_in(outer, count=FEW) as exchange:
        folder, port = outer / "a b", free_port()
        folder.mkdir()
        copy_of_the_tree(folder)
        (folder / "var/log").mkdir(parents=True)
        (folder / "funding.env").write_text(settings_file(exchange, port))
        (folder / "funding.env").chmod(0o600)
        group = Own(folder, port)
        # The first line of a copied command names the Python of the folder it was made in.
        binaries = folder / ".venv/bin"
        command: list[str | Path] = [binaries / "python", binaries / "supervisord"]
        command += ["-c", folder / "supervisord.conf"]
        with running(command, outer / "output.log", cwd=Path("/")):
            until(group.is_healthy, "the service is healthy")
            yield group
            assert "Shut down" in group.run("supervisorctl", "shutdown").stdout
            until(lambda: not (folder / "var/supervisor.sock").exists(), "supervisord is gone")


def test_the_api_answers_where_the_settings_file_says(own: Own) -> None:
    assert ask(own.port, "/funding/BTCUSDT").json["symbol"] == "BTCUSDT"
    assert (own.folder / "var/own name.db").exists()
    assert not (own.folder / "var/funding.db").exists()


def test_every_program_runs(own: Own) -> None:
    until(lambda: own.run("supervisorctl", "status").stdout.count("RUNNING") == 5, "all run")


def test_a_command_in_another_terminal_sees_the_same_settings(own: Own) -> None:
    until(lambda: own.run("supervisorctl", "status").stdout.count("RUNNING") == 5, "all run")
    done = own.run("python", "watchdog.py", "--once")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is used" not in done.stderr
    assert "STATUS: HEALTHY" in done.stdout
