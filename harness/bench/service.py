"""The programs that are compared, as a person runs them: ours under supervisord, and the peers."""

import json
import re
import shutil
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.bench import machine
from harness.bench.programs import (
    PYTHON,
    ROOT,
    Process,
    answered,
    free_port,
    listening,
    module,
    running,
)

REDIS = shutil.which("redis-server")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A running stand-in exchange."""

    address: str

    @property
    def stream(self) -> str:
        """What FUNDING_WS_URL is set to."""
        return f"ws://{self.address}/market/stream?streams=!markPrice@arr@1s"

    def fault(self, **faults: object) -> None:
        """Post faults; None ends one."""
        body = json.dumps(faults).encode()
        url = f"http://{self.address}/sim/faults"
        request = urllib.request.Request(url, data=body, method="POST")
        urllib.request.urlopen(request, timeout=5).close()


@contextmanager
def exchange(folder: Path, *options: str) -> Iterator[Exchange]:
    """`python -m harness.sim` on a free port."""
    command = module("harness.sim", "--port", "0", *options)
    with running(command, folder / "sim.log", piped=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://(127\.0\.0\.1:\d+)", process.stdout.readline())
        if found is None:
            raise RuntimeError(f"the stand-in exchange did not start: {folder / 'sim.log'}")
        yield Exchange(found[1])


@dataclass(frozen=True, slots=True)
class Service:
    """Ours, running."""

    folder: Path
    port: int
    processes: dict[str, int]

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / "var/funding.db"


@contextmanager
def service(folder: Path, stream: str, rest: str) -> Iterator[Service]:
    """The whole group under supervisord, in a folder that stands in for the checkout."""
    (folder / "var/log").mkdir(parents=True)
    for name in ("ingest.py", "api.py", "watchdog.py", "consumers", "funding", "schema.sql"):
        if (ROOT / name).exists():
            (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    shutil.copy(ROOT / "supervisord.conf", folder)
    port = free_port()
    settings = {
        "FUNDING_DB": folder / "var/funding.db",
        "FUNDING_WS_URL": stream,
        "FUNDING_REST_URL": rest,
        "FUNDING_API_HOST": "127.0.0.1",
        "FUNDING_API_PORT": port,
        "FUNDING_SUPERVISOR": folder / "var/supervisor.sock",
    }
    command = [*module("supervisor.supervisord"), "-c", str(folder / "supervisord.conf")]
    with running(command, folder / "supervisord.log", cwd=folder, settings=settings) as process:
        answered(port)
        yield Service(folder, port, _named(process))


def _named(process: Process) -> dict[str, int]:
    names = {"supervisord": process.pid}
    for pid in machine.children(process.pid):
        found = re.search(r"/(\w+)\.py", machine.command_line(pid))
        name = found[1] if found else "other"
        while name in names:
            name += "'"
        names[name] = pid
    return names


@contextmanager
def api_alone(folder: Path, database: Path) -> Iterator[int]:
    """One api.py over a given file; its port."""
    port = free_port()
    settings = {"FUNDING_DB": database, "FUNDING_API_PORT": port, "FUNDING_STALE_AFTER": 86_400}
    with running([PYTHON, ROOT / "api.py"], folder / "api.log", settings=settings):
        answered(port)
        yield port


@contextmanager
def shared(command: list[str], log: Path, count: int = 2) -> Iterator[int]:
    """`count` processes of a WSGI server on one listening socket; its port."""
    with ExitStack() as stack:
        held = stack.enter_context(listening())
        for _ in range(count):
            stack.enter_context(running(command, log, stdin=held))
        port: int = held.getsockname()[1]
        yield port


@contextmanager
def older(folder: Path, at: Exchange) -> Iterator[tuple[int, dict[str, int]]]:
    """The older design: its port and its processes."""
    state, port = folder / "older.json", free_port()
    ingest = module("harness.bench.peers.older_ingest", at.address, state, peer=True)
    api = module("harness.bench.peers.older_api", state, port, peer=True)
    with running(ingest, folder / "older.log") as first:
        deadline = time.monotonic() + 10
        while not state.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        with running(api, folder / "older.log") as second:
            answered(port)
            yield port, {"ingest": first.pid, "api": second.pid}


@contextmanager
def redis(folder: Path, at: Exchange) -> Iterator[tuple[int, dict[str, int]]]:
    """The Redis hash behind the same API: its port and its processes."""
    assert REDIS is not None
    path, log = folder / "redis.sock", folder / "redis.log"
    server = [
        REDIS,
        "--port",
        "0",
        "--unixsocket",
        str(path),
        "--save",
        "60 1",
        "--dir",
        str(folder),
    ]
    with running(server, log) as first:
        ingest = module("harness.bench.peers.redis_ingest", at.address, path, peer=True)
        api = module("harness.bench.peers.redis_api", path, peer=True)
        while not path.exists():
            time.sleep(0.02)
        with running(ingest, log) as second, shared(api, log) as port:
            answered(port)
            yield port, {"server": first.pid, "ingest": second.pid}
