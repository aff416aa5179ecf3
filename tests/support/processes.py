"""Real processes and real sockets, and waiting for a thing instead of for a time."""

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests.conftest import ROOT

T = TypeVar("T")

PATIENCE_SECONDS = 30.0


def until(
    probe: Callable[[], T | None], what: str, patience_seconds: float = PATIENCE_SECONDS
) -> T:
    """What `probe` returns as soon as that is true; a failure that names `what` when it stays
    false."""
    deadline = time.monotonic() + patience_seconds
    while not (found := probe()):
        assert time.monotonic() < deadline, f"{what}: not within {patience_seconds:g} s"
        time.sleep(0.02)
    return found


def environment(**settings: object) -> dict[str, str]:
    """This process's environment without proxies and settings of its own, with `settings`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("FUNDING_") and not name.lower().endswith("_proxy")
    }
    return kept | {name: str(value) for name, value in settings.items()}


def finished(
    command: Sequence[str | Path], cwd: Path = ROOT, **settings: object
) -> subprocess.CompletedProcess[str]:
    """`command`, run to its end with nothing on its standard input."""
    return subprocess.run(
        command,
        cwd=cwd,
        env=environment(**settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


@contextmanager
def running(
    command: Sequence[str | Path],
    log: Path,
    *,
    cwd: Path = ROOT,
    stdin: int = subprocess.DEVNULL,
    settings: Mapping[str, object] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """`command` while the block runs, in a session of its own, its output in `log`."""
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            cwd=cwd,
            env=environment(**(settings or {})),
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; the names of `headers` are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which must be strict JSON."""
        return json.loads(self.body, parse_constant=_no_constant)


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def ask(port: int, target: str, method: str = "GET", **headers: str) -> Answer:
    """The answer of 127.0.0.1:`port`, over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, target, headers=named)
        with connection.getresponse() as response:
            return Answer(response.status, _lower(response), response.read())
    finally:
        connection.close()


def connect(port: int) -> socket.socket:
    """A raw connection to 127.0.0.1:`port`."""
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)


def receive(connection: socket.socket, method: str = "GET") -> Answer:
    """The next answer on a raw connection."""
    with http.client.HTTPResponse(connection, method=method) as response:
        response.begin()
        return Answer(response.status, _lower(response), response.read())


def to_the_end(connection: socket.socket) -> bytes:
    """All that comes until the other side closes; with unread input it does so by a reset."""
    received = b""
    with suppress(ConnectionResetError):
        while part := connection.recv(65_536):
            received += part
    return received


def _lower(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}
