"""The one way to start a process: its output in a file, every wait bounded, ended by its pid."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent
WAIT_SECONDS = 60.0
"""For what takes a second on an idle machine: only what never comes takes so long."""
STOP_SECONDS = 40.0
"""More than supervisord needs to stop all programs one after the other."""
_POLL_SECONDS = 0.02

Process = subprocess.Popen[bytes]
_held_ports: list[socket.socket] = []


def until(probe: Callable[[], T | None], what: str, seconds: float = WAIT_SECONDS) -> T:
    """What `probe` returns as soon as that is true; AssertionError that names `what` otherwise."""
    deadline = time.monotonic() + seconds
    while not (found := probe()):
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what}: not within {seconds:g} s")
        time.sleep(_POLL_SECONDS)
    return found


def environment(**settings: object) -> dict[str, str]:
    """This process's environment without proxies and settings of its own, with `settings`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        # PYTHONDONTWRITEBYTECODE, for one, would cost each program 5 MB of memory.
        if not name.startswith(("FUNDING_", "PYTHON")) and not name.lower().endswith("_proxy")
    }
    return kept | {name: str(value) for name, value in settings.items()}


def module(name: str, *arguments: object, python: str | Path = sys.executable) -> list[str]:
    """The command `python -m name arguments`."""
    return [str(python), "-m", name, *map(str, arguments)]


def tied(*command: object) -> list[str]:
    """`command`, ended by SIGTERM when this process ends. To be started in the main thread."""
    return [sys.executable, str(ROOT / "harness/tied.py"), str(os.getpid()), *map(str, command)]


def finished(
    command: Sequence[str | Path], cwd: Path = ROOT, **settings: object
) -> subprocess.CompletedProcess[str]:
    """`command`, run to its end with nothing on its standard input."""
    return subprocess.run(
        command, cwd=cwd, env=environment(**settings), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=WAIT_SECONDS, check=False,
    )  # fmt: skip


def output(command: Sequence[str | Path], seconds: float, text: str = "") -> str:
    """What `command` prints, given `text` on its standard input; its stderr is ours."""
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), input=text, stdout=subprocess.PIPE,
        text=True, timeout=seconds, check=True,
    )  # fmt: skip
    return done.stdout


def start(
    command: Sequence[str | Path],
    log: Path,
    *,
    cwd: Path = ROOT,
    stdin: int = subprocess.DEVNULL,
    piped: bool = False,
    settings: Mapping[str, object] | None = None,
) -> Process:
    """`command` in a session of its own. Its stderr, and its stdout unless that is `piped`, are
    added to `log`."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env=environment(**(settings or {})),
            stdin=stdin,
            stdout=subprocess.PIPE if piped else output,
            stderr=output,
            bufsize=0,
            start_new_session=True,
        )


@contextmanager
def running(
    command: Sequence[str | Path],
    log: Path,
    *,
    cwd: Path = ROOT,
    stdin: int = subprocess.DEVNULL,
    piped: bool = False,
    settings: Mapping[str, object] | None = None,
) -> Iterator[Process]:
    """`command` while the block runs, with an empty `log` at its start; see `start`."""
    log.write_bytes(b"")
    with start(command, log, cwd=cwd, stdin=stdin, piped=piped, settings=settings) as process:
        try:
            yield process
        finally:
            kill(process)


def kill(process: Process) -> None:
    """Kill it and everything in its session, and let go of its pipes."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def stop(process: Process, number: int = signal.SIGTERM, seconds: float = STOP_SECONDS) -> int:
    """Tell it to end; its exit code. It is killed where it does not end in time."""
    if process.poll() is None:
        process.send_signal(number)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        kill(process)
        return process.wait()


def processes_in(folder: Path) -> dict[int, str]:
    """The command lines, by pid, of the processes whose working folder is in `folder`."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # ended meanwhile
            if (process / "cwd").readlink().is_relative_to(folder):
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if command:  # a zombie has none: only its parent still knows it
                    found[int(process.name)] = command
    return found


def listening(backlog: int = 512) -> socket.socket:
    """A socket that listens on a free loopback port."""
    made = socket.socket()
    made.bind(("127.0.0.1", 0))
    made.listen(backlog)
    return made


def port_of(listener: socket.socket) -> int:
    """The port that it listens on."""
    port: int = listener.getsockname()[1]
    return port


def free_port() -> int:
    """A loopback port at which nobody listens, and which the system gives to nobody else while
    this process runs: a socket stays bound to it. Who sets SO_REUSEADDR, as servers do, can listen
    at it all the same."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    _held_ports.append(holder)
    return port_of(holder)
