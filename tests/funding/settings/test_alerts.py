"""The settings of alerts: what is refused, and secrets that stay secret."""

import dataclasses
from pathlib import Path

import pytest

from funding.errors import SettingError
from funding.settings.alerts import SECRETS, TABLE, load, read
from funding.settings.secret import Secret

REAL = "https://hooks.example/hunter2"
HERE = "http://127.0.0.1:9/hunter2"


def test_defaults() -> None:
    found = read({})
    names = [field.name for field in dataclasses.fields(found)]
    assert {name: getattr(found, name) for name in names} == {
        "alert_url": Secret(""),
        "heartbeat_url": Secret(""),
        "daily_report": True,
        "telegram_token": Secret(""),
        "telegram_url": "https://api.telegram.org",
        "chat_id": Secret(""),
    }
    assert {setting.attribute for setting in TABLE} == set(names)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("FUNDING_ALERT_URL", "hunter2"),
        ("FUNDING_ALERT_URL", "https://user:hunter2@host"),
        ("FUNDING_HEARTBEAT_URL", "ftp://hunter2"),
        ("FUNDING_DAILY_REPORT", "hunter2"),
        ("TELEGRAM_TOKEN", "hunter2"),
        ("CHAT_ID", "hunter2"),
    ],
)
def test_a_wrong_value_is_named_and_not_shown(name: str, text: str) -> None:
    with pytest.raises(SettingError) as raised:
        read({name: text})
    assert name in str(raised.value) or "TELEGRAM_TOKEN and CHAT_ID" in str(raised.value)
    assert "hunter2" not in str(raised.value) or name == "FUNDING_DAILY_REPORT"


def test_secrets_are_not_shown() -> None:
    found = read({"FUNDING_ALERT_URL": REAL, "FUNDING_HEARTBEAT_URL": REAL})
    assert found.alert_url.reveal() == found.heartbeat_url.reveal() == REAL
    assert "hunter2" not in repr(found)
    assert {"FUNDING_ALERT_URL", "FUNDING_HEARTBEAT_URL", "TELEGRAM_TOKEN"} <= SECRETS


@pytest.mark.parametrize(
    ("rest_host", "address", "told"),
    [
        ("127.0.0.1", REAL, False),
        ("127.0.0.1", HERE, True),
        ("fapi.binance.com", REAL, True),
    ],
)
def test_a_stand_in_is_told_of_on_this_machine_alone(
    rest_host: str, address: str, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDING_ALERT_URL", address)
    monkeypatch.setenv("FUNDING_HEARTBEAT_URL", address)
    found = load(rest_host)
    assert bool(found.alert_url) is bool(found.heartbeat_url) is told
    assert bool(found.telegram_url) is (rest_host != "127.0.0.1")


def test_a_file_with_a_secret_is_the_owners_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "funding.env"
    file.write_text(f"FUNDING_ALERT_URL={REAL}\n")
    file.chmod(0o644)
    monkeypatch.setenv("FUNDING_ENV_FILE", str(file))
    with pytest.raises(SettingError, match="mode 0600"):
        load("fapi.binance.com")
    file.chmod(0o600)
    assert load("fapi.binance.com").alert_url == Secret(REAL)
