"""scripts/backup as a process: a file, a dated file, the oldest deleted, and what is refused."""

import re
from pathlib import Path

import pytest

from harness.processes import finished
from tests.conftest import ROOT
from tests.support.clock import ManualClock, rows, write
from tests.support.store import quote

COMMAND = "scripts/backup"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "funding.db"
    write(path, ManualClock().clock(), [quote("BTCUSDT")])
    return path


def test_backup_to_a_file_is_made_and_checked(database: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    result = finished([COMMAND, target], ROOT, FUNDING_DB=database)
    assert (result.returncode, result.stderr) == (0, "")
    assert re.fullmatch(rf"{target}: \d+ rows of \d+ tables, 0\.\d MB, checked\n", result.stdout)
    assert rows(target, "SELECT symbol FROM quote") == [("BTCUSDT",)]
    result = finished([COMMAND, "--check", target], ROOT, FUNDING_DB=database)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(f"{target}: whole, ")


def test_without_a_file_the_newest_dated_copies_are_kept(database: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    others = ["funding-20260101T000000Z.db", "funding-20260102T000000Z.db", "funding-mine.db"]
    for name in others:
        (folder / name).write_text("old")
    result = finished([COMMAND, "--keep", "2"], ROOT, FUNDING_DB=database)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith("; 1 older deleted\n")
    assert not (folder / others[0]).exists()
    assert {path.name for path in folder.iterdir()} > set(others[1:])


def test_existing_file_is_refused_with_one_line(database: Path, tmp_path: Path) -> None:
    result = finished([COMMAND, database], ROOT, FUNDING_DB=database)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"backup: {database}: exists already: choose another name\n"


def test_missing_database_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "none.db"
    result = finished([COMMAND, tmp_path / "copy.db"], ROOT, FUNDING_DB=missing)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"backup: {missing}: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("wrong", [["--keep", "0"], ["--keep", "x"], ["--check"]])
def test_wrong_argument_is_exit_2(wrong: list[str], database: Path) -> None:
    result = finished([COMMAND, *wrong], ROOT, FUNDING_DB=database)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
