"""The table of settings: the contract's defaults, and what is refused, in which words."""

import dataclasses
from pathlib import Path

import pytest

from funding.errors import SettingError
from funding.settings.service import OF_ONE_COMMAND, ROOT, TABLE, adopt, load, load_texts, read

DEFAULTS = {
    "db": ROOT / "var/funding.db",
    "ws_url": "wss://fstream.binance.com/market/stream?streams=!markPrice@arr@1s",
    "rest_url": "https://fapi.binance.com",
    "api_host": "127.0.0.1",
    "api_port": 8888,
    "stale_after": 180.0,
    "stall_after": 5.0,
    "connections": 1,
    "rotate_after": 82_800.0,
    "backoff_max": 5.0,
    "min_symbols": 500,
    "check_interval": 5.0,
    "compare_interval": 60.0,
    "compare_all_interval": 600.0,
    "standby_after": 30.0,
    "comparison_days": 14.0,
    "minute_bar_days": 2.0,
    "history_days": 30.0,
    "hour_bar_days": 400.0,
    "signals_file": ROOT / "signals.toml",
    "rest_weight": 1_200,
    "supervisor": ROOT / "var/supervisor.sock",
    "mode": "parallel",
    "force_mode": False,
    "env_file": "",
    "log_level": "INFO",
    "log_format": "text",
    "exchanges": ("binance",),
    "kucoin_ws_url": "wss://x-push-futures.kucoin.com",
    "kucoin_rest_url": "https://api-futures.kucoin.com",
    "coinm_rest_url": "https://dapi.binance.com",
    "kucoin_unified_rest_url": "https://api.kucoin.com",
    "kucoin_feed": "push",
    "hyperliquid_ws_url": "wss://api.hyperliquid.xyz/ws",
    "hyperliquid_rest_url": "https://api.hyperliquid.xyz",
    "hyperliquid_dexes": (),
    "backpack_ws_url": "wss://ws.backpack.exchange",
    "backpack_rest_url": "https://api.backpack.exchange",
}

GOOD = [
    ("FUNDING_DB", "/tmp/x.db", Path("/tmp/x.db")),
    ("FUNDING_DB", "x.db", Path("x.db").absolute()),
    ("FUNDING_WS_URL", "ws://127.0.0.1:9/market/ws/!markPrice@arr@1s", None),
    ("FUNDING_REST_URL", "http://127.0.0.1:9/", "http://127.0.0.1:9"),
    ("FUNDING_API_HOST", "127.9.8.7", "127.9.8.7"),
    ("FUNDING_API_PORT", "1", 1),
    ("FUNDING_API_PORT", "65535", 65_535),
    ("FUNDING_STALE_AFTER", "1", 1.0),
    ("FUNDING_STALE_AFTER", "86400", 86_400.0),
    ("FUNDING_STALL_AFTER", "0.5", 0.5),
    ("FUNDING_CONNECTIONS", "4", 4),
    ("FUNDING_ROTATE_AFTER", "5.1", 5.1),
    ("FUNDING_BACKOFF_MAX", "0.1", 0.1),
    ("FUNDING_MIN_SYMBOLS", "0", 0),
    ("FUNDING_CHECK_INTERVAL", "0.2", 0.2),
    ("FUNDING_CHECK_INTERVAL", "600", 600.0),
    ("FUNDING_COMPARE_INTERVAL", "0.2", 0.2),
    ("FUNDING_COMPARE_ALL_INTERVAL", "0", 0.0),
    ("FUNDING_STANDBY_AFTER", "0", 0.0),
    ("FUNDING_COMPARISON_DAYS", "1", 1.0),
    ("FUNDING_MINUTE_BAR_DAYS", "0.1", 0.1),
    ("FUNDING_HISTORY_DAYS", "400", 400.0),
    ("FUNDING_HOUR_BAR_DAYS", "1", 1.0),
    ("FUNDING_SIGNALS_FILE", "/etc/signals.toml", Path("/etc/signals.toml")),
    ("FUNDING_REST_WEIGHT", "20", 20),
    ("FUNDING_SUPERVISOR", "/run/s.sock", Path("/run/s.sock")),
    ("FUNDING_MODE", "websocket-only", "websocket-only"),
    ("FUNDING_MODE", "rest", "rest"),
    ("FUNDING_FORCE_MODE", "1", True),
    ("FUNDING_ENV_FILE", "some.env", "some.env"),
    ("FUNDING_LOG_LEVEL", "debug", "DEBUG"),
    ("FUNDING_LOG_FORMAT", "json", "json"),
    ("FUNDING_EXCHANGES", "binance", ("binance",)),
    ("FUNDING_EXCHANGES", "hyperliquid", ("hyperliquid",)),
    ("FUNDING_EXCHANGES", "kucoin, binance", ("kucoin", "binance")),
    ("FUNDING_COINM_REST_URL", "http://127.0.0.1:9/", "http://127.0.0.1:9"),
    ("FUNDING_KUCOIN_WS_URL", "ws://127.0.0.1:9/push", None),
    ("FUNDING_KUCOIN_REST_URL", "http://127.0.0.1:9/", "http://127.0.0.1:9"),
    ("FUNDING_KUCOIN_UNIFIED_REST_URL", "http://127.0.0.1:9/", "http://127.0.0.1:9"),
    ("FUNDING_KUCOIN_FEED", "classic", "classic"),
    ("FUNDING_HYPERLIQUID_WS_URL", "ws://127.0.0.1:9/ws", None),
    ("FUNDING_HYPERLIQUID_REST_URL", "http://127.0.0.1:9/", "http://127.0.0.1:9"),
    ("FUNDING_HYPERLIQUID_DEXES", "xyz, flx", ("xyz", "flx")),
    ("FUNDING_HYPERLIQUID_DEXES", "*", ("*",)),
    ("FUNDING_BACKPACK_WS_URL", "ws://127.0.0.1:9", None),
    ("FUNDING_BACKPACK_REST_URL", "http://127.0.0.1:9/", "http://127.0.0.1:9"),
]

NO_URL = ["", "fapi.binance.com", "ftp://host/", "//host", "{}://", "{}://host:port/"]
NO_URL += ["{}://host:99999", "{}://[::1", "{}://ho st/", "{}://host/\n", "{}://host/\x1b[2J"]
NO_SECONDS = ["", "soon", "nan", "inf", "-inf", "-1", "1e9", "5s", "5,0"]
NO_WHOLE = ["", "-1", "1.0", "1e3", "+1", " 1", "1_0", "٣", "¹", "0x10", "9" * 5_000]

BAD = {
    "FUNDING_STANDBY_AFTER": ["-1", "86401", "x", ""],
    "FUNDING_DB": ["", "a\0b"],
    "FUNDING_WS_URL": [*(each.format("wss") for each in NO_URL), "https://fapi.binance.com"],
    "FUNDING_REST_URL": [*(each.format("https") for each in NO_URL), "wss://fstream.binance.com"],
    "FUNDING_API_HOST": ["", "0.0.0.0", "192.0.2.1", "::", "localhost", "127.0.0.1:80", "127.1"],
    "FUNDING_API_PORT": [*NO_WHOLE, "0", "65536", "0" * 19 + "1" + "9" * 9],
    "FUNDING_STALE_AFTER": [*NO_SECONDS, "0.9", "86401"],
    "FUNDING_STALL_AFTER": [*NO_SECONDS, "0.4", "0", "601"],
    "FUNDING_CONNECTIONS": [*NO_WHOLE, "0", "5"],
    "FUNDING_ROTATE_AFTER": [*NO_SECONDS, "1.9", "86401"],
    "FUNDING_BACKOFF_MAX": [*NO_SECONDS, "0", "0.09", "3601"],
    "FUNDING_MIN_SYMBOLS": [*NO_WHOLE, "5001", "0" * 20 + "9999"],
    "FUNDING_CHECK_INTERVAL": [*NO_SECONDS, "0.1", "600.1", "86400"],
    "FUNDING_COMPARE_INTERVAL": [*NO_SECONDS, "0.1", "3601"],
    "FUNDING_COMPARE_ALL_INTERVAL": [*NO_SECONDS, "86401"],
    "FUNDING_COMPARISON_DAYS": [*NO_SECONDS, "0", "3651"],
    "FUNDING_MINUTE_BAR_DAYS": [*NO_SECONDS, "0", "3651"],
    "FUNDING_HISTORY_DAYS": [*NO_SECONDS, "0.9", "401"],
    "FUNDING_HOUR_BAR_DAYS": [*NO_SECONDS, "0.9", "3651"],
    "FUNDING_SIGNALS_FILE": ["", "a\0b"],
    "FUNDING_REST_WEIGHT": [*NO_WHOLE, "19", "2401"],
    "FUNDING_SUPERVISOR": ["", "a\0b"],
    "FUNDING_MODE": ["", "REST", "ws", "websocket_only", " rest"],
    "FUNDING_FORCE_MODE": ["", "2", "true", "yes", "01", " 1"],
    "FUNDING_LOG_LEVEL": ["", "LOUD", "20", "CRITICAL"],
    "FUNDING_LOG_FORMAT": ["", "JSON", "xml"],
    "FUNDING_EXCHANGES": [
        "binance-coinm",
        "",
        "mtgox",
        "binance,binance",
        "binance,",
        "Binance",
        "binance kucoin",
    ],
    "FUNDING_KUCOIN_WS_URL": [*(each.format("wss") for each in NO_URL), "https://host"],
    "FUNDING_COINM_REST_URL": [*(each.format("https") for each in NO_URL), "wss://host"],
    "FUNDING_KUCOIN_REST_URL": [*(each.format("https") for each in NO_URL), "wss://host"],
    "FUNDING_KUCOIN_UNIFIED_REST_URL": [*(each.format("https") for each in NO_URL)],
    "FUNDING_KUCOIN_FEED": ["", "Push", "bullet", "push,classic"],
    "FUNDING_HYPERLIQUID_WS_URL": [*(each.format("wss") for each in NO_URL), "https://host"],
    "FUNDING_HYPERLIQUID_REST_URL": [*(each.format("https") for each in NO_URL), "wss://host"],
    "FUNDING_HYPERLIQUID_DEXES": ["xyz,", "xyz,xyz", "*,xyz", "x y", "xyz:NVDA", "é"],
    "FUNDING_BACKPACK_WS_URL": [*(each.format("wss") for each in NO_URL), "https://host"],
    "FUNDING_BACKPACK_REST_URL": [*(each.format("https") for each in NO_URL), "wss://host"],
}


def test_defaults_are_those_of_the_contract() -> None:
    settings, unknown = read({})
    assert dataclasses.asdict(settings) == DEFAULTS
    assert unknown == []


def test_every_setting_is_tested_here() -> None:
    names = {setting.name for setting in TABLE}
    assert names == set(BAD) | {"FUNDING_ENV_FILE"} == {name for name, _, _ in GOOD}
    assert {setting.attribute for setting in TABLE} == set(DEFAULTS)
    assert all(setting.why and setting.cast.expected for setting in TABLE)


@pytest.mark.parametrize(("name", "text", "value"), GOOD)
def test_a_good_value_is_read(name: str, text: str, value: object) -> None:
    settings, unknown = read({name: text})
    attribute = name.removeprefix("FUNDING_").lower()
    expected = text if value is None else value
    assert getattr(settings, attribute) == expected
    assert type(getattr(settings, attribute)) is type(expected)
    assert dataclasses.asdict(settings) == {**DEFAULTS, attribute: expected}
    assert unknown == []


@pytest.mark.parametrize(
    ("name", "text"),
    [(name, text) for name, texts in BAD.items() for text in texts],
    ids=lambda value: repr(value[:40]),
)
def test_a_bad_value_is_refused_with_name_value_and_what_was_expected(name: str, text: str) -> None:
    expected = next(setting.cast.expected for setting in TABLE if setting.name == name)
    with pytest.raises(SettingError) as caught:
        read({name: text})
    error = caught.value
    assert (error.name, error.value, error.expected) == (name, text[:200], expected)
    assert str(error) == f"{name}={text[:200]!r}: expected {expected}"
    assert "\n" not in str(error)


def test_a_rotation_before_a_stall_could_show_is_refused() -> None:
    with pytest.raises(SettingError) as caught:
        read({"FUNDING_ROTATE_AFTER": "30", "FUNDING_STALL_AFTER": "30"})
    assert (
        str(caught.value)
        == "FUNDING_ROTATE_AFTER='30': expected more than FUNDING_STALL_AFTER (30)"
    )


@pytest.mark.parametrize("name", ["FUNDING_WS_URL", "FUNDING_REST_URL"])
@pytest.mark.parametrize(
    "text",
    [
        "{}://user:hunter2@host/path",
        "{}://hunter2@host",
        "{}://:hunter2@host/",
        "{}://user:hunt/hunter2@host/",  # a slash in it: no host to the URL parser
        "{}://user:hunt?hunter2@host/",
        "{}://user:hunt#hunter2@host/",
        "{}:/user:hunter2@host/",
        "user:hunter2@host",
        "ftp://user:hunter2@host/?streams=!markPrice@arr@1s",
    ],
)
def test_credentials_are_refused_and_never_shown(name: str, text: str) -> None:
    with pytest.raises(SettingError) as caught:
        read({name: text.format("wss" if name == "FUNDING_WS_URL" else "https")})
    assert "hunt" not in str(caught.value) + caught.value.value
    assert "credentials" in str(caught.value)


def test_a_stream_name_is_not_a_secret() -> None:
    text = "http://fstream.binance.com/market/stream?streams=!markPrice@arr@1s"
    with pytest.raises(SettingError, match="http://fstream"):
        read({"FUNDING_WS_URL": text})


def test_unknown_names_are_listed_and_others_are_not_ours() -> None:
    environ = {"FUNDING_STALE": "1", "FUNDING_A": "", "FUNDINGDB": "x", "PATH": "/bin"}
    settings, unknown = read(environ)
    assert unknown == ["FUNDING_A", "FUNDING_STALE"]
    assert dataclasses.asdict(settings) == DEFAULTS


def test_load_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNDING_API_PORT", "1234")
    monkeypatch.setenv("FUNDING_NEW", "1")
    settings, unknown = load()
    assert (settings.api_port, unknown) == (1234, ["FUNDING_NEW"])


def test_load_reads_the_settings_file_and_a_path_in_it_is_below_its_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "their.env"
    file.write_text("FUNDING_API_PORT=1234\nFUNDING_DB=data/x.db\nFUNDING_STALE_AFTER=60\n")
    file.chmod(0o644)
    monkeypatch.setenv("FUNDING_ENV_FILE", str(file))
    monkeypatch.setenv("FUNDING_STALE_AFTER", "90")
    settings, unknown = load()
    assert (settings.api_port, settings.stale_after, unknown) == (1234, 90.0, [])
    assert settings.db == tmp_path / "data/x.db"


def test_the_groups_settings_are_adopted_and_differences_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FUNDING_API_PORT", "9000")
    group = load_texts()
    assert group["FUNDING_API_PORT"] == "9000"
    assert group["FUNDING_STALE_AFTER"] == ""
    assert not group.keys() & OF_ONE_COMMAND
    monkeypatch.delenv("FUNDING_API_PORT")
    monkeypatch.setenv("FUNDING_STALE_AFTER", "180.0")  # the same number in other words
    monkeypatch.setenv("FUNDING_MODE", "rest")
    monkeypatch.setenv("FUNDING_MIN_SYMBOLS", "7")
    settings, differences = adopt({**group, "FUNDING_LOG_LEVEL": "DEBUG"})
    assert settings.min_symbols == 500
    assert (settings.api_port, settings.mode, settings.log_level) == (9000, "rest", "INFO")
    assert [str(each) for each in differences] == [
        "FUNDING_API_PORT is 9000 in the running group, 8888 here",
        "FUNDING_MIN_SYMBOLS is 500 in the running group, 7 here",
    ]


def test_the_same_settings_make_no_difference() -> None:
    assert adopt(load_texts())[1] == []
