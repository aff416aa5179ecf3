"""var/bench-venv: what the peers need, apart from what the service needs."""

import re
import shutil
import subprocess
import sys

from harness.processes import ROOT

PEERS_PYTHON = ROOT / "var/bench-venv/bin/python"
_REQUIREMENTS = ROOT / "harness/bench/requirements.txt"
_STAMP = ROOT / "var/bench-venv/installed.txt"
_SECONDS = 900


def install() -> None:
    """Make it when needed. A package that cannot be installed is left out, with a line about it."""
    if _STAMP.exists() and _STAMP.read_bytes() == _REQUIREMENTS.read_bytes():
        return
    print_progress("installing the peers into var/bench-venv …")
    if not PEERS_PYTHON.exists():
        command = [sys.executable, "-m", "venv", str(PEERS_PYTHON.parent.parent)]
        subprocess.run(command, check=True, timeout=_SECONDS)
    if not _installed(["-r", str(_REQUIREMENTS)]):
        _one_by_one()
    shutil.copy(_REQUIREMENTS, _STAMP)


def missing() -> str:
    """Why no peer can run; empty when they can."""
    if PEERS_PYTHON.exists():
        return ""
    return "var/bench-venv is not there: run without --no-peers, with a package index in reach"


def print_progress(text: str) -> None:
    """What a person should see while it runs."""
    print(text, file=sys.stderr, flush=True)


def _installed(arguments: list[str]) -> bool:
    options = ["--quiet", "--disable-pip-version-check", "--require-hashes"]
    command = [str(PEERS_PYTHON), "-m", "pip", "install", *options, *arguments]
    return subprocess.run(command, check=False, timeout=_SECONDS).returncode == 0


def _one_by_one() -> None:
    """A package without a build for this machine then costs its own peer alone."""
    text = _REQUIREMENTS.read_text("utf-8")
    single = _STAMP.with_name("single.txt")
    for pinned in re.findall(r"^[a-z0-9].*(?:\n +.*)*", text, re.MULTILINE):
        single.write_text(pinned + "\n", "utf-8")
        if not _installed(["--no-deps", "-r", str(single)]):
            print_progress(f"left out: {pinned.split()[0]}")
