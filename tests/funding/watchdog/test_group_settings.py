"""A command in another terminal goes by the settings of the running group."""

from pathlib import Path

import pytest

from funding.settings import service
from funding.watchdog.group_settings import adopted
from funding.watchdog.supervisor import SupervisorClient
from tests.funding.watchdog.supervisor_plugin.test_guard import PLUGIN
from tests.support.supervised import SLEEPS, supervisord


def test_settings_of_the_group_are_used_and_differences_are_printed(
    short_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FUNDING_SUPERVISOR", str(short_path / "s"))
    monkeypatch.setenv("FUNDING_API_PORT", "18999")
    settings = {"FUNDING_API_PORT": 18_999, "FUNDING_MODE": "rest"}
    with supervisord(short_path, {"other": SLEEPS}, extra=PLUGIN, settings=settings):
        assert SupervisorClient(short_path / "s").settings() == service.load_texts()
        own, _ = service.load()
        assert adopted(own, "watchdog.py") == own
        assert capsys.readouterr().err == ""
        monkeypatch.delenv("FUNDING_API_PORT")
        monkeypatch.setenv("FUNDING_LOG_LEVEL", "DEBUG")
        found = adopted(service.load()[0], "watchdog.py")
    assert (found.api_port, found.log_level) == (18_999, "DEBUG")
    text = "FUNDING_API_PORT is 18999 in the running group, 8888 here: the group's is used"
    assert capsys.readouterr().err == f"watchdog.py: {text}\n"


def test_own_settings_are_used_without_a_group(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDING_SUPERVISOR", str(short_path / "s"))
    own, _ = service.load()
    assert adopted(own, "watchdog.py") is own


def test_supervisord_without_the_plugin_has_no_settings(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDING_SUPERVISOR", str(short_path / "s"))
    own, _ = service.load()
    with supervisord(short_path, {"other": SLEEPS}):
        assert adopted(own, "watchdog.py") == own


def test_program_of_the_group_uses_its_own_settings(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDING_SUPERVISOR", str(short_path / "s"))
    monkeypatch.setenv("SUPERVISOR_ENABLED", "1")
    own, _ = service.load()
    settings = {"FUNDING_API_PORT": 18_999}
    with supervisord(short_path, {"other": SLEEPS}, extra=PLUGIN, settings=settings):
        assert adopted(own, "oi_poller.py") is own
