"""Whether an API answers: a port, a unix socket, and everything that is no answer."""

from pathlib import Path

import pytest

from funding.watchdog import probe
from tests.conftest import free_port
from tests.support.http_script import Turn, hangs, reply, scripted, sends, trickles


@pytest.mark.parametrize(
    ("status", "answered"), [(200, True), (503, True), (500, False), (403, False)]
)
def test_healthy_or_not_it_is_an_answer(status: int, answered: bool) -> None:
    with scripted(sends(reply(status, b"{}"))) as server:
        assert probe.port("127.0.0.1", server.port) == (answered, f"status {status}")
    assert server.paths == ["/funding/health"]
    assert f"host: 127.0.0.1:{server.port}\r\n" in server.asked[0].lower()


def test_a_process_is_asked_at_its_own_socket(short_path: Path) -> None:
    path = short_path / "api_00.sock"
    with scripted(sends(reply(200, b"{}")), unix=str(path)) as server:
        assert probe.unix(path, "127.0.0.1", 8888).answered
    assert "host: 127.0.0.1:8888\r\n" in server.asked[0].lower()
    assert not probe.unix(path, "127.0.0.1", 8888).answered, "nobody listens any more"
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
def test_what_is_no_answer_in_time(turn: Turn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "TIMEOUT_SECONDS", 0.3)
    with scripted(turn) as server:
        assert not probe.port("127.0.0.1", server.port).answered


def test_nobody_listens() -> None:
    found = probe.port("127.0.0.1", free_port())
    assert not found.answered
    assert "ConnectionRefusedError" in found.detail
