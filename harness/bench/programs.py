"""Starting and ending the processes that are measured. Nothing outlives the block it began in."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON = ROOT / ".venv/bin/python"
PEERS_PYTHON = ROOT / "var/bench-venv/bin/python"
_PATIENCE_SECONDS = 20.0

Process = subprocess.Popen[str]


def environment(**settings: object) -> dict[str, str]:
    """This process's, without proxies and settings of its own, with `settings`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        # PYTHONDONTWRITEBYTECODE, for one, would cost each program 5 MB of memory.
        if not name.startswith(("FUNDING_", "PYTHON")) and not name.lower().endswith("_proxy")
    }
    return kept | {name: str(value) for name, value in settings.items()}


@contextmanager
def running(
    command: Sequence[str | Path],
    log: Path,
    *,
    stdin: int | socket.socket = subprocess.DEVNULL,
    piped: bool = False,
    cwd: Path = ROOT,
    settings: Mapping[str, object] | None = None,
) -> Iterator[Process]:
    """`command` while the block runs, in a session of its own; stderr, and stdout unless it is
    `piped`, go to `log`."""
    with (
        log.open("ab") as output,
        subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env=environment(**(settings or {})),
            stdin=stdin.fileno() if isinstance(stdin, socket.socket) else stdin,
            stdout=subprocess.PIPE if piped else output,
            stderr=output,
            text=True,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            _end(process)


def _end(process: Process) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.stdout is not None:
        process.stdout.close()
    if process.stdin is not None:
        process.stdin.close()


def module(name: str, *arguments: object, peer: bool = False) -> list[str]:
    """The command of `python -m name arguments`."""
    python = PEERS_PYTHON if peer else PYTHON
    return [str(python), "-m", name, *map(str, arguments)]


def output(command: Sequence[str], timeout: float) -> str:
    """What a command that ends by itself prints; its stderr is ours."""
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, text=True, timeout=timeout, check=True,
    )  # fmt: skip
    return done.stdout


def listening() -> socket.socket:
    """A socket on a free loopback port, for several processes to accept from."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    held.listen(512)
    return held


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answered(port: int, target: str = "/funding/BTCUSDT", patience: float = 0.0) -> bytes:
    """The body of the first 200 that 127.0.0.1:`port` gives; TimeoutError without one."""
    deadline = time.monotonic() + (patience or _PATIENCE_SECONDS)
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", target)
            reply = connection.getresponse()
            body = reply.read()
            if reply.status == 200:
                return body
        connection.close()
        time.sleep(0.05)
    raise TimeoutError(f"no answer at {target} of port {port}")


def complain(text: str) -> None:
    """What a person should see while it runs."""
    print(text, file=sys.stderr, flush=True)
