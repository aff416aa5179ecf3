"""The user's thresholds, from their file."""

import os
from pathlib import Path

import pytest

from funding.errors import SettingError, ThresholdError
from funding.settings import service, signals

GOOD = '[[threshold]]\nsymbol = "*"\nfield = "z_score"\nabove = 4\n'


def settings(path: Path) -> service.Settings:
    return service.read({"FUNDING_SIGNALS_FILE": str(path)})[0]


def test_no_file_is_no_threshold(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usual = tmp_path / "signals.toml"
    monkeypatch.setattr(signals, "_DEFAULT", str(usual))
    assert signals.load(settings(usual)) == []
    usual.write_text(GOOD)
    assert [each.field for each in signals.load(settings(usual))] == ["z_score"]


def test_file_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"FUNDING_SIGNALS_FILE='.*mine.toml': expected a file"):
        signals.load(settings(tmp_path / "mine.toml"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_closed_file(tmp_path: Path) -> None:
    closed = tmp_path / "mine.toml"
    closed.write_text(GOOD)
    closed.chmod(0)
    with pytest.raises(SettingError, match="may be read"):
        signals.load(settings(closed))


def test_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingError, match="UTF-8"):
        signals.load(settings(tmp_path / "mine.toml"))
    with pytest.raises(SettingError, match="UTF-8"):
        signals.load(settings(tmp_path))


def test_exchange_that_nobody_follows_is_no_silent_threshold(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(GOOD + 'exchange = "kucoin"\n')
    assert [each.exchange for each in signals.load(settings(mine))] == ["kucoin"]
    mine.write_text(GOOD + 'exchange = "kukoin"\n')
    with pytest.raises(ThresholdError, match=r"^mine.toml, line 5: exchange = 'kukoin': .*kucoin"):
        signals.load(settings(mine))


def test_error_names_the_file_and_the_line(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD.replace("4", "four"))
    with pytest.raises(ThresholdError, match=r"^mine.toml, line 4: Invalid value"):
        signals.load(settings(tmp_path / "mine.toml"))
