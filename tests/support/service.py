"""The whole service as an operator runs it, in a copy of the tree of its own; everything with its
working folder in that copy is ended with it."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import ROOT, free_port
from tests.support.processes import PATIENCE_SECONDS, Answer, ask, finished, running, until
from tests.support.stand_in import FEW, StandIn, stand_in

LEFT_OUT = (".git", ".venv", "var", "tests", ".*_cache", ".hypothesis", "__pycache__")


def copy_of_the_tree(folder: Path) -> None:
    """The sources in `folder`, with this .venv and nothing left to install."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*LEFT_OUT), dirs_exist_ok=True)
    venv = Path(sys.prefix)
    (folder / ".venv").mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (folder / ".venv" / name).symlink_to(venv / name)
    for name in ("requirements.txt", "harness/sim/requirements.txt"):
        shutil.copy(folder / name, folder / ".venv" / f"installed-{name.replace('/', '-')}")


@contextmanager
def tree() -> Iterator[Path]:
    """A copy of the tree; what still runs in it in the end is killed."""
    folder = Path(tempfile.mkdtemp(prefix="fr-", dir="/tmp"))
    try:
        copy_of_the_tree(folder)
        yield folder
    finally:
        until(lambda: not kill_all(folder), f"nothing runs in {folder}")
        shutil.rmtree(folder)


def processes_in(folder: Path) -> dict[int, str]:
    """The command lines, by pid, of what has its working folder in `folder`."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(folder):
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if command:  # a zombie has none: it is gone, but for its parent's knowledge
                    found[int(process.name)] = command
        except OSError:  # gone meanwhile
            continue
    return found


def kill_all(folder: Path) -> dict[int, str]:
    """Kill what runs in `folder`, and tell what that was."""
    found = processes_in(folder)
    for pid in found:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return found


@dataclass(frozen=True, slots=True)
class Service:
    """A running service against `exchange`; `process` is its scripts/run."""

    folder: Path
    port: int
    exchange: StandIn
    process: subprocess.Popen[bytes]

    @property
    def database(self) -> Path:
        return self.folder / "var" / "funding.db"

    def ask(self, path: str) -> Answer:
        return ask(self.port, path)

    def supervisorctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return finished([".venv/bin/supervisorctl", *arguments], cwd=self.folder)

    def pids(self, program: str) -> set[int]:
        """The processes that run `program`."""
        return {pid for pid, c in processes_in(self.folder).items() if f"/{program} " in c}

    def runs_anew(self, program: str, old: set[int]) -> set[int]:
        """The pids of `program` once there are as many as in `old` and one is new."""

        def changed() -> set[int] | None:
            pids = self.pids(program)
            return pids if len(pids) == len(old) and pids != old else None

        return until(changed, f"{program} is back")

    def is_healthy(self) -> bool:
        return self.ask("/funding/health").status == 200

    def feed_pid(self) -> int:
        """The pid that the feed row names."""
        return int(self.rows("SELECT pid FROM feed")[0][0])

    def rows(self, statement: str, *bindings: object) -> list[Any]:
        """What the database answers, without our code between."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as database:
            return database.execute(statement, bindings).fetchall()

    def exchange_says(self, path: str) -> Any:
        return ask(self.exchange.port, path).json


def log_of(folder: Path) -> str:
    """What the programs of `folder` have said, for the message of a failure."""
    logs = [folder / "run.log", *sorted((folder / "var" / "log").glob("*.log"))]
    texts = [f"--- {log.name}\n{log.read_text()[-2_000:]}" for log in logs if log.exists()]
    return "\n".join(texts)


def answers(port: int, process: subprocess.Popen[bytes], folder: Path) -> bool:
    """Whether the service at `port` serves a fresh BTCUSDT; a failure when it has ended."""
    assert process.poll() is None, log_of(folder)
    try:
        return ask(port, "/funding/BTCUSDT").status == 200
    except ConnectionRefusedError:
        return False


@contextmanager
def whole(*options: str, count: Sequence[str] = FEW, **settings: object) -> Iterator[Service]:
    """The service against a stand-in exchange of its own, healthy; ended by Ctrl-C.

    `options` and `count` are the exchange's; without a count it has all symbols.
    """
    with tree() as folder, stand_in(folder, *options, count=count) as exchange:
        with started(folder, exchange, **settings) as service:
            yield service
            os.killpg(service.process.pid, signal.SIGINT)
            assert service.process.wait(timeout=PATIENCE_SECONDS) == 0, log_of(folder)
        assert not processes_in(folder)
        assert not (folder / "var" / "supervisor.sock").exists()


@contextmanager
def started(folder: Path, exchange: StandIn, **settings: object) -> Iterator[Service]:
    """scripts/run in the copy `folder`, healthy; killed in the end unless it has ended."""
    port = free_port()
    made = {
        "FUNDING_API_PORT": port,
        "FUNDING_WS_URL": exchange.ws_url,
        "FUNDING_REST_URL": exchange.rest_url,
    } | settings
    with running(["scripts/run"], folder / "run.log", cwd=folder, settings=made) as process:
        until(lambda: answers(port, process, folder), "the first quote")
        service = Service(folder, port, exchange, process)
        until(service.is_healthy, "all symbols")
        yield service
