"""Addresses of servers, read and shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.nats.addresses import Address, parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nats://127.0.0.1", Address("127.0.0.1", 4222)),
        ("nats://host:5000/", Address("host", 5000)),
        ("tls://Host.example:1", Address("host.example", 1, tls=True)),
        ("nats://[::1]:4222", Address("::1", 4222)),
        ("nats://u:p%40ss%2C@h", Address("h", 4222, user="u", password="p@ss,")),
        ("nats://token@h", Address("h", 4222, token="token")),
        ("nats://u:@h", Address("h", 4222, user="u", password="")),
    ],
)
def test_one_address(text: str, expected: Address) -> None:
    assert parse(text) == [expected]


def test_several_addresses() -> None:
    assert parse("nats://a, nats://b:1 ,tls://c") == [
        Address("a", 4222),
        Address("b", 1),
        Address("c", 4222, tls=True),
    ]


@pytest.mark.parametrize(
    "text",
    [
        *("", ",", "nats://", "nats://a,", "http://a", "a:4222", "nats://a:0", "nats://a:x"),
        *("nats://a:65536", "nats://a/path", "nats://a?x=1", "nats://a b", "nats://a\nb"),
        *("nats://:secret@a", "nats://a#x", "nats://[::1", "nats://u:%ff@a"),
        ",".join(["nats://a"] * 17),
        "nats://" + "a" * 4_000,
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"address|user|too"):
        parse(text)


@given(st.text(alphabet="natsl:/@,.%[]?# \n", max_size=30))
def test_no_error_shows_what_was_given(text: str) -> None:
    shown = ""
    try:
        shown = str(parse(f"nats://user:s3cr3t@{text}"))
    except ValueError as error:
        shown = str(error)
    assert "s3cr3t" not in shown


def test_credentials_are_never_shown() -> None:
    (address,) = parse("tls://user:s3cr3t@[::1]:99")
    assert str(address) == "tls://[::1]:99"
    assert "s3cr3t" not in repr(address)
    assert "s3cr3t" not in repr([address])
