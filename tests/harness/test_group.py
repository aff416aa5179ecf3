"""The group: its copy of the tree, and what it says where nothing runs. It runs in end_to_end/."""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness.group import Group, NotRunning, copy_of_the_tree, kill_all, log_of, started, tree
from harness.processes import ROOT, processes_in, running, until
from harness.stand_in import stand_in

SLEEPS = "import time; time.sleep(60)"


@pytest.fixture
def group(tmp_path: Path) -> Group:
    nothing: Any = None
    return Group(tmp_path, nothing)


def test_a_copy_runs_without_installing_anything(tmp_path: Path) -> None:
    copy_of_the_tree(tmp_path)
    assert (tmp_path / "ingest.py").read_bytes() == (ROOT / "ingest.py").read_bytes()
    assert not (tmp_path / "tests").exists()
    assert (tmp_path / ".venv/bin/python").exists()
    stamp = tmp_path / ".venv/installed-requirements.txt"
    assert stamp.read_bytes() == (ROOT / "requirements.txt").read_bytes()


def test_a_copy_of_another_checkout_has_its_files(tmp_path: Path) -> None:
    source = tmp_path / "before"
    (source / ".venv/bin").mkdir(parents=True)
    (source / "var").mkdir()
    (source / "api.py").write_text("before")
    copy_of_the_tree(tmp_path / "copy", source)
    assert (tmp_path / "copy/api.py").read_text() == "before"
    assert (tmp_path / "copy/.venv/bin").resolve() == source / ".venv/bin"
    assert not (tmp_path / "copy/var").exists()


def test_what_runs_in_a_tree_ends_with_it() -> None:
    with tree() as folder, running([sys.executable, "-c", SLEEPS], folder / "log", cwd=folder):
        until(lambda: len(processes_in(folder)) == 1, "it runs")
        assert "time.sleep" in kill_all(folder).popitem()[1]
    assert not folder.exists()


def test_the_last_lines_of_all_logs_without_control_characters(tmp_path: Path) -> None:
    (tmp_path / "var/log").mkdir(parents=True)
    (tmp_path / "run.log").write_text("first\nsecond\n")
    (tmp_path / "var/log/api.log").write_text("\x1b[31mred\n")
    assert log_of(tmp_path, 1) == "--- run.log\nsecond\n--- api.log\n?[31mred"


def test_nothing_runs(group: Group) -> None:
    assert group.programs() == {}
    assert group.pids("ingest.py") == set()
    assert group.leftovers() == {}
    with pytest.raises(NotRunning):
        group.supervisord_pid()


def test_the_database_is_where_the_settings_say(group: Group, tmp_path: Path) -> None:
    assert group.database == tmp_path / "var/funding.db"
    group.settings = {"FUNDING_DB": tmp_path / "other.db"}
    with closing(sqlite3.connect(group.database)) as database:
        database.execute("CREATE TABLE feed AS SELECT 7 AS pid")
        database.commit()
    assert group.feed_pid() == 7
    assert group.rows("SELECT pid FROM feed WHERE pid > ?", 7) == []


def test_a_group_that_ends_at_its_start_says_why() -> None:
    with (
        tree() as folder,
        stand_in(folder) as exchange,
        pytest.raises(NotRunning, match="FUNDING_MIN_SYMBOLS"),
        started(folder, exchange, FUNDING_MIN_SYMBOLS="many"),
    ):
        pass
