"""What the machine says of processes, files and disks."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import Mock

import pytest

from funding.runtime.clock import SYSTEM
from funding.runtime.process import (
    age_seconds,
    disk_free_bytes,
    end_with_parent,
    file_bytes,
    listens,
    memory_bytes,
)
from harness.processes import until


@contextmanager
def child(code: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process that runs `code`, which says something, and then waits."""
    command = [sys.executable, "-c", f"{code}; print('ready', flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        try:
            yield process
        finally:
            process.kill()


def test_age_of_a_process() -> None:
    before = SYSTEM.uptime()
    with child("pass") as process:
        after = SYSTEM.uptime()
        age = age_seconds(process.pid, after + 1_000)
        assert 1_000 - 0.02 <= age <= 1_000 + (after - before) + 0.02
        assert age_seconds(process.pid, 0.0) == 0.0
    assert age_seconds(process.pid, after + 1_000) == 0.0


def test_name_with_brackets_and_blanks_does_not_mislead(tmp_path: Path) -> None:
    program = tmp_path / "a) b (c 1 2 3"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "600"]) as process:
        try:
            stat = Path(f"/proc/{process.pid}/stat")
            until(lambda: "(a) b (c 1 2 3" in stat.read_text(), "the program")
            assert 0 < age_seconds(process.pid, SYSTEM.uptime() + 50) < 100
        finally:
            process.send_signal(signal.SIGKILL)


def test_memory_is_resident_memory() -> None:
    with child("pass") as small, child("x = b'x' * 50_000_000") as large:
        more = memory_bytes(large.pid) - memory_bytes(small.pid)
        assert 45_000_000 < more < 60_000_000
    assert memory_bytes(large.pid) == 0


def test_process_ends_with_its_parent() -> None:
    """Also when that one was killed, and when the process itself is stopped."""
    grandchild = (
        "from funding.runtime.process import end_with_parent;"
        " end_with_parent('supervisord'); print('ready', flush=True)"
    )
    started = (
        "import subprocess, sys;"
        f" p = subprocess.Popen([sys.executable, '-c', {grandchild + '; input()'!r}],"
        " stdin=subprocess.PIPE, stdout=subprocess.PIPE);"
        " p.stdout.readline(); print(p.pid, flush=True)"
    )
    command = [sys.executable, "-c", f"{started}; input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        os.kill(pid, signal.SIGSTOP)
        process.kill()
        until(lambda: not memory_bytes(pid), "the process is gone")


@pytest.mark.parametrize(
    ("parent", "name", "ends"),
    [(1, "no such program", True), (1, "", False), (17, "no such program", False)],
    ids=["ended before", "is process 1 itself", "lives"],
)
def test_process_whose_parent_has_ended_before_ends_at_once(
    monkeypatch: pytest.MonkeyPatch, parent: int, name: str, ends: bool
) -> None:
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr("ctypes.CDLL", Mock())
    monkeypatch.setattr("os.getppid", lambda: parent)
    monkeypatch.setattr("os.kill", lambda pid, number: killed.append((pid, number)))
    end_with_parent(name)
    assert killed == [(os.getpid(), signal.SIGKILL)] * ends


def test_files_and_disks(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert file_bytes(tmp_path / "file") == 5
    assert file_bytes(tmp_path / "none") == 0
    free = disk_free_bytes(tmp_path)
    assert free is not None
    status = os.statvfs(tmp_path)
    assert 0 < free <= status.f_blocks * status.f_frsize
    assert disk_free_bytes(tmp_path / "none") is None


def test_who_listens_at_a_unix_socket(short_path: Path) -> None:
    place, link = short_path / "s", short_path / "link"
    link.symlink_to(place)
    assert not listens(place)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place))
        assert not listens(place)
        server.listen()
        assert listens(place)
        assert listens(link)
    assert not listens(place)
    assert not listens(link)
    assert not listens(short_path / ("s" * 200))
