"""The running service: a copy of the tree of its own, scripts/run in it, a stand-in exchange.

Whatever is started here ends with this process, however that ends: see `soak.bound`.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from funding.errors import SupervisorError
from funding.watchdog.supervisor import SupervisorClient
from harness.bench.programs import environment, free_port
from harness.soak.bound import command
from harness.soak.oracle import COUNTS
from harness.soak.pace import Pace

ROOT = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 30.0
STOP_SECONDS = 40.0
_LEFT_OUT = (".*", "var", "tests", "__pycache__")
_OURS = re.compile(r" -m (sim|soak\.(reading|writing|damage)) ")

Process = subprocess.Popen[bytes]


class NotRunning(Exception):
    """The service or the stand-in exchange did not start, or is gone for good."""


@contextmanager
def bound(given: list[str], log: Path, folder: Path, **settings: object) -> Iterator[Process]:
    """A command in `folder` while the block runs; then it is told to end, and waited for."""
    with log.open("ab") as output, subprocess.Popen(
        command(*given), cwd=folder, env=environment(**settings), stdin=subprocess.DEVNULL,
        stdout=output, stderr=output, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            end(process)


def end(process: Process) -> int:
    """Tell it to end, and how it did; SIGKILL to its session where it does not."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait()


def copy_of_the_tree(folder: Path) -> None:
    """The sources, with this .venv and nothing left to install: edits meanwhile change nothing."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*_LEFT_OUT), dirs_exist_ok=True)
    (folder / ".venv").mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (folder / ".venv" / name).symlink_to(Path(sys.prefix) / name)
    for name in ("requirements.txt", "harness/sim/requirements.txt"):
        shutil.copy(folder / name, folder / ".venv" / f"installed-{name.replace('/', '-')}")


class Exchange:
    """The stand-in exchange at `port`, and its control endpoint."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    def order(self, path: str, method: str = "GET", body: object = None) -> Any:
        """What /sim/PATH answers."""
        data = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.port}/sim/{path}"
        request = urllib.request.Request(url, data, method=method)
        with self._open(request, timeout=10) as answer:
            return json.load(answer)

    def fault(self, **faults: object) -> None:
        """Put faults in force; None ends one."""
        self.order("faults", "POST", faults)

    def last_sent(self) -> int:
        """The newest event time that was sent so far, ms."""
        return int(self.order("state")["last_event_time"])

    def calls(self) -> int:
        """How many REST requests came."""
        return sum(self.order("state")["rest_calls"].values())


@contextmanager
def exchange(folder: Path, pace: Pace, seed: int) -> Iterator[Exchange]:
    """A stand-in exchange of its own."""
    port_file = folder / "exchange.port"
    main, tradfi = COUNTS[pace.few]
    given = [sys.executable, "-m", "harness.sim", "--port", "0", "--port-file", str(port_file)]
    given += ["--seed", str(seed), "--tick", str(pace.tick)]
    given += ["--main", str(main), "--tradfi", str(tradfi)]
    with bound(given, folder / "exchange.log", folder) as process:
        deadline = time.monotonic() + START_SECONDS
        while not port_file.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise NotRunning(f"the stand-in exchange: {folder / 'exchange.log'}")
            time.sleep(0.02)
        yield Exchange(int(port_file.read_text("ascii")))


@dataclass(slots=True)
class Group:
    """scripts/run in `folder`, which may be begun again. For the main thread."""

    folder: Path
    settings: Mapping[str, object]
    port: int = field(default_factory=free_port)
    process: Process | None = None

    @property
    def var(self) -> Path:
        """What the service writes."""
        return self.folder / "var"

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.var / "funding.db"

    def start(self) -> None:
        """Begin, without waiting."""
        with (self.folder / "run.log").open("ab") as output:
            self.process = subprocess.Popen(
                command("scripts/run"), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, start_new_session=True,
                env=environment(**self.settings, FUNDING_API_PORT=self.port),
            )  # fmt: skip

    def stop(self) -> int:
        """As Ctrl-C does; the exit code."""
        assert self.process is not None
        return end(self.process)

    def has_ended(self) -> bool:
        """Whether scripts/run is no more."""
        return self.process is None or self.process.poll() is not None

    def pids(self, *states: str) -> dict[str, int]:
        """The programs that run, by name, or those in one of these states of supervisord's; none
        where that does not answer."""
        wanted = states or ("STARTING", "RUNNING")
        with suppress(SupervisorError):
            found = SupervisorClient(self.var / "supervisor.sock").processes()
            return {each.name: each.pid for each in found if each.pid and each.state in wanted}
        return {}

    def supervisor(self) -> int:
        """The pid of supervisord; `NotRunning` where there is none."""
        for pid, text in self.leftovers().items():
            if "supervisor.supervisord" in text:
                return pid
        raise NotRunning("supervisord")

    def leftovers(self) -> dict[int, str]:
        """The commands of what runs in the folder, by pid, but for the exchange and the soak's."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (process / "cwd").readlink().is_relative_to(self.folder):
                    text = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    if text and not _OURS.search(text):
                        found[int(process.name)] = text
        return found

    def log(self, lines: int = 15) -> str:
        """The last that the programs have said."""
        logs = [self.folder / "run.log", *sorted((self.var / "log").glob("*.log"))]
        found = []
        for path in logs:
            if path.exists():
                tail = path.read_text("utf-8", "replace").splitlines()[-lines:]
                found += [f"--- {path.name}", *(re.sub(r"[^ -~]", "?", line) for line in tail)]
        return "\n".join(found)
