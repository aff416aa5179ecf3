"""Settings of the report: environment, file, default."""

import os
from pathlib import Path

import pytest

from tests.support.report_days import failed, run
from validation.errors import NoReport
from validation.settings import another_file, database_path, minimum_symbols


def test_fewest_symbols_are_a_setting(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FUNDING_MIN_SYMBOLS")
    assert failed(run(world)[1]) == {"symbols compared"}, "500, as for the service"
    monkeypatch.setenv("FUNDING_MIN_SYMBOLS", "31")
    assert failed(run(world)[1]) == {"symbols compared"}
    monkeypatch.setenv("FUNDING_MIN_SYMBOLS", "many")
    assert run(world)[0] == 2


def settings_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "funding.env"
    path.write_text(text, "utf-8")
    path.chmod(mode)
    return path


def test_defaults_without_environment_and_file(tmp_path: Path) -> None:
    assert database_path(tmp_path) == tmp_path / "var/funding.db"
    assert minimum_symbols(tmp_path) == 500


def test_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "# a comment\n\nexport FUNDING_MIN_SYMBOLS = '7'\nFUNDING_DB=\"data/x.db\"\n"
    settings_file(tmp_path, text)
    assert database_path(tmp_path) == tmp_path / "data/x.db", "below the folder of the file"
    assert minimum_symbols(tmp_path) == 7
    monkeypatch.setenv("FUNDING_MIN_SYMBOLS", "8")
    monkeypatch.setenv("FUNDING_DB", "y.db")
    assert database_path(tmp_path) == Path.cwd() / "y.db"
    assert minimum_symbols(tmp_path) == 8


def test_another_file_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setenv("FUNDING_ENV_FILE", str(other / "funding.env"))
    with pytest.raises(NoReport, match="cannot be read"):
        database_path(tmp_path)
    settings_file(other, "FUNDING_DB=x.db")
    settings_file(tmp_path, "FUNDING_DB=wrong.db")
    assert database_path(tmp_path) == other / "x.db"


@pytest.mark.parametrize(
    ("text", "mode", "message"),
    [
        ("FUNDING_DB=x.db", 0o622, "nobody else may write"),
        ("FUNDING_DB", 0o600, "line 1: expected NAME=value"),
    ],
)
def test_file_that_cannot_be_trusted_is_refused(
    tmp_path: Path, text: str, mode: int, message: str
) -> None:
    settings_file(tmp_path, text, mode)
    with pytest.raises(NoReport, match=message):
        database_path(tmp_path)


def test_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "funding.env")
    with pytest.raises(NoReport, match="nobody else may write it"):
        database_path(tmp_path)


def test_own_file_of_the_folder_is_no_other_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A demonstration there stands in for it, also where FUNDING_ENV_FILE names it."""
    assert another_file(tmp_path) == ""
    monkeypatch.setenv("FUNDING_ENV_FILE", str(tmp_path / "." / "funding.env"))
    assert another_file(tmp_path) == ""
    monkeypatch.setenv("FUNDING_ENV_FILE", str(tmp_path / "other.env"))
    assert another_file(tmp_path) == str(tmp_path / "other.env")
