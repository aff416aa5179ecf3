"""scripts/validate_report.py as a program: arguments, exit codes, output, the stored verdict."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from scripts import validate_report
from tests.conftest import ROOT
from tests.support.report_days import run
from tests.support.report_world import END, HOUR, tamper
from validation.render import text

PROGRAM = ROOT / "scripts" / "validate_report.py"


def test_verdict_is_stored_once_and_nothing_else_changes(world: Path) -> None:
    with closing(sqlite3.connect(world)) as connection:
        before = list(connection.iterdump())
    assert run(world, "--no-store")[0] == 0
    with closing(sqlite3.connect(world)) as connection:
        assert list(connection.iterdump()) == before
    assert run(world)[0] == 0
    with closing(sqlite3.connect(world)) as connection:
        ((at, verdict, since, until, stored),) = connection.execute(
            "SELECT at, verdict, since, until, report FROM validation"
        )
        new = set(connection.iterdump()) - set(before)
    assert len(new) == 1
    assert (at, verdict, until) == (END, "GO", END)
    assert since == END - 24 * HOUR - 600
    assert json.loads(stored)["verdict"] == "GO"


def test_a_look_at_less_than_a_day_takes_no_go_away(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(world)[0] == 0
    assert run(world, "--since", "20h")[0] == 1
    assert "a look at less than a day" in capsys.readouterr().err
    assert run(world, "--no-store")[0] == 0
    with closing(sqlite3.connect(world)) as connection:
        found = connection.execute("SELECT verdict, exchange FROM validation").fetchall()
    assert found == [("GO", "binance")]


def test_failure_to_store_the_verdict_is_printed(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tamper(world, "DROP TABLE validation;")
    assert run(world)[0] == 0
    assert "the verdict was not stored" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [("--since", "yesterday"), ("--until", "24h"), ("--since", "2027-01-01"), ("--out", "/no/x")],
)
def test_bad_arguments_end_without_a_verdict(
    world: Path, arguments: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--db", str(world), *arguments]
    assert validate_report.main(options, clock=lambda: END) == 2
    assert capsys.readouterr().err.count("\n") == 1


def judged(world: Path, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    """The program on `world`, as a shell starts it."""
    command = [sys.executable, str(PROGRAM), "--until", text.iso(END), "--no-store", *arguments]
    environment = {"FUNDING_DB": str(world), "FUNDING_MIN_SYMBOLS": "20"} | options.pop("env", {})
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, **options)


def test_program_runs_alone(world: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-I", str(PROGRAM)]
    helped = subprocess.run([*command, "--help"], capture_output=True, text=True, check=False)
    assert helped.returncode == 0
    assert "--no-store" in helped.stdout
    unknown = subprocess.run([*command, "--wat"], capture_output=True, text=True, check=False)
    assert unknown.returncode == 2
    judged = subprocess.run(
        [*command, "--until", text.iso(END), "--no-store"],
        capture_output=True, check=False, cwd=tmp_path,
        env={"FUNDING_DB": str(world), "LC_ALL": "C", "FUNDING_MIN_SYMBOLS": "20"},
    )  # fmt: skip
    assert judged.returncode == 0, judged.stderr
    assert judged.stdout.decode().splitlines()[-1] == "VERDICT: GO"


def said_by(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors.decode()


@pytest.mark.parametrize("asked", [(), ("--until", "2020-01-01")], ids=["long", "short"])
def test_full_disk_ends_without_a_verdict(world: Path, asked: tuple[str, ...]) -> None:
    """However much of the report is still in a buffer when the program ends."""
    with Path("/dev/full").open("wb") as full:
        code, errors = said_by(judged(world, *asked, stdout=full))
    expected = "no report: standard output cannot be written: No space left on device\n"
    assert (code, errors) == (2, expected)


def test_closed_pipe_ends_without_a_verdict(world: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        code, errors = said_by(judged(world, stdout=closed))
    assert (code, errors) == (2, "no report: standard output cannot be written: Broken pipe\n")


def test_closed_output_ends_without_a_verdict(world: Path) -> None:
    command = ["sh", "-c", 'exec "$0" "$@" >&-', sys.executable, str(PROGRAM), "--no-store"]
    done = subprocess.run(
        command, env={"FUNDING_DB": str(world)}, capture_output=True, text=True, check=False
    )
    expected = "no report: standard output cannot be written: Bad file descriptor\n"
    assert (done.returncode, done.stderr) == (2, expected)


def test_another_package_of_the_same_name_is_not_imported(world: Path, tmp_path: Path) -> None:
    other = tmp_path / "validation"
    other.mkdir()
    (other / "__init__.py").write_text("raise SystemExit('the wrong one')")
    process = judged(world, stdout=subprocess.DEVNULL, env={"PYTHONPATH": str(tmp_path)})
    assert said_by(process) == (0, "")


def test_a_defect_is_not_a_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python's own exit code of a traceback is 1, which reads NO-GO."""

    def broken() -> int:
        raise RuntimeError("a defect")

    monkeypatch.setattr(validate_report, "main", broken)
    assert validate_report._run() == validate_report.NO_REPORT
    assert "RuntimeError: a defect" in capsys.readouterr().err
