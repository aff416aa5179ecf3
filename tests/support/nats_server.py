"""A real NATS server with JetStream, on a free port, with its files in a folder of the test."""

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nats.aio.client import Client

from funding.nats.addresses import Address, parse
from funding.nats.connection import Connection
from harness import processes
from harness.processes import ROOT, free_port, until

BINARY = ROOT / ".venv/bin/nats-server"


def binary() -> str:
    """The server of the pinned wheel, or that of PATH."""
    found = str(BINARY) if BINARY.exists() else shutil.which("nats-server")
    assert found, "no nats-server: scripts/test installs it"
    return found


class NatsServer:
    """A server that can be stopped, killed and started again at the same port."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        self.folder = folder
        self._options = options
        self._process: processes.Process | None = None

    @property
    def url(self) -> str:
        """Its address without a user."""
        return f"nats://127.0.0.1:{self.port}"

    @property
    def addresses(self) -> list[Address]:
        """The same, read."""
        return parse(self.url)

    @property
    def log(self) -> Path:
        """What it says."""
        return self.folder / "nats-server.log"

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        command = [
            binary(), "-a", "127.0.0.1", "-p", str(self.port), "-js",
            "-sd", str(self.folder / "jetstream"), *self._options,
        ]  # fmt: skip
        self._process = processes.start(command, self.log)
        until(self._answers, f"nats-server at {self.port}: {self.log}")

    def stop(self) -> None:
        """End it in good order."""
        if self._process is not None:
            processes.stop(self._process)

    def kill(self) -> None:
        """End it as a crash does."""
        if self._process is not None:
            processes.kill(self._process)
            self._process.wait()

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text("utf-8")
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as caller:
            return caller.recv(4) == b"INFO"
        return False


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[NatsServer]:
    """A server while the block runs, started with more `options`."""
    server = NatsServer(folder, *options)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def connected(
    server: NatsServer, name: str = "test", *, ping_seconds: float = 20.0
) -> Iterator[Connection]:
    """A connection to `server` while the block runs; its defect is raised at the end. It waits for
    longer than a busy machine takes."""
    seconds = processes.WAIT_SECONDS
    connection = Connection(server.addresses, name, seconds=seconds, ping_seconds=ping_seconds)
    try:
        assert connection.wait_connected(processes.WAIT_SECONDS), connection.problem
        yield connection
        connection.check()
    finally:
        connection.close()


def remove(person: Connection, stream: str) -> None:
    """Delete a stream, as an operator may."""

    async def delete(client: Client) -> bool:
        return bool(await client.jsm().delete_stream(stream))

    assert person._link.call(delete, 5.0)
