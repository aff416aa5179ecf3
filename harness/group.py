"""The service as an operator runs it: scripts/run in a copy of the tree, on a stand-in exchange."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from funding.errors import SupervisorError
from funding.watchdog.supervisor import SupervisorClient
from harness.http_client import Answer, ask, serves
from harness.processes import (
    ROOT,
    Process,
    finished,
    free_port,
    kill,
    processes_in,
    start,
    stop,
    tied,
    until,
)
from harness.stand_in import StandIn

_LEFT_OUT = (".*", "var", "tests", "__pycache__", "funding.env")


class NotRunning(Exception):
    """The service did not start, or is gone for good."""


def copy_of_the_tree(folder: Path, source: Path = ROOT) -> None:
    """The sources of the checkout `source`, with its .venv and nothing left to install: edits
    meanwhile change nothing."""
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns(*_LEFT_OUT), dirs_exist_ok=True)
    venv = folder / ".venv"
    venv.mkdir()
    for each in (source / ".venv").resolve().iterdir():
        if not each.name.startswith("installed-"):
            (venv / each.name).symlink_to(each)
    for name in ("requirements.txt", "requirements-nats.txt", "harness/sim/requirements.txt"):
        if (folder / name).exists():
            shutil.copy(folder / name, venv / f"installed-{name.replace('/', '-')}")


@contextmanager
def tree(source: Path = ROOT) -> Iterator[Path]:
    """A copy of the tree; what still runs in it in the end is killed. Its path is short enough for
    a unix socket."""
    folder = Path(tempfile.mkdtemp(prefix="fr-", dir="/tmp"))
    try:
        copy_of_the_tree(folder, source)
        yield folder
    finally:
        until(lambda: not kill_all(folder), f"nothing runs in {folder}")
        shutil.rmtree(folder)


def kill_all(folder: Path) -> dict[int, str]:
    """Kill what runs in `folder`; the commands that were killed."""
    found = processes_in(folder)
    for pid in found:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return found


def log_of(folder: Path, lines: int = 20) -> str:
    """The last lines of every log in the copy `folder`."""
    found = []
    for path in [folder / "run.log", *sorted((folder / "var/log").glob("*.log"))]:
        if path.exists():
            last = path.read_text("utf-8", "replace").splitlines()[-lines:]
            found += [f"--- {path.name}", *(re.sub(r"[^ -~]", "?", line) for line in last)]
    return "\n".join(found)


@dataclass(slots=True)
class Group:
    """scripts/run in the copy `folder`; it may be started again. For the main thread."""

    folder: Path
    exchange: StandIn
    settings: Mapping[str, object] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    prefix: Sequence[str] = ()
    """A command that starts it somewhere else, as in another network namespace."""
    _process: Process | None = None

    @property
    def process(self) -> Process:
        """scripts/run, which was started."""
        assert self._process is not None
        return self._process

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return Path(str(self.settings.get("FUNDING_DB", self.folder / "var/funding.db")))

    def start(self) -> None:
        """Start it, without waiting."""
        settings = {
            "FUNDING_API_PORT": self.port,
            "FUNDING_WS_URL": self.exchange.ws_url,
            "FUNDING_REST_URL": self.exchange.rest_url,
            **self.settings,
        }
        log = self.folder / "run.log"
        command = tied(*self.prefix, "scripts/run")
        self._process = start(command, log, cwd=self.folder, settings=settings)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """As Ctrl-C does; the exit code."""
        return stop(self.process, number)

    def has_ended(self) -> bool:
        """Whether scripts/run has ended."""
        return self.process.poll() is not None

    def wait_until_healthy(self) -> None:
        """From the start to the first quotes of all symbols; `NotRunning` where it has ended."""

        def healthy() -> bool:
            if self.has_ended():
                raise NotRunning(self.log())
            return bool(serves(self.port, "/funding/health") and serves(self.port))

        until(healthy, "all symbols")

    def ask(self, path: str) -> Answer:
        """What the API answers."""
        return ask(self.port, path)

    def is_healthy(self) -> bool:
        """Whether its own health says so."""
        return self.ask("/funding/health").status == 200

    def exchange_says(self, path: str) -> Any:
        """What the stand-in exchange answers."""
        return ask(self.exchange.port, path).json

    def supervisorctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """As an operator types it in the folder."""
        return finished([".venv/bin/supervisorctl", *arguments], cwd=self.folder)

    def programs(self, *states: str) -> dict[str, int]:
        """The pids of supervisord's programs by name that are STARTING or RUNNING, or in one of
        `states`; none where supervisord does not answer."""
        wanted = states or ("STARTING", "RUNNING")
        with suppress(SupervisorError):
            found = SupervisorClient(self.folder / "var/supervisor.sock").processes()
            return {each.name: each.pid for each in found if each.pid and each.state in wanted}
        return {}

    def pids(self, program: str) -> set[int]:
        """The processes that run the file `program`."""
        found = processes_in(self.folder).items()
        return {pid for pid, command in found if f"/{program} " in command}

    def supervisord_pid(self) -> int:
        """`NotRunning` where there is none."""
        try:
            return int((self.folder / "var/supervisord.pid").read_text("ascii"))
        except (OSError, ValueError) as error:
            raise NotRunning("supervisord") from error

    def runs_again(self, program: str, old: set[int]) -> set[int]:
        """The pids of `program` once there are as many as in `old` and one is new."""

        def changed() -> set[int] | None:
            pids = self.pids(program)
            return pids if len(pids) == len(old) and pids != old else None

        return until(changed, f"{program} is back")

    def leftovers(self) -> dict[int, str]:
        """The commands that run in the folder, by pid."""
        return processes_in(self.folder)

    def rows(self, statement: str, *bindings: object) -> list[Any]:
        """What the database answers, without our code between."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as database:
            return database.execute(statement, bindings).fetchall()

    def feed_pid(self) -> int:
        """The pid that the feed row names."""
        return int(self.rows("SELECT pid FROM feed")[0][0])

    def log(self) -> str:
        """The last lines of all logs."""
        return log_of(self.folder)


@contextmanager
def started(folder: Path, exchange: StandIn, **settings: object) -> Iterator[Group]:
    """The group in the copy `folder`, healthy; killed in the end unless it has ended."""
    group = Group(folder, exchange, settings)
    group.start()
    try:
        group.wait_until_healthy()
        yield group
    finally:
        kill(group.process)
        group.process.wait()
