"""Where settings come from: the environment, then a file that nobody else may write."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from funding.errors import SettingError
from funding.settings import environment
from funding.settings.environment import project_folder, read_file, supervised, texts
from tests.conftest import ROOT


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "some.env"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_environment_goes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, "# ours\n\nexport FUNDING_MODE='rest'\nA = 1\nB=\"2\"\n")
    monkeypatch.setenv("FUNDING_ENV_FILE", str(file))
    monkeypatch.setenv("B", "3")
    found = texts(frozenset())
    assert (found.texts["FUNDING_MODE"], found.texts["A"], found.texts["B"]) == ("rest", "1", "3")
    assert found.from_file == {"FUNDING_MODE", "A"}
    assert (found.file, found.mode) == (file, 0o600)


def test_without_a_file_there_is_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("B", "3")
    found = texts(frozenset())
    assert found.texts == dict(os.environ)
    assert not found.from_file


def test_a_relative_path_in_the_file_is_below_the_files_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, "DB=data/x.db\nLOG=/var/log/x\nOTHER=data\n")
    monkeypatch.setenv("FUNDING_ENV_FILE", str(file))
    found = texts(frozenset({"DB", "LOG"})).texts
    assert found["DB"] == str(tmp_path / "data/x.db")
    assert (found["LOG"], found["OTHER"]) == ("/var/log/x", "data")


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o660])
def test_a_file_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(SettingError, match="nobody else may write"):
        read_file(written(tmp_path, "A=hunter2\n", mode))


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o644, 0o640])
def test_a_file_that_only_its_owner_may_write_is_read(tmp_path: Path, mode: int) -> None:
    assert read_file(written(tmp_path, "A=1\n", mode)) == ({"A": "1"}, mode)


def test_the_file_of_another_user_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path, "A=1\n")
    try:
        os.chown(file, 12_345, -1)
    except PermissionError:  # only root gives files away: ask for a file of root's as nobody
        assert os.geteuid() != 0
        return
    with pytest.raises(SettingError, match="our own user or of root"):
        read_file(file)


@pytest.mark.parametrize("line", ["hunter2", "lower=hunter2", "=hunter2", "A-B=hunter2"])
def test_a_line_that_is_not_a_setting_is_refused_and_not_shown(tmp_path: Path, line: str) -> None:
    with pytest.raises(SettingError, match="line 2") as caught:
        read_file(written(tmp_path, f"A=1\n{line}\n"))
    assert "hunter2" not in str(caught.value)


def test_what_is_not_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="FileNotFoundError"):
        read_file(tmp_path / "nothing")
    with pytest.raises(SettingError, match="IsADirectoryError"):
        read_file(tmp_path)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(SettingError, match="a regular file"):
        read_file(tmp_path / "pipe")
    with pytest.raises(SettingError, match="at most 65536 bytes"):
        read_file(written(tmp_path, "#" + "x" * 65_500 + "\nVOLSPIKE_API_KEY=hunter2hunter2\n" * 2))
    path = tmp_path / "bytes"
    path.write_bytes(b"A=\xff\n")
    path.chmod(0o600)
    with pytest.raises(SettingError, match="UnicodeDecodeError"):
        read_file(path)


def test_a_named_file_that_is_missing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDING_ENV_FILE", str(tmp_path / "nothing"))
    with pytest.raises(SettingError, match="FileNotFoundError"):
        texts(frozenset())


def folder_seen(package: Path, cwd: Path, **variables: str) -> str:
    """The project's folder as a script sees it that imports the package from `package`."""
    code = "from funding.settings.environment import project_folder; print(project_folder())"
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(package), **variables}
    run = [sys.executable, "-S", "-c", code]
    return subprocess.run(run, env=environ, cwd=cwd, capture_output=True, text=True).stdout.strip()


def test_the_folder_is_the_checkout_or_where_an_installed_package_is_told(tmp_path: Path) -> None:
    assert project_folder() == ROOT
    shutil.copytree(ROOT / "funding", tmp_path / "site" / "funding")
    assert folder_seen(ROOT, tmp_path, FUNDING_ENV_FILE="/srv/x.env") == str(ROOT)
    assert folder_seen(tmp_path / "site", tmp_path) == str(tmp_path)
    named = "/srv/funding/funding.env"
    assert folder_seen(tmp_path / "site", tmp_path, FUNDING_ENV_FILE=named) == "/srv/funding"


def test_whether_supervisord_has_started_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUPERVISOR_ENABLED", raising=False)
    assert not supervised()
    monkeypatch.setenv("SUPERVISOR_ENABLED", "1")
    assert supervised()


@pytest.fixture
def demonstration(short_path: Path) -> Iterator[Path]:
    """A folder in which a demonstration runs beside settings of a real group."""
    home = short_path / "var/demo"
    home.mkdir(parents=True)
    for file, port in ((short_path / "funding.env", 1111), (home / "funding.env", 2222)):
        file.write_text(f"FUNDING_API_PORT={port}\n")
        file.chmod(0o600)
    (short_path / "var/supervisor.sock").symlink_to("demo/supervisor.sock")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(home / "supervisor.sock"))
        listening.listen()
        yield short_path


@pytest.mark.parametrize("installed", [False, True])
def test_the_folders_own_settings_file_is_that_of_the_demonstration_there(
    demonstration: Path, monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    """Also for a script whose package is installed elsewhere, and which only names the file."""
    checkout = demonstration / "elsewhere" if installed else demonstration
    checkout.mkdir(exist_ok=True)
    (demonstration / "supervisord.conf").touch()
    monkeypatch.setattr(environment, "_CHECKOUT", checkout)
    monkeypatch.setenv("FUNDING_ENV_FILE", str(demonstration / "funding.env"))
    assert environment.texts(frozenset()).texts["FUNDING_API_PORT"] == "2222"
    assert environment.beside_a_demo()
    other = demonstration / "other.env"
    other.write_text("FUNDING_API_PORT=3333\n")
    other.chmod(0o600)
    monkeypatch.setenv("FUNDING_ENV_FILE", str(other))
    assert environment.texts(frozenset()).texts["FUNDING_API_PORT"] == "3333"
    assert not environment.beside_a_demo()
    if not installed:
        monkeypatch.delenv("FUNDING_ENV_FILE")
        assert environment.texts(frozenset()).texts["FUNDING_API_PORT"] == "2222"
    (demonstration / "var/supervisor.sock").unlink()
    monkeypatch.setenv("FUNDING_ENV_FILE", str(demonstration / "funding.env"))
    assert environment.texts(frozenset()).texts["FUNDING_API_PORT"] == "1111"
