"""What is compared, as a person runs it: the service under supervisord, and its peers."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.bench.figures import OURS
from harness.bench.peer_packages import PEERS_PYTHON
from harness.group import Group, started, tree
from harness.http_client import serves
from harness.processes import ROOT, free_port, listening, module, port_of, running, until
from harness.stand_in import StandIn

REDIS = shutil.which("redis-server") or ""
BEFORE = "before"


@dataclass(frozen=True, slots=True)
class Checkout:
    """A version of the service, with a .venv of its own."""

    name: str = OURS
    root: Path = ROOT

    def program(self, name: str) -> list[Path]:
        """The command of one of its programs."""
        return [self.root / ".venv/bin/python", self.root / name]

    @contextmanager
    def group(self, at: StandIn) -> Iterator[Group]:
        """All of it, healthy."""
        with tree(self.root) as folder, started(folder, at) as group:
            yield group


def group_pids(group: Group) -> dict[str, int]:
    """Its processes by name, supervisord among them."""
    return {"supervisord": group.supervisord_pid()} | group.programs()


def peer(name: str, *arguments: object) -> list[str]:
    """The command of a peer's program."""
    return module(f"harness.bench.peers.{name}", *arguments, python=PEERS_PYTHON)


def wait_for_answer(port: int) -> None:
    """Until it serves a quote."""
    until(lambda: serves(port), f"a quote at port {port}")


@contextmanager
def api_alone(folder: Path, database: Path) -> Iterator[int]:
    """One api.py over a given file; its port."""
    port = free_port()
    settings = {"FUNDING_DB": database, "FUNDING_API_PORT": port, "FUNDING_STALE_AFTER": 86_400}
    with running(Checkout().program("api.py"), folder / "api.log", settings=settings):
        wait_for_answer(port)
        yield port


@contextmanager
def shared(command: list[str], log: Path, count: int = 2) -> Iterator[int]:
    """`count` processes of a WSGI server on one listening socket; its port."""
    with ExitStack() as stack:
        listener = stack.enter_context(listening())
        for number in range(count):
            log_of_one = log.with_suffix(f".{number}.log")
            stack.enter_context(running(command, log_of_one, stdin=listener.fileno()))
        yield port_of(listener)


@contextmanager
def older(folder: Path, address: str) -> Iterator[tuple[int, dict[str, int]]]:
    """The older design at an exchange: its port and its processes."""
    state, port = folder / "older.json", free_port()
    ingest, api = peer("older_ingest", address, state), peer("older_api", state, port)
    with (
        running(ingest, folder / "older-ingest.log") as first,
        running(api, folder / "older-api.log") as second,
    ):
        yield port, {"ingest": first.pid, "api": second.pid}


@contextmanager
def redis(folder: Path, address: str, count: int = 2) -> Iterator[tuple[int, dict[str, int]]]:
    """A Redis hash behind the same API: its port and its processes."""
    path = folder / "redis.sock"
    server = [REDIS, "--port", "0", "--unixsocket", path, "--save", "60 1", "--dir", folder]
    with running([str(part) for part in server], folder / "redis.log") as first:
        until(path.exists, "redis-server listens")
        ingest, api = peer("redis_ingest", address, path), peer("redis_api", path)
        with (
            running(ingest, folder / "redis-ingest.log") as second,
            shared(api, folder / "redis-api.log", count) as port,
        ):
            yield port, {"server": first.pid, "ingest": second.pid}
