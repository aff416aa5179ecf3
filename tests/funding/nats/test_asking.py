"""Questions that may be asked, and answers as they travel."""

import os
import zlib

import msgspec
import pytest

from funding.errors import NatsGarbled
from funding.nats import asking
from funding.nats.asking import Answer, decode, encode, path_of


@pytest.mark.parametrize(
    "path",
    ["/funding/BTCUSDT/history", "/funding/xyz%3ANVDA/bars?period=60&since=1", "/funding/A/bars"],
)
def test_settled_rates_and_bars_may_be_asked_for(path: str) -> None:
    assert path_of(path.encode()) == path


@pytest.mark.parametrize(
    "question",
    [
        *(b"", b"/funding", b"/metrics", b"/funding/A/history/x", b"/funding/A/comparisons"),
        *(b"/funding/a/b/history", b"/funding/A?x=/history", b"/funding/#/bars", b"funding/A/bars"),
        *(b"/funding/A/bars HTTP/1.1", b"/funding/A/bars?a\r\nX: y", b"/funding/\xe5/bars"),
        b"/funding/" + b"A" * 201 + b"/bars",
        b"/funding/A/bars?" + b"a" * 501,
    ],
)
def test_nothing_else_may(question: bytes) -> None:
    assert path_of(question) is None


def test_an_answer_arrives_as_it_was_sent() -> None:
    answer = Answer(200, "application/json", b"[1]" * 500_000)
    message = encode(answer)
    assert message is not None
    assert len(message) < 50_000
    assert decode(message) == answer


def test_an_answer_that_nats_would_refuse_is_none() -> None:
    assert encode(Answer(200, "a/b", os.urandom(asking.LARGEST_ANSWER + 1))) is None


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"rubbish",
        zlib.compress(b"rubbish"),
        zlib.compress(msgspec.msgpack.encode([20, "a/b", b""])),
        zlib.compress(msgspec.msgpack.encode([200, "a\r\nb", b""])),
        zlib.compress(msgspec.msgpack.encode([200, "a/b"])),
        zlib.compress(msgspec.msgpack.encode([200, "a/b", bytes(asking.LARGEST_BODY + 1)])),
    ],
)
def test_rubbish_is_garbled(message: bytes) -> None:
    with pytest.raises(NatsGarbled):
        decode(message)
