"""Whether an API answers: at a port, at a unix socket, and everything that is not an answer."""

from pathlib import Path

import pytest

from funding.watchdog import probe
from tests.conftest import free_port
from tests.support.http_script import Turn, hangs, reply, scripted, sends, trickles


@pytest.mark.parametrize(
    ("status", "answered"), [(200, True), (503, True), (500, False), (403, False)]
)
def test_unhealthy_is_an_answer_and_an_error_is_not(status: int, answered: bool) -> None:
    body = b'{"error":"unhealthy"}' if status == 503 else b"{}"
    with scripted(sends(reply(status, body))) as server:
        found = probe.port("127.0.0.1", server.port)
    assert (found.answered, found.serves) == (answered, answered)
    assert found.detail.startswith(f"status {status}")
    assert server.paths == ["/funding/health"]
    assert f"host: 127.0.0.1:{server.port}\r\n" in server.asked[0].lower()


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (503, b'{"error":"store unavailable","reasons":[]}', "503, store unavailable"),
        (503, b'{"error":"not ready"}', "not ready"),
        (503, b'{"error":"stale"}', "stale"),
        (503, b"no JSON", "status 503 for"),
        (503, b"[" * 100_000, "status 503 for"),
        (404, b'{"error":"unknown symbol"}', "404, unknown symbol"),
    ],
)
def test_answer_that_is_not_what_the_store_holds(status: int, body: bytes, words: str) -> None:
    with scripted(sends(reply(status, body))) as server:
        found = probe.port("127.0.0.1", server.port, "币安人生USDT")
    assert (found.answered, found.serves) == (True, False)
    assert words in found.detail
    path = "/funding/%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT"
    assert server.paths == [path]


def test_quote_of_a_known_symbol_is_what_the_store_holds() -> None:
    with scripted(sends(reply(200, b"{}"))) as server:
        found = probe.port("127.0.0.1", server.port, "BTCUSDT")
    assert (found.answered, found.serves) == (True, True)


def test_process_is_asked_at_its_own_socket(short_path: Path) -> None:
    path = short_path / "api_00.sock"
    with scripted(sends(reply(200, b"{}")), unix=str(path)) as server:
        assert probe.unix(path, "127.0.0.1", 8888).answered
    assert "host: 127.0.0.1:8888\r\n" in server.asked[0].lower()
    assert not probe.unix(path, "127.0.0.1", 8888).answered, "it listens no longer"
    path.unlink()
    assert "FileNotFoundError" in probe.unix(path, "127.0.0.1", 8888).detail


@pytest.mark.parametrize(
    "turn",
    [
        hangs,
        trickles(b"", reply(body=b"0" * 60)),
        sends(b"", close=True),
        sends(b"rubbish\r\n\r\n"),
    ],
    ids=["hangs", "trickles", "closes", "rubbish"],
)
def test_incomplete_or_late_answer_is_not_an_answer(
    turn: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "TIMEOUT_SECONDS", 0.3)
    with scripted(turn) as server:
        assert not probe.port("127.0.0.1", server.port).answered


def test_port_without_a_listener() -> None:
    found = probe.port("127.0.0.1", free_port())
    assert not found.answered
    assert "ConnectionRefusedError" in found.detail
