"""The settings of what travels between machines: what is refused, and secrets that stay so."""

import dataclasses
import socket
from pathlib import Path

import pytest

from funding.errors import SettingError
from funding.nats.addresses import Address
from funding.settings import service
from funding.settings.machines import TABLE, load, read
from funding.settings.secret import Secret

ONE = "nats://user:hunter2@one.example:4222"


def test_defaults() -> None:
    found = read({})
    names = [field.name for field in dataclasses.fields(found)]
    assert {name: getattr(found, name) for name in names} == {
        "nats_url": Secret(""),
        "nats_replicas": 1,
        "taker": socket.gethostname()[:64],
    }
    assert {setting.attribute for setting in TABLE} == set(names)
    assert found.servers == []


def test_good_values() -> None:
    texts = {
        "FUNDING_NATS_URL": f"{ONE}, tls://two.example",
        "FUNDING_NATS_REPLICAS": "3",
        "FUNDING_TAKER": "taker-1.example",
    }
    found = read(texts)
    assert found.servers == [
        Address("one.example", 4222, user="user", password="hunter2"),
        Address("two.example", 4222, tls=True),
    ]
    assert (found.nats_replicas, found.taker) == (3, "taker-1.example")
    assert "hunter2" not in repr(found)
    assert service.read(texts)[1] == []


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("FUNDING_NATS_URL", "hunter2", "nats:// or tls:// addresses"),
        ("FUNDING_NATS_URL", f"{ONE},http://user:hunter2@two", "nats:// or tls:// addresses"),
        ("FUNDING_NATS_URL", "nats://user:hunter2@one:port", "such as nats://user:password@host"),
        ("FUNDING_NATS_REPLICAS", "2", "1, 3 or 5"),
        ("FUNDING_NATS_REPLICAS", "", "1, 3 or 5"),
        ("FUNDING_TAKER", "two words", "without blanks"),
        ("FUNDING_TAKER", "x" * 65, "at most 64"),
        ("FUNDING_TAKER", "a\tb", "printable"),
    ],
)
def test_a_wrong_value_is_named_and_a_password_not_shown(
    name: str, text: str, expected: str
) -> None:
    with pytest.raises(SettingError, match=name) as raised:
        read({name: text})
    assert expected in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_a_file_with_a_password_is_the_owners_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "funding.env"
    file.write_text(f"FUNDING_NATS_URL={ONE}\n")
    file.chmod(0o644)
    monkeypatch.setenv("FUNDING_ENV_FILE", str(file))
    with pytest.raises(SettingError, match="mode 0600"):
        load()
    file.chmod(0o600)
    assert load().nats_url == Secret(ONE)
