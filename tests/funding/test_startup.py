"""How a program begins: --help, the settings, the log. Each in a process of its own, since
beginning changes the process."""

import argparse
import stat
import sys
from pathlib import Path

import pytest

from funding import startup
from funding.settings import service
from funding.settings.table import whole
from harness.processes import finished

BEGIN = "from funding import startup; print(startup.begin('name'))"


def test_help_names_every_setting_with_its_default() -> None:
    text = startup.parser("name", "What it does.").format_help()
    assert "What it does." in text
    for setting in service.TABLE:
        assert f"  {setting.name} " in text
        assert f"(default: {setting.default or 'none'})" in text
        assert setting.why in text


@pytest.mark.parametrize("name", ["ingest.py", "api.py", "watchdog.py"])
def test_every_program_answers_help_whatever_the_settings(name: str) -> None:
    result = finished([sys.executable, name, "--help"], FUNDING_API_PORT="rubbish")
    assert result.returncode == 0
    assert result.stdout.startswith(f"usage: {name}")
    assert "FUNDING_DB" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize("name", ["ingest.py", "api.py", "watchdog.py"])
def test_unknown_argument_is_refused(name: str) -> None:
    result = finished([sys.executable, name, "--rubbish"])
    assert result.returncode == 2
    assert "--rubbish" in result.stderr


def test_argument_is_read_as_a_setting_is(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=startup.argument(whole(0, 9, "a number of rows")))
    assert parser.parse_args(["--rows", "9"]).rows == 9
    for text in ("10", "x", ""):
        with pytest.raises(SystemExit):
            parser.parse_args(["--rows", text])
        assert f"{text!r} is not a number of rows, 0 to 9" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["ingest.py", "api.py", "watchdog.py"])
def test_bad_setting_ends_the_program_with_one_line(name: str, tmp_path: Path) -> None:
    database = tmp_path / "var" / "funding.db"
    result = finished(
        [sys.executable, name], FUNDING_STALE_AFTER="soon\nFORGED", FUNDING_DB=database
    )
    assert result.returncode == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"{name.removesuffix('.py')}: FUNDING_STALE_AFTER='soon")
    assert "expected seconds" in line
    assert not database.parent.exists()


def test_bad_value_cannot_forge_a_line_or_fill_the_screen() -> None:
    value = "\x1b[2J\n" + "9" * 100_000
    result = finished([sys.executable, "-c", BEGIN], FUNDING_API_PORT=value)
    (line,) = result.stderr.splitlines()
    assert line.isprintable()
    assert len(line) < 500


def test_credentials_in_an_address_are_not_shown() -> None:
    result = finished([sys.executable, "-c", BEGIN], FUNDING_REST_URL="https://me:secret@host")
    assert result.returncode == 2
    assert "FUNDING_REST_URL" in result.stderr
    assert "secret" not in result.stderr


def test_unknown_setting_is_a_warning_in_the_log() -> None:
    result = finished([sys.executable, "-c", BEGIN], FUNDING_STALE_AFTR="3")
    assert result.returncode == 0
    first, second = result.stdout.splitlines()
    assert "WARNING name: unknown setting FUNDING_STALE_AFTR: nothing reads it" in first
    assert second.startswith("Settings(")
    assert result.stderr == ""


def test_the_log_level_is_the_setting() -> None:
    result = finished(
        [sys.executable, "-c", BEGIN], FUNDING_STALE_AFTR="3", FUNDING_LOG_LEVEL="error"
    )
    assert result.returncode == 0
    assert "unknown setting" not in result.stdout


def test_files_made_afterwards_are_private(tmp_path: Path) -> None:
    made = tmp_path / "made"
    code = f"{BEGIN}; open({str(made)!r}, 'w')"
    assert finished([sys.executable, "-c", code]).returncode == 0
    assert stat.S_IMODE(made.stat().st_mode) == 0o600


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone can do that")
@pytest.mark.parametrize(("supervised", "signal"), [(True, 9), (False, 0)])
def test_supervised_program_ends_with_supervisord(
    supervised: bool, signal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And alone, as in a shell that is closed, it does not."""
    monkeypatch.delenv("SUPERVISOR_ENABLED", raising=False)
    if supervised:
        monkeypatch.setenv("SUPERVISOR_ENABLED", "1")
    asked = "value = ctypes.c_int(); ctypes.CDLL(None).prctl(2, ctypes.byref(value))"
    code = f"import ctypes; {BEGIN}; {asked}; print(value.value)"
    result = finished([sys.executable, "-c", code])
    assert result.stdout.splitlines()[-1] == str(signal)


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
def test_signal_asks_a_program_to_stop(number: str) -> None:
    code = (
        "import os, signal; from funding.startup import stop_on_signal;"
        f"stopping = stop_on_signal(); os.kill(os.getpid(), signal.{number});"
        "print(stopping.wait(20))"
    )
    done = finished([sys.executable, "-c", code])
    assert (done.returncode, done.stdout) == (0, "True\n")
