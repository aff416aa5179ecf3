"""A taker answers with what its API says, and always with something."""

import os

import pytest

from funding.nats import asking
from funding.nats.asking import Answer, decode
from funding.publish.answers import Answers
from harness.processes import free_port
from tests.support.http_script import reply, scripted, sends

PATH = b"/funding/BTCUSDT/history?days=3"


def test_it_is_the_answer_of_the_api() -> None:
    with scripted(sends(reply(404, b"{}", Content_Type="application/json"))) as server:
        found = decode(Answers("127.0.0.1", server.port).answer(PATH))
        assert server.paths == [PATH.decode()]
    assert found == Answer(404, "application/json", b"{}")


def test_another_path_is_not_asked_for() -> None:
    with scripted(sends(reply(200))) as server:
        found = decode(Answers("127.0.0.1", server.port).answer(b"/metrics"))
        assert server.paths == []
    assert found.status == 400
    assert b"not answered over NATS" in found.body


def test_an_api_that_is_away_is_said() -> None:
    found = decode(Answers("127.0.0.1", free_port()).answer(PATH))
    assert (found.status, b"API does not answer" in found.body) == (503, True)
    with scripted(sends(close=True)) as server:
        assert decode(Answers("127.0.0.1", server.port).answer(PATH)).status == 503


def test_an_answer_that_is_too_large_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "LARGEST_ANSWER", 150)
    with scripted(sends(reply(200, os.urandom(300)))) as server:
        assert decode(Answers("127.0.0.1", server.port).answer(PATH)).status == 502
