"""The writers by themselves."""

from pathlib import Path

import pytest

from harness.durability.killing import stored_commits
from harness.durability.writers import EVENT_EVERY, ROLES
from harness.processes import module, running
from tests.support.clock import rows


@pytest.mark.parametrize("role", ROLES)
def test_a_commit_is_whole_and_has_its_number(tmp_path: Path, role: str) -> None:
    path = tmp_path / "funding.db"
    commits = {each: ROLES[each](path) for each in dict.fromkeys(("ingest", role))}
    for number in range(1, EVENT_EVERY + 1):
        commits[role](number)
    assert stored_commits(path, role, 1) == set(range(1, EVENT_EVERY + 1))
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


def test_each_commit_is_acknowledged_on_its_line(tmp_path: Path) -> None:
    command = module("harness.durability.writers", "ingest", tmp_path / "funding.db", 5)
    with running(command, tmp_path / "log", piped=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
    assert lines == [b"ready\n", b"5\n", b"6\n"]
