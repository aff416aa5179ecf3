"""One rule for proxies, whatever asks and whatever the scheme."""

from pathlib import Path

import pytest

from funding.errors import SettingError
from funding.settings import consumers
from funding.settings.proxies import Proxy, check, proxy_for
from funding.settings.service import load

STREAM, REST = "wss://fstream.test/market/stream?streams=a", "https://fapi.test"
ONE, OTHER = Proxy("one.test", 3128), Proxy("other.test", 8080)


def environment(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """NAME=value, separated by spaces; the values' commas stay."""
    for each in text.split():
        name, _, value = each.partition("=")
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("text", "secure", "plain"),
    [
        ("", None, None),
        ("https_proxy=http://one.test:3128", ONE, None),
        ("HTTPS_PROXY=one.test:3128", ONE, None),
        ("http_proxy=http://one.test:3128/", None, ONE),
        ("HTTP_PROXY=http://one.test:3128", None, ONE),
        ("all_proxy=http://one.test:3128", ONE, ONE),
        ("ALL_PROXY=http://one.test:3128 https_proxy=http://other.test:8080", OTHER, ONE),
        ("https_proxy=http://one.test:3128 HTTPS_PROXY=http://other.test:8080", ONE, None),
        ("https_proxy= HTTPS_PROXY=http://other.test:8080", OTHER, None),
        ("https_proxy=http://one.test", Proxy("one.test", 80), None),
        ("https_proxy=http://[fd00::1]:3128", Proxy("fd00::1", 3128), None),
        (
            "https_proxy=http://me:a%40b@one.test:3128",
            Proxy("one.test", 3128, ("me", "a@b")),
            None,
        ),
    ],
)
def test_stream_and_rest_take_the_same_proxy(
    monkeypatch: pytest.MonkeyPatch, text: str, secure: Proxy | None, plain: Proxy | None
) -> None:
    environment(monkeypatch, text)
    assert proxy_for(STREAM) == proxy_for(REST) == secure
    assert proxy_for("ws://fstream.test/") == proxy_for("http://fapi.test") == plain


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
@pytest.mark.parametrize(
    ("value", "url", "direct"),
    [
        ("*", REST, True),
        ("fapi.test", REST, True),
        ("FAPI.test", REST, True),
        ("test", REST, True),
        (".test", REST, True),
        ("*.test", REST, True),
        ("other.test,fapi.test", REST, True),
        ("api.test", REST, False),
        ("est", REST, False),
        (".", REST, False),
        (",", REST, False),
        ("fapi.test:443", REST, True),
        ("fapi.test:8443", REST, False),
        ("fapi.test:8443", "https://fapi.test:8443", True),
        ("fstream.test:443", STREAM, True),
        ("192.0.2.7", "https://192.0.2.7/", True),
        ("192.0.2.0/24", "https://192.0.2.7/", True),
        ("198.51.100.0/24", "https://192.0.2.7/", False),
        ("2001:db8::/32", "https://[2001:db8::7]/", True),
        ("[2001:db8::7]", "https://[2001:db8::7]/", True),
    ],
)
def test_hosts_that_no_proxy_names_are_reached_directly(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, url: str, direct: bool
) -> None:
    environment(monkeypatch, f"https_proxy=http://one.test:3128 {name}={value}")
    assert proxy_for(url) == (None if direct else ONE)


def settings_file(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str) -> None:
    file = folder / "funding.env"
    file.write_text(text)
    file.chmod(0o600)
    monkeypatch.setenv("FUNDING_ENV_FILE", str(file))


def test_settings_file_may_name_the_proxy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is what each program and each command reads; the environment goes first."""
    text = "https_proxy=http://one.test:3128\nNO_PROXY='fstream.test'\n"
    settings_file(monkeypatch, tmp_path, text)
    assert (proxy_for(REST), proxy_for(STREAM)) == (ONE, None)
    assert proxy_for("http://fapi.test") is None
    load()
    assert consumers.load()[2] == []
    environment(monkeypatch, "HTTPS_PROXY=http://other.test:8080 no_proxy=none.test")
    assert (proxy_for(REST), proxy_for(STREAM)) == (OTHER, OTHER)


def test_wrong_proxy_in_the_settings_file_stops_a_program(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings_file(monkeypatch, tmp_path, "ALL_PROXY=socks5://one.test:1080")
    with pytest.raises(SettingError, match="ALL_PROXY"):
        load()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "[::1]"])
def test_this_machine_is_never_reached_through_a_proxy(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    environment(monkeypatch, "all_proxy=http://one.test:3128 http_proxy=http://one.test:3128")
    for scheme in ("ws", "wss", "http", "https"):
        assert proxy_for(f"{scheme}://{host}:8888/") is None


@pytest.mark.parametrize(
    "value",
    [
        "socks5://one.test:1080",
        "https://me:secret@one.test",
        "http://one.test:port",
        "http://",
        "::",
    ],
)
def test_proxy_of_another_kind_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", value)
    with pytest.raises(SettingError) as caught:
        check("", REST)
    assert str(caught.value).startswith("ALL_PROXY='(hidden: it may carry credentials)': expected ")
    with pytest.raises(SettingError):
        load()
    monkeypatch.setenv("no_proxy", "*")
    check(REST)
    assert load()[0].rest_url
