"""A real supervisord with a few small programs."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from funding.runtime.process import listens
from harness.processes import running, until

HEAD = """
[unix_http_server]
file={folder}/s
chmod=0600
[supervisord]
nodaemon=true
identifier=test
pidfile={folder}/pid
logfile={folder}/supervisord.log
childlogdir={folder}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[group:funding]
programs={names}
"""
PROGRAM = """
[program:{name}]
command={python} -c "{code}"
autorestart=true
redirect_stderr=true
"""
SUPERVISORD = (
    "from supervisor import events, supervisord; events.Tick5Event.period = 1; supervisord.main()"
)
SLEEPS = "import time; time.sleep(600)"
DEAF = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    " print('deaf', flush=True); time.sleep(600)"
)
ENDS = "raise SystemExit(3)"
FATAL = {"startsecs": "60", "startretries": "0"}
"""With these, a program that ends is FATAL however long its Python took to start."""


@contextmanager
def supervisord(
    folder: Path,
    programs: Mapping[str, str],
    extra: str = "",
    settings: Mapping[str, object] | None = None,
    **options: Mapping[str, str],
) -> Iterator[subprocess.Popen[bytes]]:
    """supervisord in `folder`, with `programs` (Python code by name) in the group `funding`, each
    with `options[name]`, `extra` sections beside them, and `settings` in its environment. What it
    has started is gone after the block. Its events of every five seconds come each second."""
    parts = [HEAD.format(folder=folder, names=",".join(programs)), extra]
    for name, code in programs.items():
        parts.append(PROGRAM.format(name=name, python=sys.executable, code=code))
        chosen = {"startsecs": "0", "stopwaitsecs": "1"} | dict(options.get(name, {}))
        parts += [f"{key}={value}\n" for key, value in chosen.items()]
    config = folder / "supervisord.conf"
    config.write_text("".join(parts))
    command = [sys.executable, "-c", SUPERVISORD, "-c", str(config)]
    with running(command, folder / "output.log", cwd=folder, settings=settings or {}) as process:
        until(lambda: listens(folder / "s"), "supervisord listens")
        try:
            yield process
        finally:
            end_children(process)


def end_children(parent: subprocess.Popen[bytes]) -> None:
    """Kill what `parent` has started, which has sessions of its own, and let it start no more."""
    if parent.poll() is not None:
        return
    parent.send_signal(signal.SIGSTOP)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # gone meanwhile
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent.pid:
                os.kill(int(stat.parent.name), signal.SIGKILL)
