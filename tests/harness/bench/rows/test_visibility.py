"""One contender, from the frame that is sent to the answer that shows it."""

from typing import Any

import pytest

from harness.bench.prepared_frames import build
from harness.bench.rows import visibility
from harness.bench.rows.visibility import Watched
from harness.processes import free_port

FRAME = build(main=40, tradfi=5)[0]


class Scripted:
    """In place of a client and of its API: shows each event time, or none."""

    def __init__(self, shows: bool) -> None:
        self.shows, self.sent = shows, b""

    def send(self, frame: bytes) -> None:
        self.sent = frame

    def ask(self) -> bytes:
        place = self.sent.index(b'"E":') + 4
        return b'{"eventTime":%b}' % self.sent[place : place + 13] if self.shows else b"{}"


def watched(scripted: Any, monkeypatch: pytest.MonkeyPatch) -> Watched:
    made = Watched("scripted", scripted, free_port())
    monkeypatch.setattr(made, "ask", scripted.ask)
    return made


def test_a_frame_that_is_shown_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    one = watched(Scripted(shows=True), monkeypatch)
    one.measure(FRAME, 1_800_000_000_000)
    assert len(one.times) == 1
    assert (one.lost, one.why) == (0, "")


def test_a_contender_that_shows_nothing_is_asked_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visibility, "_SHOWN_SECONDS", 0.01)
    one = watched(Scripted(shows=False), monkeypatch)
    for number in range(3):
        one.measure(FRAME, 1_800_000_000_000 + number)
    assert (one.times, one.lost) == ([], 2)
    assert one.why == "shown too late, after 0 trials"


def test_a_port_without_a_listener() -> None:
    nothing: Any = None
    assert Watched("absent", nothing, free_port()).ask() == b""
