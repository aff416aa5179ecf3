"""The consumers' settings: what is refused, the file of mode 0600, and secrets that stay secret."""

import dataclasses
from pathlib import Path

import pytest

from funding.errors import SettingError
from funding.settings import alerts, machines, service
from funding.settings.consumers import TABLE, load, read, without_real_targets
from funding.settings.secret import Secret

DEFAULTS = {
    "volspike_api_url": "",
    "volspike_api_key": Secret(""),
    "volspike_api_url_dev": "",
    "volspike_api_key_dev": Secret(""),
    "telegram_token": Secret(""),
    "telegram_url": "https://api.telegram.org",
    "chat_id": Secret(""),
    "signal_webhook_url": Secret(""),
    "signal_backend": False,
    "signal_symbol_cap": 6,
    "signal_message_cap": 10,
    "tradfi": False,
    "missing_as_zero": False,
    "oi_max_req_per_min": 2_000,
    "oi_min_interval_sec": 5,
    "oi_max_interval_sec": 20,
    "oi_spike_threshold_pct_5min": 0.03,
    "oi_spike_threshold_pct_15min": 0.07,
    "oi_spike_threshold_pct_60min": 0.12,
    "oi_alert_cooldown_5min": 600.0,
    "oi_alert_cooldown_15min": 900.0,
    "oi_alert_cooldown_60min": 3_600.0,
    "oi_min_delta_contracts": 5_000.0,
    "oi_retention_hours": 6.0,
}
BACKEND = {"VOLSPIKE_API_URL": "https://b.example/", "VOLSPIKE_API_KEY": "hunter2"}
BAD = [
    ("VOLSPIKE_API_URL", "hunter2"),
    ("VOLSPIKE_API_URL", "https://user:hunter2@host"),
    ("VOLSPIKE_API_URL_DEV", "ftp://host"),
    ("VOLSPIKE_API_KEY", "hunter 2"),
    ("VOLSPIKE_API_KEY", "hunter2\r\nX-Evil: 1"),
    ("VOLSPIKE_API_KEY_DEV", "schlüssel"),
    ("TELEGRAM_TOKEN", "hunter2\n"),
    ("TELEGRAM_URL", "api.telegram.org"),
    ("CHAT_ID", "a b"),
    ("FUNDING_SIGNAL_WEBHOOK_URL", "hunter2"),
    ("FUNDING_SIGNAL_WEBHOOK_URL", "https://user:hunter2@host"),
    ("FUNDING_SIGNAL_BACKEND", "yes"),
    ("FUNDING_SIGNAL_SYMBOL_CAP", "0"),
    ("FUNDING_SIGNAL_MESSAGE_CAP", "61"),
    ("FUNDING_TRADFI", "yes"),
    ("FUNDING_MISSING_AS_ZERO", ""),
    ("OI_MAX_REQ_PER_MIN", "0"),
    ("OI_MIN_INTERVAL_SEC", "0"),
    ("OI_MIN_INTERVAL_SEC", "21"),
    ("OI_MAX_INTERVAL_SEC", "4"),
    ("OI_SPIKE_THRESHOLD_PCT_5MIN", "3"),
    ("OI_SPIKE_THRESHOLD_PCT_15MIN", "0"),
    ("OI_SPIKE_THRESHOLD_PCT_60MIN", "nan"),
    ("OI_ALERT_COOLDOWN_5MIN", "-1"),
    ("OI_ALERT_COOLDOWN_15MIN", "soon"),
    ("OI_ALERT_COOLDOWN_60MIN", ""),
    ("OI_MIN_DELTA_CONTRACTS", "-5"),
    ("OI_RETENTION_HOURS", "1.9"),
]


def test_defaults() -> None:
    found = read({})
    names = [field.name for field in dataclasses.fields(found)]
    assert {name: getattr(found, name) for name in names} == DEFAULTS
    assert {setting.attribute for setting in TABLE} == set(DEFAULTS)
    tables = (*TABLE, *alerts.TABLE, *machines.TABLE)
    elsewhere = {s.name for s in tables if s.name.startswith("FUNDING_")}
    assert elsewhere == service.ELSEWHERE


@pytest.mark.parametrize(("name", "text"), BAD)
def test_a_bad_value_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(SettingError) as caught:
        read({name: text})
    assert caught.value.name in (name, "OI_MIN_INTERVAL_SEC")
    assert "hunter" not in str(caught.value)


@pytest.mark.parametrize("name", ["VOLSPIKE_API_URL", "VOLSPIKE_API_KEY", "TELEGRAM_TOKEN"])
def test_half_a_target_is_refused(name: str) -> None:
    value = "https://b.example" if name.endswith("URL") else "hunter2"
    with pytest.raises(SettingError, match=f"since {name} has one"):
        read({name: value})


def test_values_are_read() -> None:
    found = read({**BACKEND, "OI_SPIKE_THRESHOLD_PCT_5MIN": "0.05", "FUNDING_TRADFI": "1"})
    assert found.volspike_api_url == "https://b.example"
    assert found.volspike_api_key.reveal() == "hunter2"
    assert (found.oi_spike_threshold_pct_5min, found.tradfi) == (0.05, True)


def test_settings_do_not_show_their_secrets() -> None:
    found = read(BACKEND)
    assert "hunter2" not in repr(found)


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "secrets.env"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_file_holds_settings_and_the_environment_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "# ours\n\nexport VOLSPIKE_API_KEY='hunter2'\nVOLSPIKE_API_URL = https://b.example\n"
    text += 'OI_RETENTION_HOURS="3"\nFUNDING_MODE=websocket\nVOLSPIKE_API_KEE=typo\n'
    monkeypatch.setenv("FUNDING_ENV_FILE", str(written(tmp_path, text)))
    monkeypatch.setenv("OI_RETENTION_HOURS", "4")
    shared, own, unknown = load()
    assert own.volspike_api_key.reveal() == "hunter2"
    assert own.oi_retention_hours == 4
    assert shared.mode == "websocket"
    assert unknown == ["VOLSPIKE_API_KEE"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o601, 0o610])
def test_a_secret_in_a_file_that_others_may_touch_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    text = "VOLSPIKE_API_KEY=hunter2\nVOLSPIKE_API_URL=https://b.example\n"
    monkeypatch.setenv("FUNDING_ENV_FILE", str(written(tmp_path, text, mode)))
    with pytest.raises(SettingError, match=r"0600.*VOLSPIKE_API_KEY") as caught:
        load()
    assert "hunter2" not in str(caught.value)


def test_a_file_without_secrets_may_be_read_by_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "OI_RETENTION_HOURS=3\nTELEGRAM_TOKEN=\n"
    monkeypatch.setenv("FUNDING_ENV_FILE", str(written(tmp_path, text, 0o644)))
    assert load()[1].oi_retention_hours == 3


@pytest.mark.parametrize("rest_host", ["127.0.0.1", "localhost", "fapi.binance.com"])
def test_targets_beside_a_stand_in_are_on_this_machine(rest_host: str) -> None:
    texts = {
        "VOLSPIKE_API_URL": "https://backend.example/api",
        "VOLSPIKE_API_KEY": "k",
        "VOLSPIKE_API_URL_DEV": "http://127.0.0.1:3001",
        "VOLSPIKE_API_KEY_DEV": "k",
    }
    own = read(texts)
    found = without_real_targets(own, rest_host)
    if rest_host == "fapi.binance.com":
        assert found == own
        return
    assert found.volspike_api_url_dev == "http://127.0.0.1:3001"
    assert (found.volspike_api_url, found.telegram_url) == ("", "")


def test_webhook_beyond_this_machine_gets_nothing_of_a_stand_in() -> None:
    for url, host, kept in (
        ("https://hooks.example/x", "127.0.0.1", ""),
        ("http://127.0.0.1:9/x", "127.0.0.1", "http://127.0.0.1:9/x"),
        ("https://hooks.example/x", "fapi.binance.com", "https://hooks.example/x"),
    ):
        own = read({"FUNDING_SIGNAL_WEBHOOK_URL": url})
        assert "hooks" not in repr(own)
        assert without_real_targets(own, host).signal_webhook_url.reveal() == kept
