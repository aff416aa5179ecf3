"""Folders and files that belong to somebody else, and commands of a user that may not read them."""

import ctypes
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.processes import ROOT, WAIT_SECONDS, environment

NOBODY = 65_534
_PR_CAPBSET_DROP = 24
_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2


@contextmanager
def of_somebody_else(path: Path, mode: int = 0o700) -> Iterator[None]:
    """`path`, a file or folder, is another user's with `mode` in the block. Who is not root cannot
    give it away: then nobody may use it."""
    before = path.stat()
    if os.geteuid() == 0:
        os.chown(path, NOBODY, NOBODY)
        path.chmod(mode)
    else:
        path.chmod(mode & 0o077)
    try:
        yield
    finally:
        if os.geteuid() == 0:
            os.chown(path, before.st_uid, before.st_gid)
        path.chmod(before.st_mode)


def _as_others_are() -> None:
    """In a child: root without the right to pass over permissions is a user like others."""
    if os.geteuid() == 0:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
        for capability in (_DAC_OVERRIDE, _DAC_READ_SEARCH):
            if prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "prctl")


def as_others(
    command: Sequence[str | Path], cwd: Path = ROOT, **settings: object
) -> subprocess.CompletedProcess[str]:
    """`command`, run to its end by a user that may not read what is somebody else's."""
    return subprocess.run(
        command, cwd=cwd, env=environment(**settings), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=WAIT_SECONDS, check=False,
        preexec_fn=_as_others_are,
    )  # fmt: skip
