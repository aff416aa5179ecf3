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
    with scripted(sends(reply(status, b"{}"))) as server:
        assert probe.port("127.0.0.1", server.port) == (answered, f"status {status}")
    assert server.paths == ["/funding/health"]
    assert f"host: 127.0.0.1:{server.port}\r\n" in server.asked[0].lower()


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
